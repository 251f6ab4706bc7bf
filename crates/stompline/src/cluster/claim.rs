//! What this node has claimed in the directory: it is noted there at once if that is possible, and otherwise as soon as it is.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;

use super::{Cluster, registrar::BATCH};
use crate::backplane::{BackplaneError, NodeId};

#[derive(Default)]
pub(super) struct Claims {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names, and how often each is held here.
    held: HashMap<Arc<str>, usize>,
    /// To be noted. All of them are held.
    unnoted: HashSet<Arc<str>>,
    /// To be released. None of them is held.
    released: HashSet<Arc<str>>,
}

impl Claims {
    /// Everything has to be noted anew, for a member that has claimed nothing yet.
    pub(super) fn begin_anew(&self) {
        let mut state = self.lock();
        state.unnoted = state.held.keys().cloned().collect();
        state.released = HashSet::new();
    }

    fn hold(&self, name: &Arc<str>) {
        let mut state = self.lock();
        state.released.remove(name);
        *state.held.entry(Arc::clone(name)).or_default() += 1;
    }

    fn note_later(&self, name: &Arc<str>) {
        self.lock().unnoted.insert(Arc::clone(name));
    }

    fn let_go(&self, name: &Arc<str>) {
        let mut state = self.lock();
        let Some(times) = state.held.get_mut(name) else {
            return;
        };
        *times -= 1;
        if *times == 0 {
            state.held.remove(name);
            if !state.unnoted.remove(name) {
                state.released.insert(Arc::clone(name));
            }
        }
    }

    /// What is to be noted and what to be released next. It stays here until [`noted`](Self::noted) or [`forget`](Self::forget).
    fn next(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let state = self.lock();
        let some = |names: &HashSet<Arc<str>>| names.iter().take(BATCH).cloned().collect();
        (some(&state.unnoted), some(&state.released))
    }

    fn noted(&self, name: &Arc<str>) {
        let mut state = self.lock();
        if !state.unnoted.remove(name) && !state.held.contains_key(name) {
            // It was given up while it was being noted.
            state.released.insert(Arc::clone(name));
        }
    }

    fn forget(&self, names: &[Arc<str>]) {
        let mut state = self.lock();
        for name in names {
            state.released.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that is claimed for as long as this is kept.
pub(crate) struct Claimed {
    cluster: Arc<Cluster>,
    name: Arc<str>,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.cluster.claims.let_go(&self.name);
        self.cluster.registrar.work.notify_one();
    }
}

impl Cluster {
    /// Claims `name` for this node; `None` if another node has it, other than `despite`. Without an answer it is this node's, and noted later.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        name: Arc<str>,
        despite: Option<&NodeId>,
    ) -> Option<Claimed> {
        self.claims.hold(&name);
        let claimed = Claimed {
            cluster: Arc::clone(self),
            name: Arc::clone(&name),
        };
        if self.registrar.is_in_touch() {
            let answer = self.backplane.claim(&self.member(), &name, despite).await;
            match answer {
                Ok(None) => return Some(claimed),
                Ok(Some(_)) => return None,
                Err(error) => tracing::debug!(%error, "a claim is noted later"),
            }
        }
        self.claims.note_later(&name);
        self.registrar.work.notify_one();
        Some(claimed)
    }

    /// The other node that has claimed `name`; `None` if nobody has, or nobody answers.
    pub(crate) async fn locate(&self, name: &str) -> Option<NodeId> {
        if !self.registrar.is_in_touch() {
            return None;
        }
        match self.backplane.locate(name).await {
            Ok(node) => node.filter(|node| *node != self.node),
            Err(error) => {
                tracing::debug!(%error, "nobody can tell where a session is");
                None
            }
        }
    }

    /// Tells the directory of claims what it does not know yet.
    pub(super) async fn write_claims(&self) -> Result<(), BackplaneError> {
        loop {
            let (unnoted, released) = self.claims.next();
            if unnoted.is_empty() && released.is_empty() {
                return Ok(());
            }
            let member = self.member();
            let calls = unnoted
                .iter()
                .map(|name| self.backplane.claim(&member, name, None));
            for (name, answer) in unnoted.iter().zip(join_all(calls).await) {
                // Whoever has it by now is where the client has gone.
                answer?;
                self.claims.noted(name);
            }
            if !released.is_empty() {
                self.backplane.release(&member, released.clone()).await?;
                self.claims.forget(&released);
            }
        }
    }
}
