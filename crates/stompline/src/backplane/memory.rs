//! Nodes in one process: for tests, and for a single node that wants presence events.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::{
    Address, Backplane, BackplaneError, Confirmation, DirectoryModel, Faults, Inlet, Interest,
    Member, NodeId, Route, SessionEntry, Standing, Status, Swept, UserState,
};
use crate::name::{Realm, UserKey};

/// Connects nodes of one process. Cheap to clone. It never waits and, without [`Faults`], never fails.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    nodes: HashMap<NodeId, Port>,
    directory: DirectoryModel,
    faults: Faults,
    chance: u64,
    /// Nodes that are cut off.
    cut: HashSet<NodeId>,
    /// Nodes that do not get all answers: of a thousand so many are lost.
    unanswered: HashMap<NodeId, u32>,
}

#[derive(Debug)]
struct Port {
    inlet: Inlet,
    /// What is on its way, if the bus is slow.
    slow: Option<mpsc::UnboundedSender<(Duration, Route, Bytes)>>,
    interests: HashSet<Interest>,
}

impl MemoryBus {
    /// A bus with no nodes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A bus on which things go wrong.
    pub fn faulty(faults: Faults) -> Self {
        let bus = Self::new();
        bus.lock().faults = faults;
        bus.lock().chance = faults.seed;
        bus
    }

    /// The link of one more node.
    pub fn link(&self) -> MemoryLink {
        MemoryLink {
            bus: self.clone(),
            node: OnceLock::new(),
        }
    }

    /// Cuts `node` off, or connects it again.
    pub fn cut(&self, node: &NodeId, cut: bool) {
        let mut shared = self.lock();
        if cut {
            shared.cut.insert(node.clone());
        } else {
            shared.cut.remove(node);
            if let Some(port) = shared.nodes.get(node) {
                port.inlet.note_loss();
            }
        }
    }

    /// Loses so many of a thousand answers to what `node` asks, which happens all the same.
    pub fn lose_answers(&self, node: &NodeId, permille: u32) {
        self.lock().unanswered.insert(node.clone(), permille);
    }

    /// Forgets the directory, as a server does that comes back without its data.
    pub fn forget(&self) {
        self.lock().directory = DirectoryModel::default();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// A number below `bound`, the next in a sequence that the seed decides.
    fn draw(&mut self, bound: u64) -> u64 {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % bound.max(1)
    }

    fn carry(&mut self, to: &NodeId, route: Route, envelope: &Bytes) {
        if self.cut.contains(to) || self.draw(1_000) < self.faults.lost_permille.into() {
            return;
        }
        let copies = 1 + u32::from(self.draw(1_000) < self.faults.doubled_permille.into());
        let delay_max = u64::try_from(self.faults.delay_max.as_micros()).unwrap_or(u64::MAX);
        let delay = Duration::from_micros(self.draw(delay_max));
        let Some(port) = self.nodes.get(to) else {
            return;
        };
        for _ in 0..copies {
            match &port.slow {
                Some(slow) => {
                    let _ = slow.send((delay, route, envelope.clone()));
                }
                None => {
                    port.inlet.offer(route, envelope.clone());
                }
            }
        }
    }

    fn publish(&mut self, to: Address<'_>, envelope: &Bytes) {
        let mut targets = Vec::new();
        for (node, port) in &self.nodes {
            match to {
                Address::Node(only) if only == node => targets.push((node.clone(), Route::Direct)),
                Address::Node(_) => {}
                Address::Everyone => targets.push((node.clone(), Route::Direct)),
                Address::Destination(name) => {
                    if port.interests.contains(&Interest::Destination(name.into())) {
                        targets.push((node.clone(), Route::Destination));
                    }
                    if port.interests.contains(&Interest::Everything) {
                        targets.push((node.clone(), Route::Everything));
                    }
                }
            }
        }
        targets.sort_by(|one, other| one.0.cmp(&other.0));
        for (node, route) in targets {
            self.carry(&node, route, envelope);
        }
    }
}

/// Delivers what is on its way, in order.
async fn slowly(inlet: Inlet, mut way: mpsc::UnboundedReceiver<(Duration, Route, Bytes)>) {
    while let Some((delay, route, envelope)) = way.recv().await {
        tokio::time::sleep(delay).await;
        inlet.offer(route, envelope);
    }
}

/// The link of one node to a [`MemoryBus`].
#[derive(Debug)]
pub struct MemoryLink {
    bus: MemoryBus,
    node: OnceLock<NodeId>,
}

impl MemoryLink {
    /// Runs `act` on the bus unless this node is cut off.
    fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Shared, &NodeId) -> T,
    ) -> BoxFuture<'static, Result<T, BackplaneError>> {
        let mut shared = self.bus.lock();
        let done = match self.node.get() {
            Some(node) if !shared.cut.contains(node) => {
                let done = act(&mut shared, node);
                let lost = shared.unanswered.get(node).copied().unwrap_or_default();
                if lost > 0 && shared.draw(1_000) < lost.into() {
                    Err(BackplaneError::Timeout(Duration::ZERO))
                } else {
                    Ok(done)
                }
            }
            Some(_) => Err(BackplaneError::Unreachable("the node is cut off".into())),
            None => Err(BackplaneError::Refused("the link was not started".into())),
        };
        Box::pin(std::future::ready(done))
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Backplane for MemoryLink {
    fn start(&self, node: &NodeId, inlet: Inlet) {
        let mut shared = self.bus.lock();
        let _ = self.node.set(node.clone());
        let slow = (!shared.faults.delay_max.is_zero()).then(|| {
            let (sender, way) = mpsc::unbounded_channel();
            // It ends with the port, which owns the other end.
            tokio::spawn(slowly(inlet.clone(), way));
            sender
        });
        let port = Port {
            inlet,
            slow,
            interests: HashSet::new(),
        };
        shared.nodes.insert(node.clone(), port);
    }

    fn publish(&self, to: Address<'_>, envelope: Bytes) -> Confirmation {
        self.with(|shared, _| shared.publish(to, &envelope))
    }

    fn join(&self, interest: Interest) -> Confirmation {
        // Wanted also while the node is cut off.
        let kept = self.node.get().and_then(|node| {
            let mut shared = self.bus.lock();
            let port = shared.nodes.get_mut(node)?;
            port.interests.insert(interest);
            Some(())
        });
        self.with(move |_, _| kept.unwrap_or_default())
    }

    fn leave(&self, interest: Interest) -> Confirmation {
        self.with(|shared, node| {
            if let Some(port) = shared.nodes.get_mut(node) {
                port.interests.remove(&interest);
            }
        })
    }

    fn status(&self) -> Status {
        let shared = self.bus.lock();
        let cut = self
            .node
            .get()
            .is_some_and(|node| shared.cut.contains(node));
        let dark = cut.then(|| ("bus".to_owned(), "the node is cut off".to_owned()));
        Status::new(dark.into_iter().collect())
    }

    fn renew(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<bool, BackplaneError>> {
        self.with(|shared, _| shared.directory.renew(member, now() + lease))
    }

    fn enroll(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<Member, BackplaneError>> {
        let member = member.clone();
        self.with(|shared, _| shared.directory.enroll(member, now() + lease))
    }

    fn depart(&self, member: &Member) -> Confirmation {
        self.with(|shared, _| shared.directory.depart(member))
    }

    fn register(
        &self,
        sessions: Vec<(SessionEntry, Standing)>,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        self.with(|shared, _| {
            let register =
                |(entry, standing)| shared.directory.register(entry, standing, hold, now());
            sessions.into_iter().map(register).collect()
        })
    }

    fn unregister(
        &self,
        sessions: Vec<SessionEntry>,
        grace: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        self.with(|shared, _| {
            sessions
                .iter()
                .map(|entry| shared.directory.unregister(entry, grace, now()))
                .collect()
        })
    }

    fn look_up(
        &self,
        users: Vec<UserKey>,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        self.with(|shared, _| {
            users
                .iter()
                .map(|user| shared.directory.state(user, now()))
                .collect()
        })
    }

    fn find(
        &self,
        session: &str,
    ) -> BoxFuture<'static, Result<Option<SessionEntry>, BackplaneError>> {
        self.with(|shared, _| shared.directory.find(session, now()).cloned())
    }

    fn online(&self, limit: usize) -> BoxFuture<'static, Result<Vec<UserKey>, BackplaneError>> {
        self.with(|shared, _| shared.directory.online(limit, now()))
    }

    fn realms(&self) -> BoxFuture<'static, Result<Vec<Realm>, BackplaneError>> {
        self.with(|shared, _| shared.directory.realms())
    }

    fn claim(
        &self,
        member: &Member,
        name: &str,
        despite: Option<&NodeId>,
    ) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>> {
        let claimed = self.with(|shared, _| shared.directory.claim(member, name, despite, now()));
        Box::pin(async {
            claimed
                .await?
                .ok_or_else(|| BackplaneError::Refused("the lease is over".into()))
        })
    }

    fn release(&self, member: &Member, names: Vec<Arc<str>>) -> Confirmation {
        self.with(|shared, _| shared.directory.release(member, &names))
    }

    fn locate(&self, name: &str) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>> {
        self.with(|shared, _| shared.directory.locate(name, now()))
    }

    fn sweep(
        &self,
        reap: bool,
        grace: Duration,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Swept, BackplaneError>> {
        self.with(|shared, _| shared.directory.sweep(reap, (grace, hold), now()))
    }

    fn told(&self, told: Swept) -> Confirmation {
        self.with(|shared, _| shared.directory.told(&told))
    }

    fn stop(&self) -> BoxFuture<'static, ()> {
        if let Some(node) = self.node.get() {
            self.bus.lock().nodes.remove(node);
        }
        Box::pin(std::future::ready(()))
    }
}
