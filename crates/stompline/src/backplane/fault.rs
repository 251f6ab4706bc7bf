//! What may go wrong between nodes, for tests.

use std::time::Duration;

/// What goes wrong on a bus, by chance but always in the same way for the same seed. For tests.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Faults {
    /// Where chance begins.
    pub seed: u64,
    /// Of a thousand envelopes to a node, how many are lost.
    pub lost_permille: u32,
    /// How many arrive twice.
    pub doubled_permille: u32,
    /// The longest time that an envelope is on its way.
    pub delay_max: Duration,
}

impl Faults {
    /// No faults yet, with a seed for those to come.
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Loses so many of a thousand envelopes.
    pub fn losing(self, permille: u32) -> Self {
        Self {
            lost_permille: permille,
            ..self
        }
    }

    /// Doubles so many of a thousand envelopes.
    pub fn doubling(self, permille: u32) -> Self {
        Self {
            doubled_permille: permille,
            ..self
        }
    }

    /// Holds envelopes back for up to `delay`; those of one sender stay in order.
    pub fn delaying(self, delay: Duration) -> Self {
        Self {
            delay_max: delay,
            ..self
        }
    }
}
