//! The Redis through which several nodes are one service.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;
use crate::secret::Secret;

/// Table `redis`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    pub url: Option<Secret>,
    pub prefix: String,
    pub deadline_ms: u32,
    pub grace_s: u32,
    pub allow_eviction: bool,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "redis.url",
        kind: Kind::Secret,
        preset: Preset::Unset(r#""redis://user:password@redis.internal:6379""#),
        meaning: "The Redis that connects this node with others: redis://, or rediss:// for TLS, with user \
                  and password if it wants them. Unset, this node is alone and needs none.",
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
        meaning: "How long a user without a session still counts as online. Five seconds cover a \
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
