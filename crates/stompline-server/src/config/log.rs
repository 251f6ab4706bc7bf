//! What the server tells about itself.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `log`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub format: Format,
    pub level: String,
    pub frames: bool,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Text,
    Json,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        preset: Preset::Text("text"),
        meaning: "Lines for people, or one JSON object a line for a collector. Both go to stderr.",
    },
    Key {
        path: "log.level",
        kind: Kind::LogFilter,
        preset: Preset::Text("info"),
        meaning: "What is logged. At info a session leaves two lines, its begin and its end.",
    },
    Key {
        path: "log.frames",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether every STOMP frame is logged, with tokens and passcodes masked. For \
                  finding a fault: it is slow and it writes down what people say.",
    },
];
