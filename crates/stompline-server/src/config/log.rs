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
        meaning: "What is logged. At info a session leaves one line, when it ends: whose it was, where, for how \
                  long, and why it ended. At debug another one when it begins. \"info,stompline::session=warn\" \
                  leaves these out.",
    },
    Key {
        path: "log.frames",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether every STOMP frame of a client is logged, whatever log.level says: who, what, where, how \
                  large, and the headers, with tokens and passcodes masked. Bodies are never logged. For finding \
                  a fault: it is slow.",
    },
];
