//! A log of inbound frames.

use std::fmt::Write;

use futures_util::future::BoxFuture;

use super::{Interceptor, Next, Outcome, Request};
use crate::rejection::Rejection;

/// Headers whose values never reach a log.
const SECRETS: [&str; 5] = ["passcode", "authorization", "token", "cookie", "login"];

/// Logs every inbound frame at level `debug` (target `stompline::frame`): who, what, where, how large. Values of headers that may hold
/// secrets are masked, and bodies are never logged.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameLog(());

impl Interceptor for FrameLog {
    fn intercept<'a>(
        &'a self,
        request: Request,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<Outcome, Rejection>> {
        if tracing::enabled!(target: "stompline::frame", tracing::Level::DEBUG) {
            tracing::debug!(
                target: "stompline::frame",
                session = request.session.id(),
                user = %request.session.key(),
                command = request.action.command(),
                destination = request.destination,
                headers = masked(&request),
                bytes = request.body.len(),
            );
        }
        next.run(request)
    }
}

fn masked(request: &Request) -> String {
    let mut text = String::new();
    for (name, value) in &request.headers {
        let secret = SECRETS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret));
        let value = if secret { "***" } else { value };
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{}={}", name.escape_debug(), value.escape_debug());
    }
    text
}
