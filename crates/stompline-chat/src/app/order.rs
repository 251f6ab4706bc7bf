//! One order of a conversation's events, whichever nodes committed them.
//!
//! Stamps are dense over the whole store, and each event names the one before it in its conversation. So it is known
//! here which stamps have not come yet, and which event must wait for one of them: nothing else ever waits. What this
//! holds is bounded by what came out of order, not by the number of conversations.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

/// Events that may wait for others. Beyond that they no longer do, since something else is wrong.
const HELD_MAX: usize = 4_096;

/// Bytes of events that may wait.
const HELD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Stamps that may be ahead of a missing one.
const AHEAD_MAX: usize = 65_536;

/// What stands where in the order.
pub(super) trait Chained {
    /// The stamp.
    fn rev(&self) -> u64;
    /// The stamp of the conversation's change before it; 0 for the first.
    fn prev(&self) -> u64;
    /// What it takes while it waits.
    fn bytes(&self) -> usize;
}

/// Stamps that did not come in time: from the first to the last, with others between them that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Puts events in order.
pub(super) struct Order<T> {
    /// Every stamp up to this one has come or was given up. `None` until something is known.
    level: Option<u64>,
    /// The stamps above it that have come.
    ahead: BTreeSet<u64>,
    /// Those of them that wait, and the stamps for which they do.
    held: BTreeMap<u64, T>,
    waiting: HashMap<u64, u64>,
    held_bytes: usize,
    /// The largest stamp that is known to exist.
    known: u64,
    /// When what is missing up to that stamp is given up.
    patience: Option<(Instant, u64)>,
    hold: Duration,
}

impl<T: Chained> Order<T> {
    /// Begins where it is told to, or with whatever comes first. What is missing is waited for `hold`.
    pub(super) fn new(hold: Duration) -> Self {
        Self {
            level: None,
            ahead: BTreeSet::new(),
            held: BTreeMap::new(),
            waiting: HashMap::new(),
            held_bytes: 0,
            known: 0,
            patience: None,
            hold,
        }
    }

    /// How long what is missing is waited for, from now on.
    pub(super) const fn wait_for(&mut self, hold: Duration) {
        self.hold = hold;
    }

    /// When [`Order::give_up`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.patience.map(|(deadline, _)| deadline)
    }

    /// How many events wait.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// An event has come: those whose turn it is now go to `out`, in order. A gap is what had to be given up because
    /// too much waits.
    pub(super) fn offer(&mut self, now: Instant, event: T, out: &mut Vec<T>) -> Option<Gap> {
        let rev = event.rev();
        let level = *self.level.get_or_insert(rev.saturating_sub(1));
        // It was given up; or the store has lost its last changes, as after a fail-over, and gives their stamps again. The cluster brings
        // nothing twice.
        if rev <= level || self.ahead.contains(&rev) {
            out.push(event);
            return None;
        }
        self.known = self.known.max(rev);
        // Alone, or while all nodes are in step, nothing else ever happens.
        if rev == level + 1 && self.ahead.is_empty() {
            self.level = Some(rev);
            out.push(event);
            self.watch(now);
            return None;
        }
        self.ahead.insert(rev);
        if self.is_out(event.prev()) {
            self.release(event, out);
        } else {
            self.held_bytes += event.bytes();
            self.waiting.insert(event.prev(), rev);
            self.held.insert(rev, event);
        }
        self.climb();
        self.watch(now);
        let is_full = self.held.len() > HELD_MAX
            || self.held_bytes > HELD_BYTES_MAX
            || self.ahead.len() > AHEAD_MAX;
        if is_full {
            return self.give_up_to(now, self.known, out);
        }
        None
    }

    /// The store has committed everything up to `rev`.
    pub(super) fn expect(&mut self, now: Instant, rev: u64) {
        self.known = self.known.max(rev);
        self.level.get_or_insert(rev);
        self.watch(now);
    }

    /// Gives up what has been waited for long enough, so that what waits for it goes to `out`.
    pub(super) fn give_up(&mut self, now: Instant, out: &mut Vec<T>) -> Option<Gap> {
        match self.patience {
            Some((deadline, horizon)) if deadline <= now => self.give_up_to(now, horizon, out),
            _ => None,
        }
    }

    /// Gives up everything that is missing.
    pub(super) fn give_up_all(&mut self, now: Instant, out: &mut Vec<T>) -> Option<Gap> {
        self.give_up_to(now, self.known, out)
    }

    fn give_up_to(&mut self, now: Instant, horizon: u64, out: &mut Vec<T>) -> Option<Gap> {
        let level = self.level?;
        let mut next = level + 1;
        let mut gap: Option<Gap> = None;
        let come = self.ahead.range(..=horizon).copied();
        for rev in come.chain([horizon + 1]) {
            if next < rev {
                let first = gap.map_or(next, |gap| gap.first);
                let last = rev - 1;
                gap = Some(Gap { first, last });
            }
            next = rev + 1;
        }
        self.level = Some(level.max(horizon));
        self.ahead = self.ahead.split_off(&(horizon + 1));
        self.release_ready(out);
        self.climb();
        self.patience = None;
        self.watch(now);
        gap
    }

    /// Lets go of whatever need not wait any more. Each waits for a smaller stamp, so one pass is enough.
    fn release_ready(&mut self, out: &mut Vec<T>) {
        let revs: Vec<u64> = self.held.keys().copied().collect();
        for rev in revs {
            let ready = self
                .held
                .get(&rev)
                .is_some_and(|event| self.is_out(event.prev()));
            if ready && let Some(event) = self.unhold(rev) {
                out.push(event);
            }
        }
    }

    fn release(&mut self, event: T, out: &mut Vec<T>) {
        let mut rev = event.rev();
        out.push(event);
        while let Some(next) = self.waiting.get(&rev).copied()
            && let Some(event) = self.unhold(next)
        {
            rev = next;
            out.push(event);
        }
    }

    fn unhold(&mut self, rev: u64) -> Option<T> {
        let event = self.held.remove(&rev)?;
        self.waiting.remove(&event.prev());
        self.held_bytes -= event.bytes();
        Some(event)
    }

    /// Whether nothing need wait for that stamp. What is below the level and came is out: it waited for what is below
    /// the level as well.
    fn is_out(&self, rev: u64) -> bool {
        self.level.is_some_and(|level| rev <= level)
            || (self.ahead.contains(&rev) && !self.held.contains_key(&rev))
    }

    /// Raises the level over what has come.
    fn climb(&mut self) {
        let Some(level) = &mut self.level else {
            return;
        };
        while self.ahead.first() == Some(&(*level + 1)) {
            *level += 1;
            self.ahead.pop_first();
        }
    }

    /// Waits from now on if something is missing, and no longer if nothing is.
    fn watch(&mut self, now: Instant) {
        let is_missing = self.level.is_some_and(|level| level < self.known);
        match self.patience {
            None if is_missing => self.patience = Some((now + self.hold, self.known)),
            Some((_, horizon)) if self.level.is_some_and(|level| level >= horizon) => {
                self.patience = is_missing.then(|| (now + self.hold, self.known));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
