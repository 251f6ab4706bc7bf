//! Users and their sessions on this node.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    close::CloseReason,
    name::{Realm, UserKey},
    session::Session,
};

/// The sessions of this node, by id and by user.
#[derive(Default)]
pub(crate) struct Users {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    sessions: HashMap<Box<str>, Arc<Session>>,
    users: HashMap<UserKey, Vec<Arc<Session>>>,
    /// Realms with at least one user, and how many.
    realms: BTreeMap<Realm, usize>,
}

impl Users {
    /// Adds a session that has just connected. If the user then has more than `sessions_max` (0: no limit), the one that was idle
    /// longest is ended.
    pub(crate) fn add(&self, session: &Arc<Session>, sessions_max: usize) {
        let user = session.key();
        let mut tables = self.lock();
        tables
            .sessions
            .insert(session.id().into(), Arc::clone(session));
        let own = tables.users.entry(user.clone()).or_default();
        own.push(Arc::clone(session));
        let (first, many) = (own.len() == 1, sessions_max > 0 && own.len() > sessions_max);
        let surplus = many
            .then(|| {
                own.iter()
                    .filter(|other| !Arc::ptr_eq(other, session) && other.end_reason().is_none())
                    .max_by_key(|other| other.idle())
                    .cloned()
            })
            .flatten();
        if first {
            *tables.realms.entry(user.realm().clone()).or_default() += 1;
        }
        drop(tables);
        if let Some(surplus) = surplus {
            surplus.end(CloseReason::Replaced);
        }
    }

    pub(crate) fn remove(&self, session: &Session) {
        let Some(user) = session
            .principal_if_connected()
            .map(|principal| principal.key().clone())
        else {
            return;
        };
        let mut tables = self.lock();
        if tables.sessions.remove(session.id()).is_none() {
            return;
        }
        let Some(own) = tables.users.get_mut(&user) else {
            return;
        };
        own.retain(|other| other.id() != session.id());
        if own.is_empty() {
            tables.users.remove(&user);
            if let Some(count) = tables.realms.get_mut(user.realm()) {
                *count -= 1;
                if *count == 0 {
                    tables.realms.remove(user.realm());
                }
            }
        }
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(id).cloned()
    }

    pub(crate) fn of_user(&self, user: &UserKey) -> Vec<Arc<Session>> {
        self.lock().users.get(user).cloned().unwrap_or_default()
    }

    pub(crate) fn has(&self, user: &UserKey) -> bool {
        self.lock().users.contains_key(user)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().sessions.values().cloned().collect()
    }

    pub(crate) fn online(&self) -> Vec<UserKey> {
        self.lock().users.keys().cloned().collect()
    }

    pub(crate) fn realms(&self) -> Vec<Realm> {
        self.lock().realms.keys().cloned().collect()
    }

    /// Numbers of sessions and of users.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let tables = self.lock();
        (tables.sessions.len(), tables.users.len())
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
