//! What this node wants to hear: joined with the first subscriber, left a while after the last.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt, future::Shared};
use tokio::time::Instant;

use crate::backplane::{Backplane, Confirmation, Interest};

#[derive(Default)]
pub(super) struct Interests {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    wanted: HashMap<Interest, Wanted>,
    /// Those that lost their last subscriber, in the order in which they did.
    idle: VecDeque<(Instant, Interest)>,
}

struct Wanted {
    subscribers: usize,
    idle_since: Option<Instant>,
    joined: Shared<Confirmation>,
}

impl Interests {
    /// Counts a subscriber in. The confirmation is that of the join, which later subscribers share.
    pub(super) fn join(
        &self,
        interest: Interest,
        backplane: &dyn Backplane,
    ) -> Shared<Confirmation> {
        let mut table = self.lock();
        let wanted = table
            .wanted
            .entry(interest.clone())
            .or_insert_with(|| Wanted {
                subscribers: 0,
                idle_since: None,
                joined: backplane.join(interest.clone()).shared(),
            });
        // Looked at and not only peeked at: nobody may have waited for the first one, and then its failure has not been seen yet.
        if matches!(wanted.joined.clone().now_or_never(), Some(Err(_))) {
            wanted.joined = backplane.join(interest).shared();
        }
        wanted.subscribers += 1;
        wanted.idle_since = None;
        wanted.joined.clone()
    }

    pub(super) fn leave(&self, interest: Interest, now: Instant) {
        let mut table = self.lock();
        let Some(wanted) = table.wanted.get_mut(&interest) else {
            return;
        };
        wanted.subscribers = wanted.subscribers.saturating_sub(1);
        if wanted.subscribers == 0 {
            wanted.idle_since = Some(now);
            table.idle.push_back((now, interest));
        }
    }

    /// Leaves what nobody has wanted since `before`.
    pub(super) fn leave_idle(&self, before: Instant, backplane: &dyn Backplane) {
        let mut table = self.lock();
        while table
            .idle
            .front()
            .is_some_and(|(since, _)| *since <= before)
        {
            let Some((since, interest)) = table.idle.pop_front() else {
                return;
            };
            let still = table.wanted.get(&interest);
            if still.is_some_and(|wanted| wanted.idle_since == Some(since)) {
                table.wanted.remove(&interest);
                // Nobody waits for it; the order of calls is what counts.
                drop(backplane.leave(interest));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().wanted.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
