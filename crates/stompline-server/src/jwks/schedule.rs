//! When keys are fetched again.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two fetches that tokens of an unknown key bring about. Anybody can send such
/// tokens, and a provider that announces a key before it signs with it needs none of them.
const EARLY_SPACE: Duration = Duration::from_secs(30);

/// The wait after a first failure; it doubles up to the usual one.
const RETRY_TIME: Duration = Duration::from_secs(5);

/// The next fetch, and what moves it.
#[derive(Debug)]
pub(super) struct Schedule {
    refresh: Duration,
    due: Instant,
    is_early: bool,
    /// Before this, no token brings a fetch forward.
    early_from: Instant,
    failures: u32,
}

impl Schedule {
    /// After a fetch that has just succeeded. `fraction`, from 0 to 1, is by how much of the jitter waits are longer:
    /// nodes that start together should not ask together for ever.
    pub(super) fn new(refresh: Duration, now: Instant, fraction: f64) -> Self {
        Self {
            refresh,
            due: now + jittered(refresh, fraction),
            is_early: false,
            early_from: now,
            failures: 0,
        }
    }

    /// When to fetch.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// A token named a key that may be newer than the set.
    pub(super) fn missed(&mut self, now: Instant) {
        let at = now.max(self.early_from);
        if at < self.due {
            self.due = at;
            self.is_early = true;
        }
    }

    /// A fetch has ended.
    pub(super) fn ended(&mut self, now: Instant, succeeded: bool, fraction: f64) {
        if self.is_early {
            self.early_from = now + EARLY_SPACE;
            self.is_early = false;
        }
        let wait = if succeeded {
            self.failures = 0;
            self.refresh
        } else {
            // Six doublings are five minutes, and more than any wait by then matters little.
            let wait = RETRY_TIME * (1 << self.failures.min(14));
            self.failures += 1;
            wait.min(self.refresh)
        };
        self.due = now + jittered(wait, fraction);
    }
}

/// From nine to eleven tenths of the time.
fn jittered(time: Duration, fraction: f64) -> Duration {
    time.mul_f64(0.9 + 0.2 * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// Times in seconds after the start, with the jitter in its middle.
    fn check(schedule: &Schedule, start: Instant, want_s: u64) {
        let due = schedule.due() - start;
        let off = due.abs_diff(S * u32::try_from(want_s).unwrap());
        assert!(off < Duration::from_millis(1), "{due:?}, not {want_s} s");
    }

    #[test]
    fn refreshes_come_regularly_with_jitter() {
        let start = Instant::now();
        for (fraction, want) in [(0.0, 270), (0.5, 300), (1.0, 330)] {
            check(&Schedule::new(S * 300, start, fraction), start, want);
        }
        let mut schedule = Schedule::new(S * 300, start, 0.5);
        schedule.ended(start + S * 301, true, 0.5);
        check(&schedule, start, 601);
    }

    #[test]
    fn failures_are_tried_again_sooner_and_rarer() {
        let start = Instant::now();
        let mut schedule = Schedule::new(S * 300, start, 0.5);
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            schedule.ended(start, false, 0.5);
            check(&schedule, start, wait);
        }
        for _ in 0..100 {
            schedule.ended(start, false, 0.5);
        }
        check(&schedule, start, 300);
        schedule.ended(start, true, 0.5);
        schedule.ended(start, false, 0.5);
        check(&schedule, start, 5);
        let mut quick = Schedule::new(S, start, 0.5);
        quick.ended(start, false, 0.5);
        check(&quick, start, 1);
    }

    #[test]
    fn unknown_keys_bring_a_fetch_forward_once_in_a_while() {
        let start = Instant::now();
        let mut schedule = Schedule::new(S * 300, start, 0.5);
        schedule.missed(start + S);
        check(&schedule, start, 1);
        schedule.missed(start + S * 2);
        check(&schedule, start, 1);
        schedule.ended(start + S * 2, true, 0.5);
        check(&schedule, start, 302);
        for second in 3..30 {
            schedule.missed(start + S * second);
            check(&schedule, start, 32);
        }
        schedule.ended(start + S * 32, false, 0.5);
        check(&schedule, start, 37);
        schedule.missed(start + S * 33);
        check(&schedule, start, 37);
        // A regular fetch costs nothing of it.
        schedule.ended(start + S * 100, true, 0.5);
        schedule.missed(start + S * 101);
        check(&schedule, start, 101);
    }
}
