use std::time::Duration;

use crate::Heartbeat;

/// What a server's sessions offer and allow. One value serves all sessions of an endpoint.
///
/// ```
/// use std::time::Duration;
///
/// use stompline_proto::server::Config;
///
/// let config = Config::default().subscriptions_max(16).connect_timeout(Duration::from_secs(3));
/// assert_eq!(config.subscriptions_max, 16);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The heart-beats offered to clients. Default `20000,45000`: proxies drop connections after
    /// 30 to 60 s without traffic to the client, and phones sleep better when they send seldom.
    pub heartbeat: Heartbeat,
    /// From the start of the session to CONNECTED; `Duration::MAX` waits forever. Default 10 s: a
    /// slow phone needs three, and who says nothing holds a socket.
    pub connect_timeout: Duration,
    /// How many intervals the client may be silent before it is given up; 0 never gives up. Default
    /// 3, since a browser slows the timers of a hidden tab down to one a minute.
    pub silent_intervals_max: u32,
    /// Subscriptions alive at a time. Default 128: several pages of an application in one session.
    pub subscriptions_max: usize,
    /// Transactions open at a time. Default 16: each costs memory although it holds nothing yet.
    pub transactions_max: usize,
    /// Frames that the open transactions of a session hold together. Default 100.
    pub transaction_frames_max: usize,
    /// Octets that the open transactions of a session hold together. Default 1 MiB: sixteen frames
    /// of the greatest size.
    pub transaction_bytes_max: usize,
    /// From [`Session::close`](super::Session::close) to the end of the connection. Default 2 s: time
    /// for the last frames to arrive, and for the client to close first.
    pub close_timeout: Duration,
}

impl Config {
    /// Sets [`Config::heartbeat`].
    pub const fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Sets [`Config::connect_timeout`].
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`Config::silent_intervals_max`].
    pub const fn silent_intervals_max(mut self, intervals: u32) -> Self {
        self.silent_intervals_max = intervals;
        self
    }

    /// Sets [`Config::subscriptions_max`].
    pub const fn subscriptions_max(mut self, subscriptions: usize) -> Self {
        self.subscriptions_max = subscriptions;
        self
    }

    /// Sets [`Config::transactions_max`].
    pub const fn transactions_max(mut self, transactions: usize) -> Self {
        self.transactions_max = transactions;
        self
    }

    /// Sets [`Config::transaction_frames_max`].
    pub const fn transaction_frames_max(mut self, frames: usize) -> Self {
        self.transaction_frames_max = frames;
        self
    }

    /// Sets [`Config::transaction_bytes_max`].
    pub const fn transaction_bytes_max(mut self, bytes: usize) -> Self {
        self.transaction_bytes_max = bytes;
        self
    }

    /// Sets [`Config::close_timeout`].
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat: Heartbeat {
                send_ms: 20_000,
                receive_ms: 45_000,
            },
            connect_timeout: Duration::from_secs(10),
            silent_intervals_max: 3,
            subscriptions_max: 128,
            transactions_max: 16,
            transaction_frames_max: 100,
            transaction_bytes_max: 1024 * 1024,
            close_timeout: Duration::from_secs(2),
        }
    }
}
