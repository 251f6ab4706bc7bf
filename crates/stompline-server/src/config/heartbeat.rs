//! How both sides notice that the other is gone.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// Table `heartbeat`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heartbeat {
    pub send_ms: u32,
    pub receive_ms: u32,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "heartbeat.send_ms",
        kind: Kind::number(Unit::Milliseconds, 0),
        preset: Preset::Number(20_000),
        meaning: "The longest silence from the server; 0 offers none. 20 s stay below the half \
                  minute after which many proxies cut an idle connection.",
    },
    Key {
        path: "heartbeat.receive_ms",
        kind: Kind::number(Unit::Milliseconds, 0),
        preset: Preset::Number(45_000),
        meaning: "The silence the server wants from a client at most; 0 wants none. Three silent \
                  intervals end a session: browsers let a hidden tab run once a minute, and it must live.",
    },
];
