//! What happens to sessions.

use std::sync::Arc;

use crate::{close::CloseReason, session::Session};

/// An event of one session. Each happens exactly once, in this order: connecting, connected, any number of subscribed and unsubscribed,
/// disconnected. Each is told after its effect is real.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A CONNECT frame came; it may still be refused. The session has no principal yet where it authenticates late.
    Connecting(Arc<Session>),
    /// CONNECTED was sent.
    Connected(Arc<Session>),
    /// A subscription is live.
    Subscribed {
        /// Whose.
        session: Arc<Session>,
        /// The subscription's id.
        id: Arc<str>,
        /// The destination as the client named it.
        destination: Arc<str>,
    },
    /// A subscription has ended by UNSUBSCRIBE. Those that end with their session are not told one by one.
    Unsubscribed {
        /// Whose.
        session: Arc<Session>,
        /// The subscription's id.
        id: Arc<str>,
        /// The destination as the client named it.
        destination: Arc<str>,
    },
    /// The session is over: no subscription of it is left, nothing more is sent to it.
    Disconnected {
        /// Whose.
        session: Arc<Session>,
        /// Why.
        reason: CloseReason,
    },
}

impl SessionEvent {
    /// The session it is about.
    pub fn session(&self) -> &Arc<Session> {
        match self {
            Self::Connecting(session)
            | Self::Connected(session)
            | Self::Subscribed { session, .. }
            | Self::Unsubscribed { session, .. }
            | Self::Disconnected { session, .. } => session,
        }
    }
}

/// Somebody who wants to know. It runs on the session's own task: it must not block, and hands over what takes long.
pub trait Listener: Send + Sync + 'static {
    /// Takes note of `event`.
    fn on_event(&self, event: &SessionEvent);
}

impl<F: Fn(&SessionEvent) + Send + Sync + 'static> Listener for F {
    fn on_event(&self, event: &SessionEvent) {
        self(event);
    }
}
