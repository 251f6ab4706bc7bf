use std::collections::VecDeque;

use thiserror::Error;

use crate::AckMode;

/// The deliveries of one subscription that wait for an ACK or NACK.
///
/// Deliveries are known by ascending numbers. Takes no heap memory while nothing waits from the
/// start, and at most 8 octets a delivery up to its bound.
///
/// ```
/// use stompline_proto::{AckMode, Unacked};
///
/// let mut unacked = Unacked::default();
/// for number in 1..=5 {
///     unacked.push(number)?;
/// }
/// assert_eq!(unacked.settle(AckMode::Client, 3), Some(3));
/// assert_eq!(unacked.settle(AckMode::ClientIndividual, 5), Some(1));
/// assert_eq!(unacked.len(), 1);
/// # Ok::<(), stompline_proto::Full>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unacked {
    numbers: VecDeque<u64>,
    deliveries_max: usize,
}

impl Unacked {
    /// The default bound: more than a client works on at a time, and 8 KB.
    pub const DELIVERIES_MAX: usize = 1000;

    /// Nothing waits, and at most `deliveries_max` ever will.
    pub const fn new(deliveries_max: usize) -> Self {
        Self {
            numbers: VecDeque::new(),
            deliveries_max,
        }
    }

    /// Adds a delivery; its number must be greater than those before.
    pub fn push(&mut self, number: u64) -> Result<(), Full> {
        debug_assert!(
            self.numbers.back().is_none_or(|&last| last < number),
            "numbers ascend"
        );
        if self.numbers.len() >= self.deliveries_max {
            return Err(Full {
                deliveries_max: self.deliveries_max,
            });
        }
        self.numbers.push_back(number);
        Ok(())
    }

    /// As [`push`](Self::push), but forgets the oldest delivery if there are too many: for messages that may be dropped unseen, which
    /// nobody can acknowledge then.
    pub fn push_newest(&mut self, number: u64) {
        if self.numbers.len() >= self.deliveries_max {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
    }

    /// Settles delivery `number` and, in mode `client`, all before it; returns how many that were.
    /// `None` if the delivery does not wait, as always in mode `auto`.
    pub fn settle(&mut self, mode: AckMode, number: u64) -> Option<usize> {
        let at = self.numbers.binary_search(&number).ok()?;
        match mode {
            AckMode::Auto => None,
            AckMode::Client => Some(self.numbers.drain(..=at).count()),
            AckMode::ClientIndividual => self.numbers.remove(at).map(|_| 1),
        }
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether no delivery waits.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

impl Default for Unacked {
    fn default() -> Self {
        Self::new(Self::DELIVERIES_MAX)
    }
}

/// As many deliveries as allowed wait for an ACK already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{deliveries_max} deliveries of the subscription wait for an ACK, more are not allowed")]
pub struct Full {
    /// The bound.
    pub deliveries_max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Unacked {
        let mut unacked = Unacked::new(5);
        for number in [2, 4, 6, 8, 10] {
            unacked.push(number).unwrap();
        }
        unacked
    }

    #[test]
    fn client_mode_settles_all_before() {
        let mut unacked = five();
        assert_eq!(unacked.settle(AckMode::Client, 6), Some(3));
        assert_eq!(unacked.settle(AckMode::Client, 4), None);
        assert_eq!(unacked.settle(AckMode::Client, 10), Some(2));
        assert!(unacked.is_empty());
    }

    #[test]
    fn individual_mode_settles_one() {
        let mut unacked = five();
        assert_eq!(unacked.settle(AckMode::ClientIndividual, 6), Some(1));
        assert_eq!(unacked.settle(AckMode::ClientIndividual, 6), None);
        assert_eq!(unacked.settle(AckMode::ClientIndividual, 2), Some(1));
        assert_eq!(unacked.len(), 3);
    }

    #[test]
    fn unknown_numbers_settle_nothing() {
        let mut unacked = five();
        assert_eq!(unacked.settle(AckMode::Client, 5), None);
        assert_eq!(unacked.settle(AckMode::Client, 11), None);
        assert_eq!(unacked.settle(AckMode::Auto, 6), None);
        assert_eq!(unacked.len(), 5);
    }

    #[test]
    fn bound_refuses_further_deliveries() {
        let mut unacked = five();
        assert_eq!(unacked.push(12), Err(Full { deliveries_max: 5 }));
        unacked.settle(AckMode::Client, 2);
        assert_eq!(unacked.push(12), Ok(()));
    }
}
