//! Where Redis is and how long it may take.

use std::{fmt, time::Duration};

use redis::{ClientTlsConfig, TlsCertificates};

use crate::{
    address::{Address, Layout},
    key::{Names, PubSub},
};

/// The longest prefix of keys, in bytes.
const PREFIX_BYTES_MAX: usize = 64;

/// How to reach Redis. `Debug` shows no password.
#[derive(Clone)]
pub struct RedisSettings {
    /// It may hold a password.
    url: String,
    tls: TlsCertificates,
    pub(crate) address: Address,
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
        "not an address of Redis: {0}; write redis://[user:password@]host[:port][/db], redis+cluster://[user:password@]host[:port],... or redis+sentinel://[user:password@]host[:port],.../master[/db], each with rediss for TLS"
    )]
    Url(String),
    /// The prefix cannot be one.
    #[error("a prefix has 1 to {PREFIX_BYTES_MAX} letters, digits, '-', '_' or '.', not {0:?}")]
    Prefix(String),
    /// Certificates or a key cannot be used.
    #[error("certificates for Redis: {0}")]
    Certificates(String),
}

impl RedisSettings {
    /// Redis at `url`, with `rediss` in place of `redis` for TLS:
    ///
    /// - `redis://[user:password@]host[:port][/db]`: one server.
    /// - `redis+cluster://[user:password@]host[:port][,host[:port]...]`: a Redis Cluster, of which some servers are named, the others found.
    /// - `redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/db][?sentinel_username=...&sentinel_password=...]`: the
    ///   master of that name, found by the sentinels that are named (port 26379). User and password are for the master.
    ///
    /// # Errors
    ///
    /// If `url` is no such address.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let tls = TlsCertificates {
            client_tls: None,
            root_cert: None,
        };
        Ok(Self {
            address: Address::parse(url, &tls)?,
            url: url.to_owned(),
            tls,
            prefix: "stompline".to_owned(),
            deadline: Duration::from_secs(1),
            allows_eviction: false,
        })
    }

    /// Trusts the certificates of these authorities in place of those that the system trusts. Text in PEM, one or more certificates.
    ///
    /// # Errors
    ///
    /// If there is none in it, or the address is not one with TLS.
    pub fn authority(mut self, pem: &[u8]) -> Result<Self, SettingsError> {
        if !pem.windows(11).any(|some| some == b"-----BEGIN ") {
            let none = "no certificate of an authority in PEM".to_owned();
            return Err(SettingsError::Certificates(none));
        }
        self.tls.root_cert = Some(pem.to_owned());
        self.parsed()
    }

    /// Shows this certificate to servers that want one of their clients. Text in PEM: the chain, and its private key.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or the address is not one with TLS.
    pub fn identity(mut self, chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, SettingsError> {
        self.tls.client_tls = Some(ClientTlsConfig {
            client_cert: chain_pem.to_owned(),
            client_key: key_pem.to_owned(),
        });
        self.parsed()
    }

    fn parsed(self) -> Result<Self, SettingsError> {
        Ok(Self {
            address: Address::parse(&self.url, &self.tls)?,
            ..self
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

    /// Whether the way to Redis is by TLS.
    pub fn is_encrypted(&self) -> bool {
        self.address.is_encrypted()
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.address.layout == Layout::Cluster
    }

    pub(crate) fn names(&self) -> Names {
        let kind = if self.is_cluster() {
            PubSub::Sharded
        } else {
            PubSub::Plain
        };
        Names::new(&self.prefix, kind)
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("layout", &self.address.layout)
            .field("address", &self.address.names())
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
        let settings = RedisSettings::new("rediss://x").unwrap();
        for pem in [
            "",
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        ] {
            let refused = settings.clone().authority(pem.as_bytes()).unwrap_err();
            assert!(matches!(refused, SettingsError::Certificates(_)));
        }
        let refused = settings.identity(b"", b"").unwrap_err();
        assert!(matches!(refused, SettingsError::Certificates(_)));
    }
}
