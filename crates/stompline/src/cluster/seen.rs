//! Envelopes that came twice.

use std::collections::HashMap;

use crate::backplane::{NodeId, Route};

/// How far back a repetition is recognised.
const WINDOW: u64 = 1_024;
const WORDS: usize = 16;

/// Origins remembered: more than any cluster has nodes, with room for restarts.
const ORIGINS_MAX: usize = 1_024;

/// The numbers that came lately, by origin and route. One origin's envelopes may come over several links, so a number that is
/// older than the window is let through.
#[derive(Default)]
pub(super) struct Seen {
    windows: HashMap<(NodeId, Route), Window>,
}

struct Window {
    newest: u64,
    bits: [u64; WORDS],
}

impl Seen {
    /// Whether this is the first time that the envelope comes.
    pub(super) fn is_new(&mut self, origin: &NodeId, route: Route, number: u64) -> bool {
        let key = (origin.clone(), route);
        if !self.windows.contains_key(&key) && self.windows.len() >= ORIGINS_MAX {
            self.windows.clear();
        }
        let window = self.windows.entry(key).or_insert(Window {
            newest: number,
            bits: [0; WORDS],
        });
        window.take(number)
    }
}

impl Window {
    fn take(&mut self, number: u64) -> bool {
        if number > self.newest {
            let steps = (number - self.newest).min(WINDOW);
            for passed in 1..=steps {
                self.mark(number - steps + passed, false);
            }
            self.newest = number;
        } else if self.newest - number >= WINDOW {
            return true;
        }
        let (word, bit) = place(number);
        let seen = self.bits[word] & bit != 0;
        self.mark(number, true);
        !seen
    }

    fn mark(&mut self, number: u64, seen: bool) {
        let (word, bit) = place(number);
        if seen {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let slot = number % WINDOW;
    let word = usize::try_from(slot / 64).unwrap_or_default();
    (word, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once() {
        let node = NodeId::new("a").unwrap();
        let mut seen = Seen::default();
        for (number, new) in [
            (5, true),
            (5, false),
            (3, true),
            (3, false),
            (5_000, true),
            (4_999, true),
            (5_000, false),
            (4_999, false),
            (7, true),
            (6_023, true),
            (5_000, false),
            (5_001, true),
        ] {
            assert_eq!(seen.is_new(&node, Route::Direct, number), new, "{number}");
        }
        assert!(seen.is_new(&node, Route::Destination, 5_000));
    }
}
