//! Whether every message came once and in order.

/// How far ahead of what came a number may be: enough for every message of a run.
const AHEAD_MAX: u64 = 1 << 26;

/// The numbers of the messages that one publisher sent to one subscriber, as they arrive: 0, 1, 2
/// and so on. Memory is one bit for each.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    seen: Vec<u64>,
    arrived: u64,
    next: u64,
    duplicates: u64,
    misplaced: u64,
    strangers: u64,
}

impl Sequence {
    /// Nothing has come.
    pub fn new() -> Self {
        Self::default()
    }

    /// The message with this number arrived; `None` if it bears none.
    pub fn arrive(&mut self, number: Option<u64>) {
        let place = number
            .filter(|number| *number < self.next + AHEAD_MAX)
            .and_then(|number| usize::try_from(number).ok());
        let (Some(place), Some(number)) = (place, number) else {
            self.strangers += 1;
            return;
        };
        if place / 64 >= self.seen.len() {
            self.seen.resize(place / 64 + 1, 0);
        }
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

    /// What was wrong when `total` messages were sent, in words; empty if nothing was.
    pub fn faults(&self, total: u64) -> Vec<String> {
        let unsent = self.next.saturating_sub(total);
        [
            (total.saturating_sub(self.arrived), "lost"),
            (self.duplicates, "came twice"),
            (self.misplaced, "came out of order"),
            (self.strangers + unsent, "were never sent"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} of {total} messages {what}"))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(total: u64, numbers: &[u64]) -> Vec<String> {
        let mut sequence = Sequence::new();
        for number in numbers {
            sequence.arrive(Some(*number));
        }
        sequence.faults(total)
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
        let mut sequence = Sequence::new();
        sequence.arrive(Some(0));
        sequence.arrive(Some(1));
        sequence.arrive(None);
        sequence.arrive(Some(u64::MAX));
        assert_eq!(sequence.faults(1), ["3 of 1 messages were never sent"]);
    }
}
