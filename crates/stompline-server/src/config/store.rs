//! Where the chat is kept.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `store`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub url: Option<String>,
}

pub(super) const KEYS: &[Key] = &[Key {
    path: "store.url",
    kind: Kind::StoreUrl,
    preset: Preset::Unset(r#""sqlite:/var/lib/stompline/chat.sqlite""#),
    meaning: "The database. Unset, it is the SQLite file `chat.sqlite` in the data directory, \
              which needs no other service.",
}];
