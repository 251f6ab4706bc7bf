//! What every store can be told.

use std::fmt;
use std::time::Duration;

use crate::time::{Clock, system_clock};

/// What the settings of all stores hold.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) reopen_window: Duration,
    pub(super) queue_commands_max: usize,
    pub(super) commit_commands_max: usize,
    pub(super) batches_max: usize,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            reopen_window: Duration::from_hours(24),
            queue_commands_max: 2_048,
            commit_commands_max: 256,
            batches_max: 16,
        }
    }
}

impl fmt::Debug for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            clock: _,
            reopen_window,
            queue_commands_max,
            commit_commands_max,
            batches_max,
        } = self;
        f.debug_struct("Common")
            .field("reopen_window", reopen_window)
            .field("queue_commands_max", queue_commands_max)
            .field("commit_commands_max", commit_commands_max)
            .field("batches_max", batches_max)
            .finish_non_exhaustive()
    }
}

/// The setters of a struct of settings that has `common: Common`.
macro_rules! common_setters {
    () => {
        /// Where the time comes from. Default: the machine's clock.
        pub fn clock(mut self, clock: $crate::time::Clock) -> Self {
            self.common.clock = clock;
            self
        }

        /// How long after its close a customer's message continues a conversation. Default: 24 hours, so that an
        /// answer read the next morning is still in place.
        pub fn reopen_window(mut self, window: std::time::Duration) -> Self {
            self.common.reopen_window = window;
            self
        }

        /// How many commands may wait for the writer; more are refused. Default: 2,048, which is a fifth of a
        /// second's work and at most 64 MiB of text. At least 1.
        pub fn queue_commands_max(mut self, commands: usize) -> Self {
            self.common.queue_commands_max = commands.max(1);
            self
        }

        /// How many commands one commit carries at most. Default: 256; beyond that the commit is no longer what
        /// takes the time, and the first would wait for the last. At least 1.
        pub fn commit_commands_max(mut self, commands: usize) -> Self {
            self.common.commit_commands_max = commands.max(1);
            self
        }

        /// How many batches may wait for the publisher before the writer waits for it. Default: 16; the publisher
        /// only appends to outboxes, so more would hide a fault. At least 1.
        pub fn batches_max(mut self, batches: usize) -> Self {
            self.common.batches_max = batches.max(1);
            self
        }
    };
}
pub(super) use common_setters;
