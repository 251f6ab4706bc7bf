//! Receipts that are owed, and how long they took.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The longest latency that is told apart from longer ones, in microseconds: a minute.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Three digits of every latency are kept.
const LATENCY_DIGITS: u8 = 3;

/// An empty histogram of latencies in microseconds.
///
/// # Panics
///
/// Never: the bounds are constants that it accepts.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, LATENCY_DIGITS)
        .expect("one microsecond to a minute with three digits is a range")
}

/// Records how long something took.
pub fn record(histogram: &mut Histogram<u64>, took: Duration) {
    let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    histogram.saturating_record(us.max(1));
}

/// The receipts that one session has asked for.
#[derive(Debug)]
pub struct Receipts {
    owed: VecDeque<(u64, Instant)>,
    asked: u64,
    latency: Histogram<u64>,
    misplaced: u64,
}

impl Receipts {
    /// None asked for.
    pub fn new() -> Self {
        Self {
            owed: VecDeque::new(),
            asked: 0,
            latency: latencies(),
            misplaced: 0,
        }
    }

    /// One more frame asks for a receipt at `now`. Returns the number of that receipt.
    pub fn ask(&mut self, now: Instant) -> u64 {
        let number = self.asked;
        self.asked += 1;
        self.owed.push_back((number, now));
        number
    }

    /// The receipt with this id came at `now`. They come in the order in which they were asked for.
    pub fn settle(&mut self, id: &str, now: Instant) {
        let number = id.parse().ok();
        match self.owed.front() {
            Some((owed, at)) if Some(*owed) == number => {
                record(&mut self.latency, now.saturating_duration_since(*at));
                self.owed.pop_front();
            }
            _ => {
                self.misplaced += 1;
                self.owed.retain(|(owed, _)| Some(*owed) != number);
            }
        }
    }

    /// How many have been asked for and have not come.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// How many came in their order.
    pub fn settled(&self) -> u64 {
        self.latency.len()
    }

    /// How long those took, in microseconds.
    pub fn latency(&self) -> &Histogram<u64> {
        &self.latency
    }

    /// What was wrong, in words; empty if nothing was.
    pub fn faults(&self) -> Vec<String> {
        let owed = u64::try_from(self.owed.len()).unwrap_or(u64::MAX);
        [
            (owed, "never came"),
            (self.misplaced, "came out of order or twice"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} of {} receipts {what}", self.asked))
        .collect()
    }
}

impl Default for Receipts {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_runs_from_asking_to_settling() {
        let start = Instant::now();
        let mut receipts = Receipts::new();
        let number = receipts.ask(start);
        receipts.settle(&number.to_string(), start + Duration::from_millis(3));
        assert_eq!(receipts.settled(), 1);
        assert_eq!(receipts.latency().max() / 100, 30);
        assert!(receipts.faults().is_empty());
    }

    #[test]
    fn later_receipt_first_is_a_fault() {
        let now = Instant::now();
        let mut receipts = Receipts::new();
        receipts.ask(now);
        receipts.ask(now);
        receipts.settle("1", now);
        receipts.settle("0", now);
        assert_eq!(
            receipts.faults(),
            ["1 of 2 receipts came out of order or twice"]
        );
        assert_eq!(receipts.owed(), 0);
    }

    #[test]
    fn missing_receipt_is_a_fault() {
        let mut receipts = Receipts::new();
        receipts.ask(Instant::now());
        assert_eq!(receipts.faults(), ["1 of 1 receipts never came"]);
    }
}
