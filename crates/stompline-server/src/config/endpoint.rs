//! Where clients connect.

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// Table `endpoints.NAME`.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, each a key of its own"
)]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub enabled: bool,
    pub path: String,
    pub user_type: UserType,
    pub origins: Vec<String>,
    pub sockjs: bool,
    pub sockjs_websocket: bool,
    pub sockjs_jsonp: bool,
    pub sockjs_cookie: bool,
    pub sockjs_client_library: String,
    pub sockjs_response_bytes: u32,
    pub sockjs_heartbeat_s: u32,
    pub sockjs_disconnect_s: u32,
    pub late_authentication: bool,
    pub frame_bytes: Option<u32>,
    pub outbox_bytes: Option<u32>,
    pub subscriptions: Option<u32>,
    pub frames_per_s: Option<u32>,
    pub connects_per_s_per_address: Option<u32>,
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
        path: "endpoints.*.sockjs_websocket",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether SockJS clients may use WebSocket; without it they begin with streaming.",
    },
    Key {
        path: "endpoints.*.sockjs_jsonp",
        kind: Kind::Flag,
        preset: Preset::Flag(true),
        meaning: "Whether the oldest browsers may poll by script elements. Always off where \
                  `origins` is restricted: a script's request does not say which page asks.",
    },
    Key {
        path: "endpoints.*.sockjs_cookie",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether sessions get a JSESSIONID, for load balancers that route by it.",
    },
    Key {
        path: "endpoints.*.sockjs_client_library",
        kind: Kind::Text,
        preset: Preset::Text("/widget/sockjs.min.js"),
        meaning: "The script that the hidden frame of the iframe transports loads: this server's \
                  own copy, so that no foreign host is asked; \"none\" serves no such frame. \
                  Never served where `origins` is restricted.",
    },
    Key {
        path: "endpoints.*.sockjs_response_bytes",
        kind: Kind::number(Unit::Bytes, 1),
        preset: Preset::Number(131_072),
        meaning: "After so much a streaming response ends and the client asks for the next one, \
                  because browsers keep a whole response in memory.",
    },
    Key {
        path: "endpoints.*.sockjs_heartbeat_s",
        kind: Kind::number(Unit::Seconds, 1),
        preset: Preset::Number(25),
        meaning: "After so much silence a response gets a sign of life, besides the heart-beats \
                  of STOMP. Many proxies give up after 30 s or 60 s.",
    },
    Key {
        path: "endpoints.*.sockjs_disconnect_s",
        kind: Kind::number(Unit::Seconds, 1),
        preset: Preset::Number(5),
        meaning: "How long a session over HTTP lives while its client asks for nothing.",
    },
    Key {
        path: "endpoints.*.late_authentication",
        kind: Kind::Flag,
        preset: Preset::Flag(false),
        meaning: "Whether the token may come as late as in CONNECT (header Authorization, token or \
                  passcode). Off, because strangers are turned away more cheaply before the upgrade.",
    },
    Key {
        path: "endpoints.*.frame_bytes",
        kind: Kind::number(Unit::Bytes, 0),
        preset: Preset::Unset("65536"),
        meaning: "The longest STOMP frame here, instead of limits.frame_bytes; 0 is off.",
    },
    Key {
        path: "endpoints.*.outbox_bytes",
        kind: Kind::number(Unit::Bytes, 0),
        preset: Preset::Unset("524288"),
        meaning: "What may wait for one session here, instead of limits.outbox_bytes; 0 is off.",
    },
    Key {
        path: "endpoints.*.subscriptions",
        kind: Kind::count(0),
        preset: Preset::Unset("128"),
        meaning: "Subscriptions of one session here, instead of limits.subscriptions; 0 is off.",
    },
    Key {
        path: "endpoints.*.frames_per_s",
        kind: Kind::number(Unit::PerSecond, 0),
        preset: Preset::Unset("50"),
        meaning: "Frames a second of one session here, instead of limits.frames_per_s; 0 is off.",
    },
    Key {
        path: "endpoints.*.connects_per_s_per_address",
        kind: Kind::number(Unit::PerSecond, 0),
        preset: Preset::Unset("20"),
        meaning: "New connections a second from one client address here, instead of \
                  limits.connects_per_s_per_address; 0 is off.",
    },
];
