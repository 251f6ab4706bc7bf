//! The Redis through which several nodes are one service.

use std::path::PathBuf;

use serde::Deserialize;
use stompline_redis::RedisSettings;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;
use crate::secret::Secret;

/// Table `redis`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    pub url: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub prefix: String,
    pub deadline_ms: u32,
    pub grace_s: u32,
    pub allow_eviction: bool,
}

impl Redis {
    /// What is wrong with the table as a whole, without showing a password: the path of the key, and the fault.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let Some(url) = &self.url else {
            return faults;
        };
        let settings = match RedisSettings::new(url.expose()) {
            Ok(settings) => settings,
            Err(error) => return vec![("redis.url", error.to_string())],
        };
        let files = [
            ("redis.ca_file", &self.ca_file),
            ("redis.cert_file", &self.cert_file),
            ("redis.key_file", &self.key_file),
        ];
        let is_encrypted = settings.is_encrypted();
        for (path, file) in files {
            if file.is_some() && !is_encrypted {
                let text =
                    format!("`{path}` is of use with TLS only: write rediss:// in `redis.url`");
                faults.push((path, text));
            }
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            let text =
                "`redis.cert_file` and `redis.key_file` belong together: set both or neither";
            faults.push(("redis.cert_file", text.to_owned()));
        }
        if let Err(error) = settings.prefix(&self.prefix) {
            faults.push(("redis.prefix", error.to_string()));
        }
        faults
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "redis.url",
        kind: Kind::Secret,
        preset: Preset::Unset(r#""redis://user:password@redis.internal:6379""#),
        meaning: "The Redis that connects this node with others, with user and password if it wants them: \
                  redis://HOST:PORT, redis+cluster://HOST:PORT,... or redis+sentinel://HOST:PORT,.../MASTER; \
                  rediss in place of redis for TLS. Unset, this node is alone and needs none.",
    },
    Key {
        path: "redis.ca_file",
        kind: Kind::Path,
        preset: Preset::Unset(r#""/etc/stompline/redis-ca.pem""#),
        meaning: "Certificates, in PEM, of the authorities that Redis' own must be signed by. Unset, those that \
                  the system trusts. Read at the start.",
    },
    Key {
        path: "redis.cert_file",
        kind: Kind::Path,
        preset: Preset::Unset(r#""/etc/stompline/redis-client.pem""#),
        meaning: "A certificate to show to a Redis that wants one of its clients, with its chain, in PEM.",
    },
    Key {
        path: "redis.key_file",
        kind: Kind::Path,
        preset: Preset::Unset(r#""/etc/stompline/redis-client.key""#),
        meaning: "The private key of that certificate, in PEM.",
    },
    Key {
        path: "redis.prefix",
        kind: Kind::Text,
        preset: Preset::Text("stompline"),
        meaning: "What keys and channels begin with: letters, digits, `-`, `_` and `.`, 64 at most. \
                  Services that share a Redis need one each.",
    },
    Key {
        path: "redis.deadline_ms",
        kind: Kind::Number {
            unit: Unit::Milliseconds,
            min: 50,
            max: 60_000,
        },
        preset: Preset::Number(1_000),
        meaning: "How long Redis may take for an answer before it counts as away. A second is a \
                  thousand times what it takes when it is well.",
    },
    Key {
        path: "redis.grace_s",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 0,
            max: 600,
        },
        preset: Preset::Number(5),
        meaning: "How long a user without a session still counts as online, also without Redis. Five seconds cover a \
                  page that is loaded again and a node that is restarted.",
    },
    Key {
        path: "redis.allow_eviction",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Accepts a Redis whose maxmemory-policy may drop keys that never expire. Off, because users \
                  would vanish without a trace.",
    },
];
