//! What the log and the metrics say of each session: that it was there, whose it was, and why it ended.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use stompline::auth::Principal;
use stompline::{CloseReason, Session, SessionEvent};

/// Sessions that have ended since the start, by the reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionsEnded(Family<Reason, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl SessionsEnded {
    /// Shows the numbers in `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Sessions that ended after CONNECT, by the reason";
        registry.register("sessions_ended", help, self.0.clone());
    }

    /// Takes note of what happens to sessions.
    pub(crate) fn note(&self, event: &SessionEvent) {
        match event {
            SessionEvent::Connected(session) => began(session),
            SessionEvent::Disconnected { session, reason } => {
                // Whom CONNECT refused had no session.
                if session.principal_if_connected().is_some() {
                    let label = reason.label();
                    self.0.get_or_create(&Reason { reason: label }).inc();
                }
                ended(session, reason);
            }
            _ => {}
        }
    }
}

/// Only for those who look closely: the line at the end says it all again.
fn began(session: &Arc<Session>) {
    tracing::debug!(
        target: "stompline::session",
        session = session.id(),
        user = %session.principal().key(),
        endpoint = session.endpoint(),
        transport = session.transport().name(),
        "session began"
    );
}

fn ended(session: &Arc<Session>, reason: &CloseReason) {
    let user = session.principal_if_connected().map(Principal::key);
    let open = session.opened_at().elapsed().unwrap_or_default();
    tracing::info!(
        target: "stompline::session",
        session = session.id(),
        user = user.map(tracing::field::display),
        endpoint = session.endpoint(),
        transport = session.transport().name(),
        reason = reason.label(),
        code = reason.code(),
        seconds = open.as_secs(),
        "session ended"
    );
}
