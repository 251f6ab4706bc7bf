//! The visitor's widget on pages of others.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `widget`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Widget {
    pub origins: Vec<String>,
}

pub(super) const KEYS: &[Key] = &[Key {
    path: "widget.origins",
    kind: Kind::List(&Kind::Origin),
    preset: Preset::List(&[]),
    meaning: "The sites that may show the widget on their pages, besides this server's own, written \
              as for `origins` of an endpoint. None by default: a page around the widget could lead \
              its visitor to click in it. How a page does it is in docs/embedding.md.",
}];
