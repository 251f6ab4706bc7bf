//! Sessions over HTTP that live on another node: their requests are served all the same, by asking that node.
//!
//! A session stays where its first request came. A request that a load balancer brings elsewhere finds out where that is
//! ([`Relay::locate`]) and goes through: messages are handed over in batches, frames are fetched one after the other. Whoever fetches says
//! afterwards whether its response was whole; until then the session knows that frames may be lost, and ends if it is not told. So each frame is
//! in one response, in order, or the session is over and its client begins a new one, as on one node.

mod holder;
mod letter;
mod remote;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub(crate) use holder::{Give, Holders};
pub(crate) use letter::{Answer, Asked, Question};
pub(crate) use remote::{First, Remote};

/// How long a session waits for a receiver on another node that was given frames: as long as a socket may take nothing.
pub(crate) const HOLD: Duration = Duration::from_secs(10);

/// How long the session of another node may wait for room before it refuses messages.
pub(crate) const ROOM_PATIENCE: Duration = Duration::from_secs(5);

/// How long another node's answer may be under way, besides what it may wait.
const ON_THE_WAY: Duration = Duration::from_secs(3);

/// What connects the endpoints of several nodes that serve the same paths. `O` is [`Service::Owner`](crate::Service::Owner).
///
/// What it asks of another node must reach the [`Responder`] of the endpoint with the same paths there, at most once. Without it each node
/// knows its own sessions only, and a load balancer must bring all requests of a session to one node.
pub trait Relay<O>: Send + Sync + 'static {
    /// The line to the other node where the session is. `None` if it is nowhere, or nobody can tell.
    fn locate(&self, owner: &O, id: &str) -> BoxFuture<'_, Option<Arc<dyn Line>>>;

    /// Notes that the session is here, before it begins. `None` if it is on another node, which then serves it; `despite` names one that
    /// has said that it is not. Also given if it cannot be noted now.
    fn claim(&self, owner: &O, id: &str, despite: Option<&str>) -> BoxFuture<'_, Option<Claim>>;

    /// Called once, with who answers here what other nodes ask.
    fn attend(&self, responder: Responder<O>);
}

/// Says for as long as it is kept that a session is here.
pub type Claim = Box<dyn Send + Sync>;

/// Asks the node of one session about it.
pub trait Line: Send + Sync + 'static {
    /// The name of the node.
    fn node(&self) -> &str;

    /// Gives the answer of that node's [`Responder`], which comes `within` this time.
    fn ask(
        &self,
        question: Bytes,
        within: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unanswered>>;

    /// As [`ask`](Self::ask), if nobody needs the answer. It does not block.
    fn tell(&self, question: Bytes);
}

/// The other node did not answer in time, or cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node of the session does not answer")]
pub struct Unanswered;

type Respond<O> = dyn Fn(O, Box<str>, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync;

/// Answers what other nodes ask about the sessions of an endpoint. Cheap to clone; it does not keep the endpoint alive.
pub struct Responder<O>(Arc<Respond<O>>);

impl<O> Responder<O> {
    pub(crate) fn new(
        respond: impl Fn(O, Box<str>, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(respond))
    }

    /// Answers a question about the session `id` of `owner`, whom the node that asks has identified. It takes as long as the session may
    /// have nothing to say: seconds.
    pub fn answer(&self, owner: O, id: &str, question: Bytes) -> BoxFuture<'static, Bytes> {
        (self.0)(owner, id.into(), question)
    }
}

impl<O> Clone for Responder<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O> std::fmt::Debug for Responder<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Responder")
    }
}

/// What became of messages that were handed to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    Taken,
    /// There is no such session, any more.
    Gone,
    /// Nobody can tell.
    Unanswered,
}

/// Hands messages to the session at the other end of `line`.
pub(crate) async fn hand_over(line: &dyn Line, messages: &[String]) -> Handed {
    let question = Question::Take { messages }.encode();
    let answer = line.ask(question, ROOM_PATIENCE + ON_THE_WAY).await;
    match answer.ok().and_then(|answer| Answer::decode(&answer)) {
        Some(Answer::Taken) => Handed::Taken,
        Some(Answer::Gone) => Handed::Gone,
        _ => Handed::Unanswered,
    }
}
