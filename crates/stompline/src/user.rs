//! Users and their sessions on this node.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    auth::Principal,
    close::CloseReason,
    few::Few,
    name::{Realm, UserKey},
    session::Session,
    table::{Keyed, Table},
};

/// The sessions of this node, by id and by user.
#[derive(Default)]
pub(crate) struct Users {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    sessions: Table<Arc<Session>>,
    users: Table<Few<Arc<Session>>>,
    /// Realms with at least one user, and how many.
    realms: BTreeMap<Realm, usize>,
}

impl Users {
    /// Adds a session that has just connected. If the user then has more than `sessions_max` (0: no limit), the one that was idle
    /// longest is ended. True if it is the user's only session.
    pub(crate) fn add(&self, session: &Arc<Session>, sessions_max: usize) -> bool {
        let user = session.key();
        let mut tables = self.lock();
        tables
            .sessions
            .entry(session.id())
            .insert(Arc::clone(session));
        let own = tables.users.add(user, Arc::clone(session));
        let surplus = longest_idle(own, session, sessions_max);
        let is_only = own.len() == 1;
        if is_only {
            *tables.realms.entry(user.realm().clone()).or_default() += 1;
        }
        drop(tables);
        if let Some(surplus) = surplus {
            surplus.end(CloseReason::Replaced);
        }
        is_only
    }

    /// True if it was the user's only session.
    pub(crate) fn remove(&self, session: &Session) -> bool {
        let Some(user) = session.principal_if_connected().map(Principal::key) else {
            return false;
        };
        let mut tables = self.lock();
        if tables.sessions.remove(session.id()).is_none() {
            return false;
        }
        let was_last = tables
            .users
            .retain(user, |other| other.id() != session.id());
        if was_last && let Some(count) = tables.realms.get_mut(user.realm()) {
            *count -= 1;
            if *count == 0 {
                tables.realms.remove(user.realm());
            }
        }
        was_last
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().sessions.get(id).cloned()
    }

    pub(crate) fn of_user(&self, user: &UserKey) -> Vec<Arc<Session>> {
        let tables = self.lock();
        tables
            .users
            .get(user)
            .map_or_else(Vec::new, |own| own.as_slice().to_vec())
    }

    pub(crate) fn has(&self, user: &UserKey) -> bool {
        self.lock().users.get(user).is_some()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().sessions.iter().cloned().collect()
    }

    pub(crate) fn online(&self) -> Vec<UserKey> {
        self.lock()
            .users
            .iter()
            .map(|own| own.table_key().clone())
            .collect()
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

/// The session to end if there are more than `sessions_max` beside `newest`.
fn longest_idle(
    own: &[Arc<Session>],
    newest: &Arc<Session>,
    sessions_max: usize,
) -> Option<Arc<Session>> {
    if sessions_max == 0 || own.len() <= sessions_max {
        return None;
    }
    own.iter()
        .filter(|other| !Arc::ptr_eq(other, newest) && other.end_reason().is_none())
        .max_by_key(|other| other.idle())
        .cloned()
}

impl Keyed for Arc<Session> {
    type Key = str;

    fn table_key(&self) -> &str {
        self.id()
    }
}

/// The sessions of one user; never an empty list.
impl Keyed for Few<Arc<Session>> {
    type Key = UserKey;

    fn table_key(&self) -> &UserKey {
        self.as_slice()[0].key()
    }
}
