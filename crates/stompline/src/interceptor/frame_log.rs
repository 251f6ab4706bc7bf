//! A log of inbound frames.

use std::fmt::Write;

use futures_util::future::BoxFuture;
use stompline_proto::Headers;

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
                headers = masked(&request.headers),
                bytes = request.body.len(),
            );
        }
        next.run(request)
    }
}

fn masked(headers: &Headers) -> String {
    let mut text = String::new();
    for (name, value) in headers {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_headers_are_masked_whatever_their_case() {
        for name in [
            "passcode",
            "Passcode",
            "authorization",
            "Authorization",
            "token",
            "TOKEN",
            "cookie",
            "Cookie",
            "login",
            "Login",
        ] {
            let headers = Headers::from_iter([("a", "seen"), (name, "s3cret"), ("z", "too")]);
            assert_eq!(masked(&headers), format!("a=seen {name}=*** z=too"));
        }
    }

    #[test]
    fn values_cannot_forge_a_line() {
        let headers = Headers::from_iter([("x", "1\n2026-01-01 INFO all is well")]);
        assert_eq!(masked(&headers), "x=1\\n2026-01-01 INFO all is well");
    }
}
