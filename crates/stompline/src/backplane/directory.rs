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
    users: HashMap<UserKey, BTreeSet<Arc<str>>>,
    realms: BTreeSet<Realm>,
    /// Users who were said to be online.
    online: HashSet<UserKey>,
    /// Users whose last session is gone, and when they are offline.
    leaving: HashMap<UserKey, Instant>,
    /// Names, by who has claimed them.
    claims: HashMap<Member, HashSet<Arc<str>>>,
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
    pub fn register(&mut self, entry: SessionEntry, standing: Standing, now: Instant) -> UserState {
        let user = entry.user.clone();
        self.realms.insert(user.realm().clone());
        self.users
            .entry(user.clone())
            .or_default()
            .insert(Arc::clone(&entry.id));
        let before = self.sessions.insert(Arc::clone(&entry.id), entry);
        self.leaving.remove(&user);
        let came_online = self.online.insert(user.clone()) && standing != Standing::Forgotten;
        self.version += 1;
        UserState {
            came_online,
            was_lost: before.is_none() && standing == Standing::Known,
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
    pub fn sweep(&mut self, reap: bool, grace: Duration, now: Instant) -> Swept {
        let mut swept = Swept::default();
        if reap {
            let leases = &self.leases;
            let gone = |member: &Member| leases.get(member).is_none_or(|until| *until <= now);
            swept.lost = self
                .sessions
                .values()
                .filter(|entry| gone(&entry.member))
                .cloned()
                .collect();
            self.leases.retain(|_, until| *until > now);
            self.claims
                .retain(|member, _| self.leases.contains_key(member));
        }
        for entry in &swept.lost {
            self.remove(entry, now + grace);
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
        swept
    }
}
