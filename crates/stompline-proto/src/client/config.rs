use std::{fmt, time::Duration};

use crate::{Headers, Heartbeat, Version};

/// What a client offers and how long it waits.
///
/// ```
/// use stompline_proto::{Heartbeat, Version, client::Config};
///
/// let config = Config::default().versions([Version::V1_2]).heartbeat(Heartbeat::NONE);
/// assert_eq!(config.versions, [Version::V1_2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The versions offered. Default all.
    pub versions: Vec<Version>,
    /// The heart-beats offered. Default `10000,10000`, as browsers' clients do.
    pub heartbeat: Heartbeat,
    /// From the start of the session to CONNECTED; `Duration::MAX` waits forever. Default 10 s, as
    /// servers allow.
    pub connect_timeout: Duration,
    /// How many intervals the server may be silent before it is given up; 0 never gives up. Default
    /// 3, as servers allow.
    pub silent_intervals_max: u32,
}

impl Config {
    /// Sets [`Config::versions`].
    pub fn versions(mut self, versions: impl Into<Vec<Version>>) -> Self {
        self.versions = versions.into();
        self
    }

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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            versions: vec![Version::V1_0, Version::V1_1, Version::V1_2],
            heartbeat: Heartbeat {
                send_ms: 10_000,
                receive_ms: 10_000,
            },
            connect_timeout: Duration::from_secs(10),
            silent_intervals_max: 3,
        }
    }
}

/// What a CONNECT frame says besides versions and heart-beats.
#[derive(Clone, Default)]
pub struct Connect<'a> {
    /// The virtual host, which STOMP 1.1 and 1.2 demand; not sent if empty.
    pub host: &'a str,
    /// Who the client is.
    pub login: Option<&'a str>,
    /// Its secret; never in `Debug` output.
    pub passcode: Option<&'a str>,
    /// Further headers.
    pub headers: Headers,
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("host", &self.host)
            .field("login", &self.login)
            .field("passcode", &self.passcode.map(|_| "***"))
            .field("headers", &self.headers)
            .finish()
    }
}
