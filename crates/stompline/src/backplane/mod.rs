//! The one door to other nodes: what a cluster needs from whatever connects it.
//!
//! A [`Backplane`] carries envelopes between nodes and keeps the directory of who is where. It knows no STOMP and no subscriber; the node
//! delivers what arrives, and never publishes it again. [`MemoryBus`] connects nodes of one process; the crate `stompline-redis`
//! connects processes.
//!
//! ```
//! use stompline::{Stompline, backplane::MemoryBus};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), stompline::BuildError> {
//! let bus = MemoryBus::new();
//! let first = Stompline::builder::<()>().backplane(bus.link()).build()?;
//! let second = Stompline::builder::<()>().backplane(bus.link()).build()?;
//! # drop((first, second)); Ok(())
//! # }
//! ```

mod directory;
mod entry;
mod fault;
mod inlet;
mod memory;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::name::{Realm, UserKey};
pub use directory::DirectoryModel;
pub use entry::{Member, NodeId, SessionEntry, Standing, Swept, UserState};
pub use fault::Faults;
pub(crate) use inlet::{Arrival, Outlet};
pub use inlet::{Inlet, Route};
pub use memory::{MemoryBus, MemoryLink};

/// Resolves when the cluster has taken what a call handed over. Dropping it takes nothing back.
pub type Confirmation = BoxFuture<'static, Result<(), BackplaneError>>;

/// What connects the nodes of a cluster.
///
/// Every call returns at once. [`publish`](Self::publish), [`join`](Self::join) and [`leave`](Self::leave) take effect in the order in
/// which they were called, whether or not the confirmation is awaited. Every future resolves within a bound that the implementation
/// documents, also when nobody answers; a backplane that knows that it is cut off fails at once.
pub trait Backplane: Send + Sync + 'static {
    /// Begins to receive for `node`, as a member of the cluster: what is addressed to it, to everyone, or to its interests goes into
    /// `inlet`. Called once, inside a Tokio runtime.
    fn start(&self, node: &NodeId, inlet: Inlet);

    /// Sends `envelope`. One sender's envelopes to one address arrive in order, each at most once. The sender may receive its own.
    fn publish(&self, to: Address<'_>, envelope: Bytes) -> Confirmation;

    /// From the confirmation on, everything published to `interest` anywhere arrives here. An interest whose confirmation failed stays
    /// wanted: it is joined as soon as that is possible, unless it is left.
    fn join(&self, interest: Interest) -> Confirmation;

    /// Ends an interest.
    fn leave(&self, interest: Interest) -> Confirmation;

    /// What works and what does not.
    fn status(&self) -> Status;

    /// Why what is published to `interest` may not arrive here now, though it was joined; `None` if it does. Unless the implementation
    /// can tell one interest from another, the first thing in [`status`](Self::status) that is dark.
    fn obstacle(&self, _interest: &Interest) -> Option<BackplaneError> {
        let (link, reason) = self.status().dark.into_iter().next()?;
        Some(BackplaneError::Unreachable(
            format!("{link}: {reason}").into(),
        ))
    }

    /// Extends the lease of `member` to `lease` from now. False if the directory does not know it, any more or yet, or has begun to take
    /// its sessions out.
    fn renew(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<bool, BackplaneError>>;

    /// Makes `member` known with a lease. Gives the first member that the directory ever knew: the same as long as it has forgotten
    /// nothing.
    fn enroll(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<Member, BackplaneError>>;

    /// Removes `member`, whose sessions are gone already.
    fn depart(&self, member: &Member) -> BoxFuture<'static, Result<(), BackplaneError>>;

    /// Adds sessions to the directory. For each, in order, what its user has then. Registering twice is the same as once. What is to be
    /// announced is handed to this caller, as by [`sweep`](Self::sweep).
    fn register(
        &self,
        sessions: Vec<(SessionEntry, Standing)>,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>>;

    /// Removes sessions, under whichever incarnation of their node they are there. A user without any is offline once `grace` has passed.
    fn unregister(
        &self,
        sessions: Vec<SessionEntry>,
        grace: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>>;

    /// What each of `users` has now, on nodes that live.
    fn look_up(
        &self,
        users: Vec<UserKey>,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>>;

    /// The session with this id, if its node lives.
    fn find(
        &self,
        session: &str,
    ) -> BoxFuture<'static, Result<Option<SessionEntry>, BackplaneError>>;

    /// Users with a session on a node that lives, `limit` at most, in no order.
    fn online(&self, limit: usize) -> BoxFuture<'static, Result<Vec<UserKey>, BackplaneError>>;

    /// The realms in which anybody was ever registered.
    fn realms(&self) -> BoxFuture<'static, Result<Vec<Realm>, BackplaneError>>;

    /// Notes that what is called `name` is at `member`, until it is released there or the lease is over. Gives another node that lives and
    /// has it already, unless that is `despite`, which loses it. Refused without a lease.
    fn claim(
        &self,
        member: &Member,
        name: &str,
        despite: Option<&NodeId>,
    ) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>>;

    /// Takes the names back from `member`.
    fn release(&self, member: &Member, names: Vec<Arc<str>>) -> Confirmation;

    /// The node that lives and has claimed `name`.
    fn locate(&self, name: &str) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>>;

    /// Takes what is to be announced: users whose grace is over, and with `reap` sessions of nodes whose lease has run out. Each is
    /// handed to one caller. If that one has not said within `hold` that it was [told](Self::told), it has died or got no answer, and the
    /// next caller gets it, as things are then.
    fn sweep(
        &self,
        reap: bool,
        grace: Duration,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Swept, BackplaneError>>;

    /// Ends the hold of what was announced.
    fn told(&self, told: Swept) -> Confirmation;

    /// Ends all links and tasks.
    fn stop(&self) -> BoxFuture<'static, ()>;
}

/// Where an envelope goes.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// Nodes that are interested in this destination, or in everything.
    Destination(&'a str),
    /// The inbox of one node.
    Node(&'a NodeId),
    /// Every node.
    Everyone,
}

/// What a node wants to receive besides its inbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// What is published to one destination.
    Destination(Arc<str>),
    /// What is published to any destination: the price of a pattern.
    Everything,
}

/// Why the cluster did not take something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackplaneError {
    /// There is no link now.
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(Arc<str>),
    /// No answer within the deadline. It may have had its effect.
    #[error("the cluster did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Too much is waiting already.
    #[error("more than {0} requests wait for the cluster")]
    Busy(usize),
    /// It answered that it will not, or something that makes no sense.
    #[error("the cluster refused: {0}")]
    Refused(Arc<str>),
}

/// What of a backplane works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The links that are dark, each with the reason. Empty: all is well.
    pub dark: Vec<(String, String)>,
}

impl Status {
    /// A status that names what is dark.
    pub fn new(dark: Vec<(String, String)>) -> Self {
        Self { dark }
    }

    /// Whether everything works.
    pub fn is_well(&self) -> bool {
        self.dark.is_empty()
    }
}
