//! Where clients connect.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;

/// Table `endpoints.NAME`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub enabled: bool,
    pub path: String,
    pub user_type: UserType,
    pub origins: Vec<String>,
    pub sockjs: bool,
    pub late_authentication: bool,
}

/// Whose tokens an endpoint takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UserType {
    Customer,
    Agent,
    Any,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "endpoints.*.enabled",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether the endpoint is there at all.",
    },
    Key {
        path: "endpoints.*.path",
        kind: Kind::UrlPath,
        preset: Preset::Required(r#""/ws/partner""#),
        meaning: "Plain WebSocket at the path itself and at PATH/websocket, SockJS below it.",
    },
    Key {
        path: "endpoints.*.user_type",
        kind: Kind::Choice(&["customer", "agent", "any"]),
        preset: Preset::Text("any"),
        meaning: "Whose tokens are let in; others get 403 before the upgrade.",
    },
    Key {
        path: "endpoints.*.origins",
        kind: Kind::List(&Kind::Origin),
        preset: Preset::List(&["*"]),
        meaning: "The pages that may connect, besides those of the same origin. All of them by \
                  default, because a page needs a token, which does not travel by itself.",
    },
    Key {
        path: "endpoints.*.sockjs",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether SockJS is served, for networks that break WebSocket.",
    },
    Key {
        path: "endpoints.*.late_authentication",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether the token may come as late as in CONNECT (header Authorization, token or \
                  passcode). Off, because strangers are turned away more cheaply before the upgrade.",
    },
];
