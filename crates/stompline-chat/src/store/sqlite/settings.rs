//! How the store behaves.

use std::fmt;

use crate::store::settings::{Common, common_setters};

/// Settings of a [`SqliteStore`](super::SqliteStore); `default()` is right for a server.
#[derive(Clone)]
pub struct SqliteSettings {
    pub(super) common: Common,
    pub(super) readers_max: u32,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self {
            common: Common::default(),
            readers_max: 4,
        }
    }
}

impl SqliteSettings {
    common_setters!();

    /// How many questions are answered at the same time. Default: 4, two for each core of a small machine. Each
    /// costs a thread and about 2 MiB of cache. At least 1.
    pub fn readers_max(mut self, readers: u32) -> Self {
        self.readers_max = readers.max(1);
        self
    }
}

impl fmt::Debug for SqliteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSettings")
            .field("common", &self.common)
            .field("readers_max", &self.readers_max)
            .finish()
    }
}
