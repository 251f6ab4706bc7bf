//! Who may send and subscribe where.

use serde::{Deserialize, Deserializer, de};
use stompline::DestinationPattern;
use stompline::access::Who;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `access`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    pub public_subscribe: bool,
    pub star: bool,
    pub double_star: bool,
    pub separator: Separator,
    pub rules: Vec<AccessRule>,
}

/// One of `access.rules`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRule {
    pub effect: Effect,
    pub action: Action,
    #[serde(deserialize_with = "destination")]
    pub destination: DestinationPattern,
    #[serde(deserialize_with = "parsed_who")]
    pub who: Who,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Send,
    Subscribe,
    Any,
}

/// What divides the segments of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Separator {
    #[serde(rename = "/")]
    Slash,
    #[serde(rename = ".")]
    Dot,
}

/// Reads whom a rule is for: `anyone`, `type:agent`, `role:editor` or `claim:site=42`.
pub(super) fn who(text: &str) -> Option<Who> {
    if text == "anyone" {
        return Some(Who::Anyone);
    }
    match text.split_once(':')? {
        (_, "") => None,
        ("type", realm) => Who::realm(realm).ok(),
        ("role", role) => Some(Who::Role(role.into())),
        ("claim", claim) => {
            let (name, value) = claim.split_once('=').filter(|(name, _)| !name.is_empty())?;
            Some(Who::Claim {
                name: name.into(),
                value: value.into(),
            })
        }
        _ => None,
    }
}

fn parsed_who<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Who, D::Error> {
    let text = String::deserialize(deserializer)?;
    who(&text).ok_or_else(|| de::Error::custom("nobody is called so"))
}

pub(super) fn destination<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<DestinationPattern, D::Error> {
    let text = String::deserialize(deserializer)?;
    DestinationPattern::parse(&text).map_err(de::Error::custom)
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "access.public_subscribe",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether any session may subscribe to the /topic and /queue names that no rule \
                  and no part of the chat claims. On, so that broadcasting works at once; narrow \
                  it in production.",
    },
    Key {
        path: "access.star",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether SUBSCRIBE may use `*` for anything within one segment. As in Spring.",
    },
    Key {
        path: "access.double_star",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether SUBSCRIBE may end in `**` for any number of segments. As in Spring.",
    },
    Key {
        path: "access.separator",
        kind: Kind::Choice(&["/", "."]),
        preset: Preset::Text("/"),
        meaning: "What divides the segments of a destination for `*`. As in Spring.",
    },
    Key {
        path: "access.rules",
        kind: Kind::Tables,
        preset: Preset::List(&[]),
        meaning: "Rules of your own, tried in their order before the built-in ones. The first that \
                  matches decides; what none allows is denied.",
    },
    Key {
        path: "access.rules[].effect",
        kind: Kind::Choice(&["allow", "deny"]),
        preset: Preset::Required(r#""allow""#),
        meaning: "What the rule decides.",
    },
    Key {
        path: "access.rules[].action",
        kind: Kind::Choice(&["send", "subscribe", "any"]),
        preset: Preset::Text("any"),
        meaning: "What the rule is about.",
    },
    Key {
        path: "access.rules[].destination",
        kind: Kind::Destination,
        preset: Preset::Required(r#""/topic/news.*""#),
        meaning: "The destinations: `*` stands for anything within one segment, `**` at the end \
                  for any number of segments.",
    },
    Key {
        path: "access.rules[].who",
        kind: Kind::Who,
        preset: Preset::Text("anyone"),
        meaning: "Whose sessions the rule is for: everybody's, those of a user type, or those whose \
                  token has a role or a claim with a value.",
    },
];
