//! The live chat.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// Table `chat`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chat {
    pub reopen_h: u32,
    pub hold_ms: u32,
    pub rate: Rate,
}

/// Table `chat.rate`. 0 messages a second is off.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    pub customer_per_s: u32,
    pub customer_burst: u32,
    pub agent_per_s: u32,
    pub agent_burst: u32,
}

const PER_SECOND: Kind = Kind::number(Unit::PerSecond, 0);

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "chat.reopen_h",
        kind: Kind::Number {
            unit: Unit::Hours,
            min: 0,
            max: 8_760,
        },
        preset: Preset::Number(24),
        meaning: "How long after its end a customer's message continues the same conversation; \
                  later, or with 0 always, it starts a new one. Within a day it is the same matter.",
    },
    Key {
        path: "chat.hold_ms",
        kind: Kind::Number {
            unit: Unit::Milliseconds,
            min: 0,
            max: 60_000,
        },
        preset: Preset::Number(1_000),
        meaning: "How long an event waits for the one before it in its conversation that another \
                  node committed; 0 is not at all. Between nodes that are well it is milliseconds.",
    },
    Key {
        path: "chat.rate.customer_per_s",
        kind: PER_SECOND,
        preset: Preset::Number(5),
        meaning: "Messages a second of one customer over time; 0 is off. Nobody types faster.",
    },
    Key {
        path: "chat.rate.customer_burst",
        kind: Kind::count(1),
        preset: Preset::Number(20),
        meaning: "Messages a customer may send at once, as after a tunnel.",
    },
    Key {
        path: "chat.rate.agent_per_s",
        kind: PER_SECOND,
        preset: Preset::Number(50),
        meaning: "Messages a second of one agent over time; 0 is off. Agents answer several \
                  customers and may be programs.",
    },
    Key {
        path: "chat.rate.agent_burst",
        kind: Kind::count(1),
        preset: Preset::Number(100),
        meaning: "Messages an agent may send at once.",
    },
];
