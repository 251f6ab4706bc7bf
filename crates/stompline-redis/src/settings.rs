//! Where Redis is and how long it may take.

use std::{fmt, time::Duration};

use redis::{Client, IntoConnectionInfo, ProtocolVersion};

/// The longest prefix of keys, in bytes.
const PREFIX_BYTES_MAX: usize = 64;

/// How to reach Redis. `Debug` shows no password.
#[derive(Clone)]
pub struct RedisSettings {
    pub(crate) client: Client,
    pub(crate) prefix: String,
    pub(crate) deadline: Duration,
    pub(crate) allows_eviction: bool,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The address is none. The text names no password.
    #[error(
        "not an address of Redis: {0}; write redis://[user:password@]host[:port][/db], or rediss:// for TLS"
    )]
    Url(String),
    /// The prefix cannot be one.
    #[error("a prefix has 1 to {PREFIX_BYTES_MAX} letters, digits, '-', '_' or '.', not {0:?}")]
    Prefix(String),
}

impl RedisSettings {
    /// Redis at `url`: `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS.
    ///
    /// # Errors
    ///
    /// If `url` is no such address.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let wrong = |error: redis::RedisError| SettingsError::Url(error.to_string());
        let info = url.into_connection_info().map_err(wrong)?;
        let server = info
            .redis_settings()
            .clone()
            .set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(server)).map_err(wrong)?;
        Ok(Self {
            client,
            prefix: "stompline".to_owned(),
            deadline: Duration::from_secs(1),
            allows_eviction: false,
        })
    }

    /// What all keys and channels begin with: `stompline`. Clusters that share a Redis need a prefix each.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 64 bytes, or has other characters than letters, digits, `-`, `_` and `.`.
    pub fn prefix(self, prefix: &str) -> Result<Self, SettingsError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(plain) {
            return Err(SettingsError::Prefix(prefix.to_owned()));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            ..self
        })
    }

    /// How long Redis may take for an answer: 1 s. Beyond that it counts as away and the connection is made anew.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Accepts an eviction policy that can drop the directory. Users may then be missing without a trace; off by default.
    pub fn allow_eviction(self, allows: bool) -> Self {
        Self {
            allows_eviction: allows,
            ..self
        }
    }

    /// Host and port, for logs.
    pub(crate) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("address", &self.address())
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let settings = RedisSettings::new("redis://user:hunter2@localhost:7000/1").unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains("localhost:7000"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn wrong_settings_are_named() {
        let error = RedisSettings::new("http://x").unwrap_err().to_string();
        assert!(error.contains("redis://"), "{error}");
        let settings = RedisSettings::new("redis://x").unwrap();
        assert!(settings.clone().prefix("a{b}").is_err());
        assert!(settings.prefix("shop-1").is_ok());
    }
}
