//! How the server goes away.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// Table `shutdown`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shutdown {
    pub drain_s: u32,
}

pub(super) const KEYS: &[Key] = &[Key {
    path: "shutdown.drain_s",
    kind: Kind::Number {
        unit: Unit::Seconds,
        min: 0,
        max: 3600,
    },
    preset: Preset::Number(10),
    meaning: "The time over which sessions are closed (1001) once the server is told to stop, so \
              that clients do not all come back in one instant; 0 closes them at once. Ten seconds \
              fit into the half minute that container platforms wait.",
}];
