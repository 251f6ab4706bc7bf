//! This node as a part of a cluster: what goes out, and who is where. Without a backplane there is none of this.

mod arrival;
mod claim;
pub(crate) mod envelope;
mod interest;
mod keeper;
mod location;
mod question;
mod registrar;
mod seen;
mod settings;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backplane::{
        Address, Backplane, BackplaneError, Confirmation, Interest, Member, NodeId, Outlet, Status,
        UserState,
    },
    name::{Realm, UserKey},
    render::Rendering,
    session::Session,
};
use claim::Claims;
use envelope::{Origin, Outbound};
use interest::Interests;
use location::Locations;
pub use question::AskError;
use question::Questions;
pub(crate) use question::Respondents;
use registrar::Registrar;
pub use settings::ClusterSettings;

/// A node of a cluster.
pub(crate) struct Cluster {
    pub(crate) backplane: Arc<dyn Backplane>,
    pub(crate) settings: ClusterSettings,
    pub(crate) traffic: Traffic,
    node: NodeId,
    incarnation: AtomicU64,
    interests: Interests,
    locations: Locations,
    registrar: Registrar,
    claims: Claims,
    questions: Questions,
    realms: Mutex<BTreeSet<Realm>>,
    /// Counts the envelopes sent.
    number: AtomicU64,
    /// Where arrivals wait until the tasks start.
    outlet: Mutex<Option<Outlet>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What crossed between this node and others, in totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unavailable: AtomicU64,
    pub(crate) lookups: AtomicU64,
    pub(crate) relayed: AtomicU64,
    pub(crate) lag_us: AtomicU64,
    pub(crate) lag_us_max: AtomicU64,
}

impl Cluster {
    /// Joins the cluster; the tasks begin with [`run`](Self::run).
    pub(crate) fn new(
        backplane: Arc<dyn Backplane>,
        settings: ClusterSettings,
        respondents: Respondents,
    ) -> Arc<Self> {
        let node = NodeId::fresh();
        let (inlet, outlet) = crate::backplane::Inlet::pair();
        backplane.start(&node, inlet);
        Arc::new(Self {
            backplane,
            settings,
            traffic: Traffic::default(),
            node,
            incarnation: AtomicU64::new(0),
            interests: Interests::default(),
            locations: Locations::default(),
            registrar: Registrar::default(),
            claims: Claims::default(),
            questions: Questions::new(respondents),
            realms: Mutex::default(),
            number: AtomicU64::new(0),
            outlet: Mutex::new(Some(outlet)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    pub(crate) fn node(&self) -> &NodeId {
        &self.node
    }

    /// What works: the backplane, and whether this node is a member now.
    pub(crate) fn status(&self) -> Status {
        let mut status = self.backplane.status();
        if !self.registrar.is_in_touch() {
            status.dark.push((
                "directory".to_owned(),
                "no answer to the last call".to_owned(),
            ));
        }
        status
    }

    pub(crate) fn interests_count(&self) -> usize {
        self.interests.len()
    }

    /// Hands a message to the other nodes that want it.
    pub(crate) fn publish(&self, destination: &str, rendering: &Rendering<'_>) -> Confirmation {
        let tails;
        let payload = if rendering.is_filtered() {
            let (headers, body) = rendering.parts();
            Outbound::Parts(headers, body)
        } else {
            tails = rendering.all_tails();
            Outbound::Tails(&tails)
        };
        let envelope = envelope::topic(&self.origin(), destination, &payload);
        self.send(Address::Destination(destination), envelope)
    }

    /// Hands bytes that no client sees to the other nodes that want what is sent to `address`.
    pub(crate) fn tell_all(&self, address: &str, body: &bytes::Bytes) -> Confirmation {
        let headers = stompline_proto::Headers::new();
        let payload = Outbound::Parts(&headers, body);
        let envelope = envelope::topic(&self.origin(), address, &payload);
        self.send(Address::Destination(address), envelope)
    }

    /// Hands a message for `user` to the other nodes where the user is.
    pub(crate) async fn publish_to_user(
        &self,
        user: &UserKey,
        is_here: bool,
        (destination, rendering): (&str, &Rendering<'_>),
    ) -> Vec<Confirmation> {
        let nodes = match self.nodes_of(user, is_here).await {
            Ok(nodes) => nodes,
            Err(error) => return vec![self.refused(error)],
        };
        let others: Vec<NodeId> = nodes.into_iter().filter(|one| *one != self.node).collect();
        if others.is_empty() {
            return Vec::new();
        }
        let tails;
        let payload = if rendering.is_filtered() {
            let (headers, body) = rendering.parts();
            Outbound::Parts(headers, body)
        } else {
            tails = rendering.all_tails();
            Outbound::Tails(&tails)
        };
        let envelope = envelope::user(&self.origin(), user, destination, &payload);
        others
            .iter()
            .map(|node| self.send(Address::Node(node), envelope.clone()))
            .collect()
    }

    /// Wants `interest`. Resolves when everything published to it arrives here.
    pub(crate) fn join(&self, interest: Interest) -> Confirmation {
        let wanted = interest.clone();
        let joined = self.interests.join(interest, &*self.backplane);
        // What was joined before is not heard while its link is dark, and a RECEIPT would promise it.
        if matches!(joined.peek(), Some(Ok(())))
            && let Some(dark) = self.backplane.obstacle(&wanted)
        {
            return self.refused(dark);
        }
        let within = self.settings.join_timeout;
        async move {
            tokio::time::timeout(within, joined)
                .await
                .unwrap_or(Err(BackplaneError::Timeout(within)))
        }
        .boxed()
    }

    pub(crate) fn leave(&self, interest: Interest) {
        self.interests.leave(interest, Instant::now());
    }

    /// A session has connected.
    pub(crate) fn arrive(&self, session: &Session) {
        self.registrar.arrive(self.entry(session));
    }

    /// A session has ended, and is in no table of this node any more.
    pub(crate) fn part(&self, session: &Session) {
        self.registrar.part(self.entry(session));
    }

    /// Resolves when the other nodes can find the session.
    pub(crate) fn registered(&self, session: &str) -> Confirmation {
        self.registrar
            .registered(session, self.settings.join_timeout)
    }

    /// The realms that are known anywhere.
    pub(crate) fn realms(&self, local: Vec<Realm>) -> Vec<Realm> {
        let mut realms = self
            .realms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        realms.extend(local);
        realms.into_iter().collect()
    }

    pub(crate) fn learn_realms(&self, more: impl IntoIterator<Item = Realm>) {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        realms.extend(more);
    }

    /// Ends a session on another node. Without a reason a newer session took its place.
    pub(crate) fn kick(&self, node: &NodeId, session: &str, reason: Option<&str>) -> Confirmation {
        let envelope = envelope::kick(&self.origin(), session, reason);
        self.send(Address::Node(node), envelope)
    }

    async fn nodes_of(&self, user: &UserKey, is_here: bool) -> Result<Vec<NodeId>, BackplaneError> {
        // Who has a session here is kept up to date by the others.
        let fresh = if is_here {
            Duration::MAX
        } else {
            self.settings.staleness_max
        };
        if let Some(nodes) = self.locations.find(user, fresh, Instant::now()) {
            return Ok(nodes);
        }
        self.traffic.lookups.fetch_add(1, Ordering::Relaxed);
        let states = self.backplane.look_up(vec![user.clone()]).await?;
        let state = states.into_iter().next().unwrap_or_default();
        let nodes = nodes(&state);
        self.locations
            .learn(user, state.version, nodes.clone(), Instant::now());
        Ok(nodes)
    }

    /// Tells the others where `user` is now.
    fn announce(&self, user: &UserKey, state: &UserState) -> Confirmation {
        let nodes = nodes(state);
        let envelope = envelope::moved(&self.origin(), user, state.version, &nodes);
        self.send(Address::Everyone, envelope)
    }

    fn send(&self, to: Address<'_>, envelope: bytes::Bytes) -> Confirmation {
        self.traffic.sent.fetch_add(1, Ordering::Relaxed);
        self.backplane.publish(to, envelope)
    }

    fn refused(&self, error: BackplaneError) -> Confirmation {
        self.traffic.unavailable.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(error)).boxed()
    }

    fn origin(&self) -> Origin {
        Origin {
            node: self.node.clone(),
            number: self.number.fetch_add(1, Ordering::Relaxed) + 1,
            sent_us: now_us(),
        }
    }

    fn member(&self) -> Member {
        Member {
            node: self.node.clone(),
            incarnation: self.incarnation.load(Ordering::Relaxed),
        }
    }

    /// What the directory shows of a session here.
    pub(crate) fn entry(&self, session: &Session) -> crate::backplane::SessionEntry {
        session.entry(self.member())
    }
}

/// The nodes of a state, each once.
fn nodes(state: &UserState) -> Vec<NodeId> {
    let nodes: BTreeSet<&NodeId> = state.sessions.iter().map(|one| &one.member.node).collect();
    nodes.into_iter().cloned().collect()
}

/// A random part of `span`.
pub(crate) fn jitter(span: Duration) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(keeper::random_below(micros))
}

/// Microseconds since 1970, for the lag between nodes.
fn now_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
