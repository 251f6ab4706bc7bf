//! The agents' desk and who lets agents in.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `desk`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Desk {
    pub token_url: Option<String>,
    pub sign_in_url: Option<String>,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "desk.token_url",
        kind: Kind::WebAddress,
        preset: Preset::Unset(r#""https://staff.example.com/stompline/agent-token""#),
        meaning: "Where the desk gets the token of the agent who is signed in to your back end, the first \
                  and each next one: GET with the cookies of that address, answered by {\"token\": \"…\"}, \
                  or by 401 where nobody is signed in. With it the desk takes tokens from nowhere else. \
                  What the back end has to do is in docs/embedding.md.",
    },
    Key {
        path: "desk.sign_in_url",
        kind: Kind::WebAddress,
        preset: Preset::Unset(r#""https://staff.example.com/sign-in""#),
        meaning: "Where the desk sends an agent whom `desk.token_url` does not know. Unset, the desk \
                  only says so.",
    },
];
