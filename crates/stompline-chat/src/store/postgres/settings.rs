//! How the store behaves.

use std::time::Duration;

use crate::store::settings::{Common, common_setters};

/// Settings of a [`PostgresStore`](super::PostgresStore); `default()` is right for a node.
///
/// The times end well within the ten seconds that a command has in all, so that a client hears what was missing.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    pub(super) common: Common,
    pub(super) connections_max: u32,
    pub(super) acquire_timeout: Duration,
    pub(super) statement_timeout: Duration,
    pub(super) lock_timeout: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            common: Common::default(),
            connections_max: 5,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(4),
            lock_timeout: Duration::from_secs(3),
        }
    }
}

impl PostgresSettings {
    common_setters!();

    /// How many connections this node has at most: one writes, the others read. Default: 5. The sum over all nodes
    /// must stay below the server's `max_connections`. At least 2.
    pub fn connections_max(mut self, connections: u32) -> Self {
        self.connections_max = connections.max(2);
        self
    }

    /// How long to wait for a connection, new or free. Default: 3 seconds; a server on the same network answers in
    /// milliseconds. At least 100 ms.
    pub fn acquire_timeout(mut self, time: Duration) -> Self {
        self.acquire_timeout = time.max(TIME_MIN);
        self
    }

    /// How long the server may work on one statement. Default: 4 seconds; statements take milliseconds, so longer
    /// means that the server is stuck. At least 100 ms.
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.statement_timeout = time.max(TIME_MIN);
        self
    }

    /// How long to wait while another node commits, and how long the server lets a node that stopped in the middle
    /// of a transaction hold up the others. Default: 3 seconds. At least 100 ms.
    pub fn lock_timeout(mut self, time: Duration) -> Self {
        self.lock_timeout = time.max(TIME_MIN);
        self
    }
}

/// Less would end calls that are only unlucky.
const TIME_MIN: Duration = Duration::from_millis(100);
