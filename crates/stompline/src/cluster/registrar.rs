//! What the directory must still be told, in batches. One task writes; so a session never ends there before it begins.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::{Notify, oneshot};

use crate::backplane::{BackplaneError, Confirmation, SessionEntry, Standing};

/// Sessions in one call.
pub(super) const BATCH: usize = 256;

#[derive(Default)]
pub(super) struct Registrar {
    state: Mutex<State>,
    pub(super) work: Notify,
    in_touch: AtomicBool,
}

#[derive(Default)]
pub(super) struct State {
    /// To be registered.
    arrivals: HashMap<Arc<str>, (SessionEntry, Standing)>,
    /// To be removed.
    departures: HashMap<Arc<str>, SessionEntry>,
    /// In the directory, as far as this node knows.
    known: HashSet<Arc<str>>,
    waiting: HashMap<Arc<str>, Vec<oneshot::Sender<Result<(), BackplaneError>>>>,
}

impl Registrar {
    pub(super) fn is_in_touch(&self) -> bool {
        self.in_touch.load(Ordering::Relaxed)
    }

    pub(super) fn set_in_touch(&self, in_touch: bool) {
        self.in_touch.store(in_touch, Ordering::Relaxed);
    }

    pub(super) fn arrive(&self, entry: SessionEntry) {
        self.lock()
            .arrivals
            .insert(Arc::clone(&entry.id), (entry, Standing::New));
        self.work.notify_one();
    }

    pub(super) fn part(&self, entry: SessionEntry) {
        let mut state = self.lock();
        state.waiting.remove(&entry.id);
        let is_new = matches!(state.arrivals.remove(&entry.id), Some((_, Standing::New)));
        if !state.known.remove(&entry.id) && is_new {
            return;
        }
        state.departures.insert(Arc::clone(&entry.id), entry);
        drop(state);
        self.work.notify_one();
    }

    /// Resolves when the session is in the directory.
    pub(super) fn registered(&self, id: &str, within: Duration) -> Confirmation {
        let mut state = self.lock();
        if state.known.contains(id) {
            return std::future::ready(Ok(())).boxed();
        }
        let (sender, done) = oneshot::channel();
        state.waiting.entry(id.into()).or_default().push(sender);
        drop(state);
        async move {
            match tokio::time::timeout(within, done).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(BackplaneError::Unreachable("the session has ended".into())),
                Err(_) => Err(BackplaneError::Timeout(within)),
            }
        }
        .boxed()
    }

    /// The next sessions to be registered. They stay neither here nor among the known until [`settled`](Self::settled).
    pub(super) fn next_arrivals(&self) -> Vec<(SessionEntry, Standing)> {
        let mut state = self.lock();
        let ids: Vec<Arc<str>> = state.arrivals.keys().take(BATCH).cloned().collect();
        ids.iter()
            .filter_map(|id| state.arrivals.remove(id))
            .collect()
    }

    pub(super) fn next_departures(&self) -> Vec<SessionEntry> {
        let mut state = self.lock();
        let ids: Vec<Arc<str>> = state.departures.keys().take(BATCH).cloned().collect();
        ids.iter()
            .filter_map(|id| state.departures.remove(id))
            .collect()
    }

    /// Ends the wait for sessions that `result` is about.
    pub(super) fn settled(&self, ids: &[Arc<str>], result: &Result<(), BackplaneError>) {
        let mut state = self.lock();
        for id in ids {
            // One that has ended meanwhile waits to be removed and is not known again.
            if result.is_ok() && !state.departures.contains_key(id) {
                state.known.insert(Arc::clone(id));
            }
            for waiting in state.waiting.remove(id).unwrap_or_default() {
                let _ = waiting.send(result.clone());
            }
        }
    }

    /// Puts back what could not be registered, unless it has ended meanwhile.
    pub(super) fn put_back(&self, sessions: Vec<(SessionEntry, Standing)>) {
        let mut state = self.lock();
        for (entry, standing) in sessions {
            let ended = state.departures.contains_key(&entry.id);
            if !ended {
                state
                    .arrivals
                    .entry(Arc::clone(&entry.id))
                    .or_insert((entry, standing));
            }
        }
    }

    pub(super) fn put_back_departures(&self, sessions: Vec<SessionEntry>) {
        let mut state = self.lock();
        for entry in sessions {
            state.departures.insert(Arc::clone(&entry.id), entry);
        }
    }

    /// Fails all who wait: nobody answers.
    pub(super) fn give_up(&self, error: &BackplaneError) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        for one in waiting.into_values().flatten() {
            let _ = one.send(Err(error.clone()));
        }
    }

    /// Begins anew: all of `sessions` are to be registered. The list is made under the lock, which a session that ends takes after it
    /// has left the node's tables; so none comes in that has ended. `forgot`: the directory is another one, or empty again.
    pub(super) fn begin_anew(&self, forgot: bool, sessions: impl FnOnce() -> Vec<SessionEntry>) {
        let mut state = self.lock();
        let known = std::mem::take(&mut state.known);
        for entry in sessions() {
            let before = match state.arrivals.get(&entry.id) {
                Some((_, standing)) => *standing,
                None if known.contains(&entry.id) => Standing::Known,
                None => Standing::New,
            };
            let standing = match before {
                Standing::Known if forgot => Standing::Forgotten,
                before => before,
            };
            state
                .arrivals
                .insert(Arc::clone(&entry.id), (entry, standing));
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.arrivals.is_empty() && state.departures.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
