//! Code that sees every inbound frame before it takes effect.

mod content;
mod frame_log;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use stompline_proto::{AckMode, Headers, SubscriptionId};

use crate::{
    app::Core, backplane::Confirmation, broker::Published, message::Message, rejection::Rejection,
    reply::Reply, session::Session, subscription::Subscription,
};

pub use content::ContentRules;
pub use frame_log::FrameLog;

/// What a frame asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// CONNECT or STOMP. The session has its principal; nothing was answered yet.
    Connect,
    /// SEND.
    Send,
    /// SUBSCRIBE.
    Subscribe,
    /// UNSUBSCRIBE.
    Unsubscribe,
    /// ACK.
    Ack,
    /// NACK.
    Nack,
    /// BEGIN.
    Begin,
    /// COMMIT. If it is refused, nothing of the transaction takes effect; otherwise its frames follow, each seen when it is applied.
    Commit,
    /// ABORT.
    Abort,
    /// DISCONNECT. Refusing it does not keep the session alive.
    Disconnect,
}

impl Action {
    /// The command on the wire.
    pub fn command(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Disconnect => "DISCONNECT",
        }
    }
}

/// An inbound frame. What an interceptor changes is what takes effect.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What it asks for.
    pub action: Action,
    /// Who sent it.
    pub session: Arc<Session>,
    /// The destination of a SEND or SUBSCRIBE; empty otherwise.
    pub destination: String,
    /// The headers that are not the protocol's.
    pub headers: Headers,
    /// The body of a SEND; empty otherwise.
    pub body: Bytes,
    /// The `receipt` that the client asked for.
    pub receipt: Option<String>,
    pub(crate) subscription: Option<(SubscriptionId, AckMode)>,
}

impl Request {
    pub(crate) fn new(action: Action, session: &Arc<Session>) -> Self {
        Self {
            action,
            session: Arc::clone(session),
            destination: String::new(),
            headers: Headers::new(),
            body: Bytes::new(),
            receipt: None,
            subscription: None,
        }
    }
}

/// The effect that a frame had.
#[must_use]
pub struct Outcome(pub(crate) Effect);

pub(crate) enum Effect {
    Nothing,
    Published(Published),
    Reply(Reply),
    Snapshot(Message),
    /// A live subscription, and when the cluster knows of it.
    Subscribed(Arc<Subscription>, Option<Confirmation>),
}

/// One link of the inbound chain. It sees every frame of a client but two kinds: heart-beats, and the SEND that renews the session's own
/// token (`/app/session.renew`), which is between the client and the authenticator.
///
/// ```
/// use stompline::{BoxFuture, Interceptor, Next, Outcome, Rejection, Request};
///
/// struct BusinessHours;
///
/// impl Interceptor for BusinessHours {
///     fn intercept<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Outcome, Rejection>> {
///         Box::pin(async move {
///             if request.destination == "/app/call" && is_night() {
///                 return Err(Rejection::new("closed", "we are open from 9 to 17"));
///             }
///             next.run(request).await
///         })
///     }
/// }
/// # fn is_night() -> bool { false }
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Looks at `request`, and lets it go on by `next.run(request)`, or refuses it.
    fn intercept<'a>(
        &'a self,
        request: Request,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<Outcome, Rejection>>;
}

/// The rest of the chain.
pub struct Next<'a> {
    pub(crate) rest: &'a [Arc<dyn Interceptor>],
    pub(crate) core: &'a Arc<Core>,
}

impl<'a> Next<'a> {
    /// Runs the rest of the chain and then the frame's effect.
    ///
    /// # Errors
    ///
    /// The rejection of a later link, of the access rules or of the handler.
    pub fn run(self, request: Request) -> BoxFuture<'a, Result<Outcome, Rejection>> {
        match self.rest.split_first() {
            Some((first, rest)) => first.intercept(
                request,
                Next {
                    rest,
                    core: self.core,
                },
            ),
            None => Box::pin(self.core.perform(request)),
        }
    }
}
