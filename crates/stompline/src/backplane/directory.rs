//! The directory as a plain value: the in-process backplane uses it, and others are measured against it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use super::{Member, NodeId, SessionEntry, Standing, Swept, UserState};
use crate::name::{Realm, UserKey};
use std::sync::Arc;

/// Members, sessions and who was said to be online. It has no clock: every call says what time it is.
#[derive(Debug, Default)]
pub struct DirectoryModel {
    version: u64,
    /// Who was enrolled first.
    founder: Option<Member>,
    /// Members and the end of their lease.
    leases: HashMap<Member, Instant>,
    sessions: HashMap<Arc<str>, SessionEntry>,
    /// Sessions that were taken out and are not announced yet.
    lost: HashMap<Arc<str>, SessionEntry>,
    users: HashMap<UserKey, BTreeSet<Arc<str>>>,
    realms: BTreeSet<Realm>,
    /// Users who were said to be online.
    online: HashSet<UserKey>,
    /// Users whose last session is gone, and when they are offline.
    leaving: HashMap<UserKey, Instant>,
    /// What was handed out to be announced, and until when nobody else is told to.
    telling: HashMap<Item, Instant>,
    /// Names, by who has claimed them.
    claims: HashMap<Member, HashSet<Arc<str>>>,
}

/// Something that changed. What it is now is looked up when it is handed out again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Item {
    User(UserKey),
    Session(Arc<str>),
}

impl DirectoryModel {
    /// See [`Backplane::renew`](super::Backplane::renew).
    pub fn renew(&mut self, member: &Member, until: Instant) -> bool {
        let Some(lease) = self.leases.get_mut(member) else {
            return false;
        };
        *lease = until;
        true
    }

    /// See [`Backplane::enroll`](super::Backplane::enroll).
    pub fn enroll(&mut self, member: Member, until: Instant) -> Member {
        self.leases.insert(member.clone(), until);
        self.founder.get_or_insert(member).clone()
    }

    /// See [`Backplane::depart`](super::Backplane::depart).
    pub fn depart(&mut self, member: &Member) {
        self.leases.remove(member);
        self.claims.remove(member);
    }

    /// See [`Backplane::register`](super::Backplane::register).
    pub fn register(
        &mut self,
        entry: SessionEntry,
        standing: Standing,
        hold: Duration,
        now: Instant,
    ) -> UserState {
        let user = entry.user.clone();
        self.realms.insert(user.realm().clone());
        self.users
            .entry(user.clone())
            .or_default()
            .insert(Arc::clone(&entry.id));
        let id = Arc::clone(&entry.id);
        let before = self.sessions.insert(Arc::clone(&id), entry);
        self.lost.remove(&id);
        self.leaving.remove(&user);
        let came_online = self.online.insert(user.clone()) && standing != Standing::Forgotten;
        let was_lost = before.is_none() && standing == Standing::Known;
        if came_online {
            self.telling.insert(Item::User(user.clone()), now + hold);
        }
        if was_lost {
            self.telling.insert(Item::Session(id), now + hold);
        }
        self.version += 1;
        UserState {
            came_online,
            was_lost,
            ..self.state(&user, now)
        }
    }

    /// See [`Backplane::unregister`](super::Backplane::unregister).
    pub fn unregister(&mut self, entry: &SessionEntry, grace: Duration, now: Instant) -> UserState {
        self.remove(entry, now + grace);
        self.state(&entry.user, now)
    }

    /// A session stays on its node for life, so whoever removes it cannot mean another one.
    fn remove(&mut self, entry: &SessionEntry, offline_at: Instant) {
        self.version += 1;
        let here = self.sessions.get(&entry.id);
        if here.is_some_and(|here| here.member.node == entry.member.node) {
            self.sessions.remove(&entry.id);
            if let Some(own) = self.users.get_mut(&entry.user) {
                own.remove(&entry.id);
            }
        }
        let rest = self.users.get(&entry.user);
        if rest.is_none_or(BTreeSet::is_empty) {
            self.users.remove(&entry.user);
            if self.online.contains(&entry.user) {
                self.leaving.insert(entry.user.clone(), offline_at);
            }
        }
    }

    /// What `user` has at `now`.
    pub fn state(&self, user: &UserKey, now: Instant) -> UserState {
        let own = self.users.get(user).into_iter().flatten();
        UserState {
            version: self.version,
            sessions: own.filter_map(|id| self.find(id, now).cloned()).collect(),
            came_online: false,
            was_lost: false,
        }
    }

    /// The session `id`, if its node lives.
    pub fn find(&self, id: &str, now: Instant) -> Option<&SessionEntry> {
        let entry = self.sessions.get(id)?;
        let lease = self.leases.get(&entry.member)?;
        (*lease > now).then_some(entry)
    }

    /// Users with a session on a node that lives.
    pub fn online(&self, limit: usize, now: Instant) -> Vec<UserKey> {
        let mut found = Vec::new();
        for (user, own) in &self.users {
            if found.len() < limit && own.iter().any(|id| self.find(id, now).is_some()) {
                found.push(user.clone());
            }
        }
        found
    }

    /// The realms of all who were ever registered.
    pub fn realms(&self) -> Vec<Realm> {
        self.realms.iter().cloned().collect()
    }

    /// See [`Backplane::claim`](super::Backplane::claim). `None` without a lease.
    pub fn claim(
        &mut self,
        member: &Member,
        name: &str,
        despite: Option<&NodeId>,
        now: Instant,
    ) -> Option<Option<NodeId>> {
        self.leases.get(member).filter(|until| **until > now)?;
        if let Some(node) = self.locate(name, now)
            && node != member.node
        {
            if Some(&node) != despite {
                return Some(Some(node));
            }
            for (other, names) in &mut self.claims {
                if other.node == node {
                    names.remove(name);
                }
            }
        }
        let names = self.claims.entry(member.clone()).or_default();
        names.insert(name.into());
        Some(None)
    }

    /// See [`Backplane::release`](super::Backplane::release).
    pub fn release(&mut self, member: &Member, names: &[Arc<str>]) {
        if let Some(own) = self.claims.get_mut(member) {
            own.retain(|name| !names.contains(name));
        }
    }

    /// The node that lives and has claimed `name`.
    pub fn locate(&self, name: &str, now: Instant) -> Option<NodeId> {
        let lives = |member: &Member| self.leases.get(member).is_some_and(|until| *until > now);
        self.claims
            .iter()
            .find(|(member, names)| names.contains(name) && lives(member))
            .map(|(member, _)| member.node.clone())
    }

    /// See [`Backplane::sweep`](super::Backplane::sweep).
    pub fn sweep(
        &mut self,
        reap: bool,
        (grace, hold): (Duration, Duration),
        now: Instant,
    ) -> Swept {
        let mut swept = self.take_over(now);
        if reap {
            self.reap(now + grace, now, &mut swept.lost);
        }
        let due: Vec<UserKey> = self
            .leaving
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(user, _)| user.clone())
            .collect();
        for user in due {
            self.leaving.remove(&user);
            if !self.users.contains_key(&user) && self.online.remove(&user) {
                swept.offline.push(user);
            }
        }
        for item in items(&swept) {
            self.telling.insert(item, now + hold);
        }
        swept
    }

    /// See [`Backplane::told`](super::Backplane::told).
    pub fn told(&mut self, told: &Swept) {
        for item in items(told) {
            if let Item::Session(id) = &item {
                self.lost.remove(id);
            }
            self.telling.remove(&item);
        }
    }

    /// What others were to announce and have not said that they did.
    fn take_over(&mut self, now: Instant) -> Swept {
        let mut swept = Swept::default();
        for (item, _) in self.telling.iter().filter(|(_, until)| **until <= now) {
            match item {
                Item::User(user) if self.online.contains(user) => swept.online.push(user.clone()),
                Item::User(user) => swept.offline.push(user.clone()),
                Item::Session(id) => {
                    swept.found.extend(self.sessions.get(id).cloned());
                    swept.lost.extend(self.lost.get(id).cloned());
                }
            }
        }
        self.telling.retain(|_, until| *until > now);
        swept
    }

    /// Takes out the sessions of members whose lease has run out.
    fn reap(&mut self, offline_at: Instant, now: Instant, lost: &mut Vec<SessionEntry>) {
        self.leases.retain(|_, until| *until > now);
        self.claims
            .retain(|member, _| self.leases.contains_key(member));
        let gone: Vec<SessionEntry> = self
            .sessions
            .values()
            .filter(|entry| !self.leases.contains_key(&entry.member))
            .cloned()
            .collect();
        for entry in gone {
            self.remove(&entry, offline_at);
            self.lost.insert(Arc::clone(&entry.id), entry.clone());
            lost.push(entry);
        }
    }
}

/// What it is about.
fn items(swept: &Swept) -> Vec<Item> {
    let sessions = swept.lost.iter().chain(&swept.found);
    let users = swept.online.iter().chain(&swept.offline);
    sessions
        .map(|entry| Item::Session(Arc::clone(&entry.id)))
        .chain(users.map(|user| Item::User(user.clone())))
        .collect()
}
