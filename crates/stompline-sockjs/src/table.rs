//! The sessions over HTTP of one endpoint, by whom they belong to and the id that their client chose.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{outbox::Outbox, outgoing::Outgoing, relay::Claim};

/// What a session is found by. Another owner's request for the same id finds nothing, as if the id were unknown; the id itself never
/// leaves this crate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key<O> {
    pub(crate) owner: O,
    pub(crate) id: Box<str>,
}

/// See the module page.
pub(crate) struct Table<O, M> {
    sessions: Mutex<HashMap<Key<O>, Arc<Outbox<M>>>>,
}

impl<O, M> Default for Table<O, M> {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
        }
    }
}

impl<O, M> Table<O, M>
where
    O: Clone + Eq + Hash + Send + Sync + 'static,
    M: Outgoing,
{
    pub(crate) fn find(&self, key: &Key<O>) -> Option<Arc<Outbox<M>>> {
        self.lock().get(key).cloned()
    }

    /// Registers the session that `make` gives, unless there is one that lives. The registration that `make` receives takes the session
    /// out again when it is dropped.
    pub(crate) fn insert<C>(
        self: &Arc<Self>,
        key: &Key<O>,
        claim: Option<Claim>,
        make: impl FnOnce(Registration) -> (Arc<Outbox<M>>, C),
    ) -> Option<(Arc<Outbox<M>>, C)> {
        let mut sessions = self.lock();
        let entry = sessions.entry(key.clone());
        if let Entry::Occupied(occupied) = &entry
            && !is_over(occupied.get())
        {
            return None;
        }
        let table = Arc::clone(self);
        let own = key.clone();
        let (outbox, carried) = make(Registration {
            _claim: claim,
            remove: Some(Box::new(move || table.remove_ended(&own))),
        });
        entry.insert_entry(Arc::clone(&outbox));
        Some((outbox, carried))
    }

    /// Removes the session if it is over; a newer one under the same key stays.
    fn remove_ended(&self, key: &Key<O>) {
        let mut sessions = self.lock();
        let removed = match sessions.entry(key.clone()) {
            Entry::Occupied(entry) if entry.get().is_broken() => Some(entry.remove()),
            _ => None,
        };
        // What it holds is freed outside of the lock.
        drop(sessions);
        drop(removed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key<O>, Arc<Outbox<M>>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a session can be replaced by a new one with its id.
pub(crate) fn is_over<M: Outgoing>(outbox: &Outbox<M>) -> bool {
    use crate::exchange::Presence;
    outbox.is_broken()
        || outbox
            .exchange()
            .is_none_or(|exchange| exchange.presence() == Presence::Interrupted)
}

/// A place in the table, given back when dropped.
pub(crate) struct Registration {
    /// Tells other nodes that the session is here.
    _claim: Option<Claim>,
    remove: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(remove) = self.remove.take() {
            remove();
        }
    }
}
