//! How the store behaves.

use std::fmt;
use std::time::Duration;

use crate::time::{Clock, system_clock};

/// Settings of a [`SqliteStore`](super::SqliteStore); `default()` is right for a server.
#[derive(Clone)]
pub struct SqliteSettings {
    pub(super) clock: Clock,
    pub(super) reopen_window: Duration,
    pub(super) queue_commands_max: usize,
    pub(super) commit_commands_max: usize,
    pub(super) batches_max: usize,
    pub(super) readers_max: u32,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            reopen_window: Duration::from_hours(24),
            queue_commands_max: 2_048,
            commit_commands_max: 256,
            batches_max: 16,
            readers_max: 4,
        }
    }
}

impl SqliteSettings {
    /// Where the time comes from. Default: the machine's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long after its close a customer's message continues a conversation. Default: 24 hours, so that an answer
    /// read the next morning is still in place.
    pub fn reopen_window(mut self, window: Duration) -> Self {
        self.reopen_window = window;
        self
    }

    /// How many commands may wait for the writer; more are refused. Default: 2,048, which is a fifth of a second's
    /// work and at most 64 MiB of text. At least 1.
    pub fn queue_commands_max(mut self, commands: usize) -> Self {
        self.queue_commands_max = commands.max(1);
        self
    }

    /// How many commands one commit carries at most. Default: 256; beyond that the commit is no longer what takes
    /// the time, and the first would wait for the last. At least 1.
    pub fn commit_commands_max(mut self, commands: usize) -> Self {
        self.commit_commands_max = commands.max(1);
        self
    }

    /// How many batches may wait for the publisher before the writer waits for it. Default: 16; the publisher only
    /// appends to outboxes, so more would hide a fault. At least 1.
    pub fn batches_max(mut self, batches: usize) -> Self {
        self.batches_max = batches.max(1);
        self
    }

    /// How many questions are answered at the same time. Default: 4, two for each core of a small machine. Each
    /// costs a thread and about 2 MiB of cache. At least 1.
    pub fn readers_max(mut self, readers: u32) -> Self {
        self.readers_max = readers.max(1);
        self
    }
}

impl fmt::Debug for SqliteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            clock: _,
            reopen_window,
            queue_commands_max,
            commit_commands_max,
            batches_max,
            readers_max,
        } = self;
        f.debug_struct("SqliteSettings")
            .field("reopen_window", reopen_window)
            .field("queue_commands_max", queue_commands_max)
            .field("commit_commands_max", commit_commands_max)
            .field("batches_max", batches_max)
            .field("readers_max", readers_max)
            .finish_non_exhaustive()
    }
}
