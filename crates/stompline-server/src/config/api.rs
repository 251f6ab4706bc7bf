//! The HTTP interface beside the endpoints.

use std::net::SocketAddr;

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;
use crate::secret::Secret;

/// Table `api`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    pub keys: Vec<Secret>,
    pub metrics_listen: Option<SocketAddr>,
    pub guests: bool,
    pub guest_ttl_s: u32,
    pub guest_per_minute: u32,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "api.keys",
        kind: Kind::List(&Kind::Secret),
        preset: Preset::List(&[]),
        meaning: "The keys that back ends present to /api/v1 and /metrics as `Authorization: \
                  Bearer`, 16 characters at least each. Without one these answer nobody.",
    },
    Key {
        path: "api.metrics_listen",
        kind: Kind::Address,
        preset: Preset::Unset(r#""127.0.0.1:9090""#),
        meaning: "A second address that serves /metrics, /healthz and /readyz, without a key. Keep \
                  it inside your network.",
    },
    Key {
        path: "api.guests",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether a visitor without an account gets a customer token from POST \
                  /api/v1/widget/session. Off, because it lets anybody in; `serve --demo` turns it on.",
    },
    Key {
        path: "api.guest_ttl_s",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 60,
            max: 2_592_000,
        },
        preset: Preset::Number(3600),
        meaning: "How long a visitor's token lasts. The widget renews it in time; an hour bounds \
                  what a stolen one is worth.",
    },
    Key {
        path: "api.guest_per_minute",
        kind: Kind::number(Unit::PerMinute, 0),
        preset: Preset::Number(60),
        meaning: "How many visitors' tokens one address gets in a minute; 0 is no limit. Sixty let \
                  an office behind one address in and stop a loop.",
    },
];
