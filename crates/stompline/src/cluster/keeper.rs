//! The task that keeps this node in the cluster: its lease, its sessions in the directory, and what has to be announced.

use std::{
    cmp::Reverse,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior};

use super::{Cluster, nodes, registrar::BATCH};
use crate::{
    app::Core,
    backplane::{
        BackplaneError, Confirmation, Member, NodeId, SessionEntry, Standing, Swept, UserState,
    },
    close::CloseReason,
    presence::PresenceEvent,
};

/// How long the last words to the directory may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Sweeps in a row. A large node that died is cleared in a few ticks, and the lease is renewed in between.
const SWEEPS_MAX: usize = 64;

/// The longest pause between two batches when many sessions are registered at once, so that nodes do not come all together.
const JITTER_MS: u64 = 20;

impl Cluster {
    /// Starts the tasks. They end with [`shut_down`](Self::shut_down), or when `core` is gone.
    pub(crate) fn run(self: &Arc<Self>, core: &Weak<Core>) {
        let outlet = self
            .outlet
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(outlet) = outlet {
            let cluster = Arc::clone(self);
            self.tasks.spawn(cluster.receive(core.clone(), outlet));
            let cluster = Arc::clone(self);
            self.tasks.spawn(cluster.keep(core.clone()));
        }
    }

    /// Leaves the cluster. What is left to say to it is said, within a bound.
    pub(crate) async fn shut_down(&self) {
        let farewell = async {
            while self.registrar.is_in_touch() && !self.registrar.is_idle() {
                self.registrar.work.notify_one();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let member = self.member();
        if self.registrar.is_in_touch() {
            let _ = tokio::time::timeout(FAREWELL, self.backplane.depart(&member)).await;
        }
        self.backplane.stop().await;
    }

    #[cfg(feature = "testing")]
    pub(crate) async fn crash(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn keep(self: Arc<Self>, core: Weak<Core>) {
        let mut tick = tokio::time::interval(self.settings.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut contact = Contact::default();
        loop {
            let ticked = tokio::select! {
                () = self.stop.cancelled() => return,
                _ = tick.tick() => true,
                () = self.registrar.work.notified() => false,
            };
            let Some(core) = core.upgrade() else {
                return;
            };
            let step = async {
                if ticked {
                    self.look_after(&core, &mut contact).await?;
                }
                if contact.since.is_some() {
                    self.write(&core).await?;
                    self.write_claims().await?;
                }
                Ok::<(), BackplaneError>(())
            };
            let result = tokio::select! {
                () = self.stop.cancelled() => return,
                result = step => result,
            };
            if let Err(error) = result {
                self.lose_touch(&mut contact, &error);
            }
        }
    }

    fn lose_touch(&self, contact: &mut Contact, error: &BackplaneError) {
        if contact.since.take().is_some() {
            tracing::warn!(%error, node = %self.node, "the directory of the cluster is out of reach");
        }
        contact.renewed = None;
        self.registrar.set_in_touch(false);
        self.registrar.give_up(error);
    }

    /// What is due: the lease, announcements, idle interests.
    async fn look_after(
        &self,
        core: &Arc<Core>,
        contact: &mut Contact,
    ) -> Result<(), BackplaneError> {
        let now = Instant::now();
        if let Some(idle) = now.checked_sub(self.settings.leave_after) {
            self.interests.leave_idle(idle, &*self.backplane);
        }
        let due = contact.renewed.is_none_or(|at| {
            now.duration_since(at) + self.settings.tick / 2 >= self.settings.renew_every
        });
        if due {
            if !self.renew(core, contact).await? {
                // As after a silence: others may be as unknown here, and are not to be given up before they have had their time.
                contact.since = None;
            }
            contact.renewed = Some(now);
            if contact.since.is_none() {
                tracing::info!(node = %self.node, "the directory of the cluster answers");
                contact.since = Some(now);
                self.registrar.set_in_touch(true);
            }
        }
        // Who was away from the directory for long cannot tell who else was.
        let reap = contact
            .since
            .is_some_and(|since| now.duration_since(since) >= self.settings.lease);
        for _ in 0..SWEEPS_MAX {
            let (grace, hold) = (self.settings.grace, self.settings.lease);
            let swept = self.backplane.sweep(reap, grace, hold).await?;
            if swept == Swept::default() {
                break;
            }
            tell(core, &swept);
            self.backplane.told(swept).await?;
        }
        Ok(())
    }

    /// Renews the lease, or takes a new one. False if the old one was lost.
    async fn renew(&self, core: &Arc<Core>, contact: &mut Contact) -> Result<bool, BackplaneError> {
        let (member, lease) = (self.member(), self.settings.lease);
        // Who was enrolled and did not hear of it has registered nothing yet.
        let began = contact.began == Some(member.incarnation);
        let held = began && self.backplane.renew(&member, lease).await?;
        if !held {
            let again = member.incarnation + 1;
            self.incarnation.store(again, Ordering::Relaxed);
            let founder = self.backplane.enroll(&self.member(), lease).await?;
            let before = contact.founder.replace(founder);
            let forgot = before.is_some() && before != contact.founder;
            self.locations.clear();
            if again > 1 {
                tracing::warn!(node = %self.node, incarnation = again, "the lease was lost; all sessions are registered again");
            }
            self.claims.begin_anew();
            self.registrar.begin_anew(forgot, || {
                let sessions = core.users.all();
                sessions.iter().map(|session| self.entry(session)).collect()
            });
            contact.began = Some(again);
        }
        self.learn_realms(self.backplane.realms().await?);
        Ok(held)
    }

    /// Tells the directory what it does not know yet.
    async fn write(&self, core: &Arc<Core>) -> Result<(), BackplaneError> {
        loop {
            let mut arrivals = self.registrar.next_arrivals();
            let departures = self.registrar.next_departures();
            if arrivals.is_empty() && departures.is_empty() {
                return Ok(());
            }
            let many = arrivals.len() == BATCH;
            let member = self.member();
            for (entry, _) in &mut arrivals {
                entry.member = member.clone();
            }
            if !arrivals.is_empty() {
                self.register(core, arrivals)
                    .await
                    .inspect_err(|_| self.registrar.put_back_departures(departures.clone()))?;
            }
            if !departures.is_empty() {
                self.unregister(departures).await?;
            }
            if many {
                tokio::time::sleep(Duration::from_millis(random_below(JITTER_MS))).await;
            }
        }
    }

    async fn register(
        &self,
        core: &Arc<Core>,
        arrivals: Vec<(SessionEntry, Standing)>,
    ) -> Result<(), BackplaneError> {
        let ids: Vec<Arc<str>> = arrivals
            .iter()
            .map(|(one, _)| Arc::clone(&one.id))
            .collect();
        for (entry, _) in &arrivals {
            self.locations.expect(&entry.user, Instant::now());
        }
        let registered = self
            .backplane
            .register(arrivals.clone(), self.settings.lease)
            .await;
        match registered {
            Ok(states) => {
                let (mut announced, mut news) = (Vec::new(), Swept::default());
                for ((entry, _), state) in arrivals.iter().zip(states) {
                    announced.extend(self.registered_one(core, entry, &state));
                    news.found.extend(state.was_lost.then(|| entry.clone()));
                    news.online
                        .extend(state.came_online.then(|| entry.user.clone()));
                }
                self.tell_news(core, news);
                // Who waits to be reachable waits until the others were told.
                let mut told = Ok(());
                for one in announced {
                    told = told.and(one.await);
                }
                if told.is_err() {
                    let again = arrivals
                        .into_iter()
                        .map(|(entry, _)| (entry, Standing::Known));
                    self.registrar.put_back(again.collect());
                }
                self.registrar.settled(&ids, &told);
                told
            }
            Err(error) => {
                self.registrar.put_back(arrivals);
                self.registrar.settled(&ids, &Err(error.clone()));
                Err(error)
            }
        }
    }

    fn tell_news(&self, core: &Core, news: Swept) {
        if news != Swept::default() {
            tell(core, &news);
            // Should the directory not hear of it, another node says it again.
            drop(self.backplane.told(news));
        }
    }

    fn registered_one(
        &self,
        core: &Core,
        entry: &SessionEntry,
        state: &UserState,
    ) -> Option<Confirmation> {
        self.locations
            .learn(&entry.user, state.version, nodes(state), Instant::now());
        let here = |one: &&SessionEntry| one.member.node == self.node;
        let is_first = state.sessions.iter().filter(here).count() <= 1;
        let announced = is_first.then(|| self.announce(&entry.user, state));
        self.learn_realms([entry.user.realm().clone()]);
        self.limit_sessions(core, entry, state);
        announced
    }

    /// Ends what a user has too much: the longest idle first if all are here, else the oldest, since how idle a session is only its node knows.
    fn limit_sessions(&self, core: &Core, newest: &SessionEntry, state: &UserState) {
        let max = core.limits.sessions_per_user_max;
        if max == 0 || state.sessions.len() <= max {
            return;
        }
        let mut others: Vec<&SessionEntry> = state
            .sessions
            .iter()
            .filter(|one| one.id != newest.id)
            .collect();
        others.sort_by_key(|one| (one.since_ms, Arc::clone(&one.id)));
        if others.iter().all(|one| one.member.node == self.node) {
            let idle =
                |one: &&SessionEntry| core.users.session(&one.id).map(|session| session.idle());
            others.sort_by_key(|one| Reverse(idle(one)));
        }
        for surplus in others.into_iter().take(state.sessions.len() - max) {
            if surplus.member.node == self.node {
                if let Some(session) = core.users.session(&surplus.id) {
                    session.end(CloseReason::Replaced);
                }
            } else {
                drop(self.kick(&surplus.member.node, &surplus.id, None));
            }
        }
    }

    async fn unregister(&self, departures: Vec<SessionEntry>) -> Result<(), BackplaneError> {
        let told = self
            .backplane
            .unregister(departures.clone(), self.settings.grace)
            .await;
        let states = match told {
            Ok(states) => states,
            Err(error) => {
                self.registrar.put_back_departures(departures);
                return Err(error);
            }
        };
        for (entry, state) in departures.iter().zip(states) {
            let user = &entry.user;
            let nodes: Vec<NodeId> = nodes(&state);
            if !nodes.contains(&self.node) {
                // Nobody waits for it: a message to where the user was is lost there.
                drop(self.announce(user, &state));
            }
            self.locations
                .learn(user, state.version, nodes, Instant::now());
        }
        Ok(())
    }
}

fn tell(core: &Core, news: &Swept) {
    for lost in &news.lost {
        tracing::info!(session = &*lost.id, node = %lost.member.node, "a session was lost with its node");
        core.tell_presence(&PresenceEvent::SessionLost(lost.clone()));
    }
    for found in &news.found {
        tracing::info!(session = &*found.id, node = %found.member.node, "a session that was lost is found again");
        core.tell_presence(&PresenceEvent::SessionFound(found.clone()));
    }
    for user in &news.online {
        core.tell_presence(&PresenceEvent::Online(user.clone()));
    }
    for user in &news.offline {
        core.tell_presence(&PresenceEvent::Offline(user.clone()));
    }
}

/// Since when the directory answers, when the lease was renewed, and who was the first in the directory when this node joined it.
#[derive(Default)]
struct Contact {
    /// The incarnation under which sessions are registered.
    began: Option<u64>,
    founder: Option<Member>,
    since: Option<Instant>,
    renewed: Option<Instant>,
}

pub(super) fn random_below(bound: u64) -> u64 {
    getrandom::u64().unwrap_or_default() % bound.max(1)
}
