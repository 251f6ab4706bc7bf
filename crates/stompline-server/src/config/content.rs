//! What messages may carry.

use serde::Deserialize;
use stompline::{ContentRules, DestinationPattern};

use super::access::destination;
use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// One of `limits.content`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    #[serde(deserialize_with = "destination")]
    pub destination: DestinationPattern,
    pub body_bytes: u32,
    pub types: Vec<String>,
    pub json_depth: u32,
    pub words: Vec<String>,
}

impl Content {
    /// The rules, for the chain of interceptors.
    pub(crate) fn rules(&self) -> ContentRules {
        let mut rules = ContentRules::new(self.destination.clone())
            .content_types(self.types.iter().cloned())
            .forbidden_words(self.words.iter().cloned());
        if self.body_bytes > 0 {
            rules = rules.body_bytes_max(self.body_bytes as usize);
        }
        if self.json_depth > 0 {
            rules = rules.json_depth_max(self.json_depth as usize);
        }
        rules
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "limits.content",
        kind: Kind::Tables,
        preset: Preset::List(&[]),
        meaning: "What the bodies of SEND frames to certain destinations may be. What breaks a rule is refused with \
                  `too_large`, `content_type`, `too_deep` or `content`; the session goes on. All rules that match count.",
    },
    Key {
        path: "limits.content[].destination",
        kind: Kind::Destination,
        preset: Preset::Required(r#""/app/send""#),
        meaning: "The destinations: `*` stands for anything within one segment, `**` at the end for any number of \
                  segments. /app/send and /app/chat.send are what people write in the chat.",
    },
    Key {
        path: "limits.content[].body_bytes",
        kind: Kind::number(Unit::Bytes, 0),
        preset: Preset::Number(0),
        meaning: "The longest body; 0 is off, and limits.frame_bytes bounds it.",
    },
    Key {
        path: "limits.content[].types",
        kind: Kind::List(&Kind::Text),
        preset: Preset::List(&[]),
        meaning: "The values of content-type that are allowed, parameters aside; an empty list allows all. A frame \
                  without one is allowed.",
    },
    Key {
        path: "limits.content[].json_depth",
        kind: Kind::count(0),
        preset: Preset::Number(0),
        meaning: "How deep arrays and objects of JSON may nest; 0 is off.",
    },
    Key {
        path: "limits.content[].words",
        kind: Kind::List(&Kind::Text),
        preset: Preset::List(&[]),
        meaning: "Words that may not occur, in whatever case, also as parts of longer ones.",
    },
];
