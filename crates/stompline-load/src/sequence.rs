//! Whether every message came once and in order.

/// The numbers of the messages that one publisher sent to one subscriber, as they arrive: 0, 1, 2
/// and so on. Memory is one bit for each.
#[derive(Clone, Debug)]
pub struct Sequence {
    seen: Vec<u64>,
    total: u64,
    arrived: u64,
    next: u64,
    duplicates: u64,
    misplaced: u64,
    strangers: u64,
}

impl Sequence {
    /// Expects the numbers below `total`.
    pub fn new(total: u64) -> Self {
        let words = usize::try_from(total.div_ceil(64)).unwrap_or(usize::MAX);
        Self {
            seen: vec![0; words],
            total,
            arrived: 0,
            next: 0,
            duplicates: 0,
            misplaced: 0,
            strangers: 0,
        }
    }

    /// The message with this number arrived; `None` if it bears none.
    pub fn arrive(&mut self, number: Option<u64>) {
        let place = number
            .filter(|number| *number < self.total)
            .and_then(|number| usize::try_from(number).ok());
        let (Some(place), Some(number)) = (place, number) else {
            self.strangers += 1;
            return;
        };
        let bit = 1 << (place % 64);
        if self.seen[place / 64] & bit != 0 {
            self.duplicates += 1;
            return;
        }
        self.seen[place / 64] |= bit;
        self.arrived += 1;
        if number < self.next {
            self.misplaced += 1;
        }
        self.next = self.next.max(number + 1);
    }

    /// How many different messages arrived.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Whether all arrived.
    pub fn is_complete(&self) -> bool {
        self.arrived == self.total
    }

    /// What was wrong, in words; empty if nothing was.
    pub fn faults(&self) -> Vec<String> {
        [
            (self.total - self.arrived, "lost"),
            (self.duplicates, "came twice"),
            (self.misplaced, "came out of order"),
            (self.strangers, "were never sent"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} of {} messages {what}", self.total))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(total: u64, numbers: &[u64]) -> Vec<String> {
        let mut sequence = Sequence::new(total);
        for number in numbers {
            sequence.arrive(Some(*number));
        }
        sequence.faults()
    }

    #[test]
    fn everything_in_order_has_no_faults() {
        let numbers: Vec<_> = (0..130).collect();
        assert!(faults(130, &numbers).is_empty());
        assert!(faults(0, &[]).is_empty());
    }

    #[test]
    fn gap_is_a_loss_only() {
        assert_eq!(faults(4, &[0, 1, 3]), ["1 of 4 messages lost"]);
        assert_eq!(faults(3, &[0, 1]), ["1 of 3 messages lost"]);
    }

    #[test]
    fn late_message_is_out_of_order() {
        assert_eq!(faults(3, &[0, 2, 1]), ["1 of 3 messages came out of order"]);
    }

    #[test]
    fn repeated_message_came_twice() {
        assert_eq!(faults(2, &[0, 0, 1]), ["1 of 2 messages came twice"]);
    }

    #[test]
    fn numbers_beyond_the_total_are_strangers() {
        let mut sequence = Sequence::new(1);
        sequence.arrive(Some(1));
        sequence.arrive(None);
        sequence.arrive(Some(0));
        assert!(sequence.is_complete());
        assert_eq!(sequence.faults(), ["2 of 1 messages were never sent"]);
    }
}
