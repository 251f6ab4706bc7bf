//! What all clients count together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How much of an unexpected frame is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// Counts, and whom to tell about them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    opened: AtomicU64,
    beats: AtomicU64,
    broadcasts: AtomicU64,
    singles: AtomicU64,
    /// Somebody waits until `opened`, `broadcasts` or `singles` is this; each has its own.
    goals: [AtomicU64; 3],
    reached: [Notify; 3],
    fault: Mutex<Option<String>>,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    Opened,
    Broadcasts,
    Singles,
}

impl Tally {
    pub(super) fn open(&self) {
        self.note(Goal::Opened);
    }

    pub(super) fn broadcast(&self) {
        self.note(Goal::Broadcasts);
    }

    pub(super) fn single(&self) {
        self.note(Goal::Singles);
    }

    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Relaxed);
    }

    /// Something came that should not. The first one is kept, and nobody waits any longer.
    pub(super) fn fail(&self, what: &[u8]) {
        let shown = String::from_utf8_lossy(&what[..what.len().min(SHOWN_BYTES_MAX)]).into_owned();
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert(shown);
        drop(fault);
        for reached in &self.reached {
            reached.notify_one();
        }
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    pub(super) fn broadcasts(&self) -> u64 {
        self.broadcasts.load(Relaxed)
    }

    #[cfg(test)]
    pub(super) fn singles(&self) -> u64 {
        self.singles.load(Relaxed)
    }

    pub(super) fn fault(&self) -> Option<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone()
    }

    /// Waits until so many have been counted, or something failed. Returns whether they were.
    pub(super) async fn reach(&self, goal: Goal, count: u64, time_max: Duration) -> bool {
        self.goals[goal as usize].store(count, Relaxed);
        let waiting = async {
            while self.count(goal).load(Relaxed) < count && self.fault().is_none() {
                self.reached[goal as usize].notified().await;
            }
        };
        timeout(time_max, waiting).await.is_ok() && self.fault().is_none()
    }

    fn note(&self, goal: Goal) {
        let count = self.count(goal).fetch_add(1, Relaxed) + 1;
        if count >= self.goals[goal as usize].load(Relaxed) {
            self.reached[goal as usize].notify_one();
        }
    }

    fn count(&self, goal: Goal) -> &AtomicU64 {
        match goal {
            Goal::Opened => &self.opened,
            Goal::Broadcasts => &self.broadcasts,
            Goal::Singles => &self.singles,
        }
    }
}
