//! What one client may take of the server.

use serde::Deserialize;
use stompline::{DestinationPattern, Overflow};

use super::access::destination;
use super::content::Content;
use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;

/// Table `limits`. 0 is off, in every field.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub frame_bytes: u32,
    pub opening_frame_bytes: u32,
    pub headers: u32,
    pub header_name_bytes: u32,
    pub header_value_bytes: u32,
    pub subscriptions: u32,
    pub transaction_frames: u32,
    pub transaction_bytes: u32,
    pub outbox_bytes: u32,
    pub write_stall_s: u32,
    pub connect_timeout_s: u32,
    pub head_bytes: u32,
    pub body_timeout_s: u32,
    pub handler_timeout_s: u32,
    pub sessions_per_user: u32,
    pub connects_per_s: u32,
    pub connects_per_s_per_address: u32,
    pub authentications: u32,
    pub frames_per_s: u32,
    pub slow_readers: Vec<SlowReader>,
    pub content: Vec<Content>,
}

/// One of `limits.slow_readers`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowReader {
    #[serde(deserialize_with = "destination")]
    pub destination: DestinationPattern,
    pub policy: Policy,
}

/// What happens to a message that does not fit into a full outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Policy {
    Close,
    DropOldest,
    Conflate,
}

impl From<Policy> for Overflow {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Close => Self::Refuse,
            Policy::DropOldest => Self::DropOldest,
            Policy::Conflate => Self::Conflate,
        }
    }
}

const BYTES: Kind = Kind::number(Unit::Bytes, 0);
const SECONDS: Kind = Kind::number(Unit::Seconds, 0);
const PER_SECOND: Kind = Kind::number(Unit::PerSecond, 0);

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "limits.frame_bytes",
        kind: BYTES,
        preset: Preset::Number(65_536),
        meaning: "The longest STOMP frame from a client; 0 is off. 64 KiB hold any chat message; \
                  files do not belong in frames. Spring has the same limit.",
    },
    Key {
        path: "limits.opening_frame_bytes",
        kind: BYTES,
        preset: Preset::Number(16_384),
        meaning: "The longest frame before CONNECTED; 0 is off. CONNECT carries a token at most, \
                  and nobody is known yet.",
    },
    Key {
        path: "limits.headers",
        kind: Kind::count(0),
        preset: Preset::Number(32),
        meaning: "Headers of one frame; 0 is off. STOMP itself uses fewer than ten.",
    },
    Key {
        path: "limits.header_name_bytes",
        kind: BYTES,
        preset: Preset::Number(256),
        meaning: "The longest name of a header; 0 is off.",
    },
    Key {
        path: "limits.header_value_bytes",
        kind: BYTES,
        preset: Preset::Number(4096),
        meaning: "The longest value of a header; 0 is off. Tokens in CONNECT are the longest in use.",
    },
    Key {
        path: "limits.subscriptions",
        kind: Kind::count(0),
        preset: Preset::Number(128),
        meaning: "Subscriptions of one session; 0 is off. An agent's desk uses about ten.",
    },
    Key {
        path: "limits.transaction_frames",
        kind: Kind::count(0),
        preset: Preset::Number(100),
        meaning: "Frames of one transaction; 0 is off. They wait in memory for COMMIT.",
    },
    Key {
        path: "limits.transaction_bytes",
        kind: BYTES,
        preset: Preset::Number(1_048_576),
        meaning: "Bytes of one transaction; 0 is off.",
    },
    Key {
        path: "limits.outbox_bytes",
        kind: BYTES,
        preset: Preset::Number(524_288),
        meaning: "What may wait for one slow session; 0 is off. Beyond it the session is closed \
                  (4500), so that one slow reader costs half a megabyte and nobody's time.",
    },
    Key {
        path: "limits.write_stall_s",
        kind: SECONDS,
        preset: Preset::Number(10),
        meaning: "How long a client may take nothing while something waits for it, over HTTP too; 0 is off.",
    },
    Key {
        path: "limits.connect_timeout_s",
        kind: SECONDS,
        preset: Preset::Number(10),
        meaning: "The time from the accepted connection to CONNECTED, and for the head of each HTTP \
                  request; 0 is off. Ten seconds are enough for a slow phone.",
    },
    Key {
        path: "limits.head_bytes",
        kind: BYTES,
        preset: Preset::Number(32_768),
        meaning: "The longest head of an HTTP request, address and headers; 0 is off, less than 8 KiB \
                  counts as that. A longer one is answered with 431. As nginx takes; tokens are the \
                  longest part.",
    },
    Key {
        path: "limits.body_timeout_s",
        kind: SECONDS,
        preset: Preset::Number(60),
        meaning: "How long a client may take over the body of one HTTP request; 0 is off. A slower one is \
                  answered with 408. A minute is enough for 64 KiB over the slowest of phones.",
    },
    Key {
        path: "limits.handler_timeout_s",
        kind: SECONDS,
        preset: Preset::Number(30),
        meaning: "How long a handler may work on one message; 0 is off. The session waits meanwhile.",
    },
    Key {
        path: "limits.sessions_per_user",
        kind: Kind::count(0),
        preset: Preset::Number(10),
        meaning: "Sessions of one user at a time; 0 is off. One more closes the user's longest \
                  idle one, or the oldest one if they are on several nodes (4409): a person has a \
                  few devices and forgotten tabs.",
    },
    Key {
        path: "limits.connects_per_s",
        kind: PER_SECOND,
        preset: Preset::Number(5000),
        meaning: "New connections a second on this node; 0 is off. More are told to come back \
                  (503), so that a wave of reconnects does not starve those who are in.",
    },
    Key {
        path: "limits.connects_per_s_per_address",
        kind: PER_SECOND,
        preset: Preset::Number(0),
        meaning: "The same for one client address; 0 is off. Off, because a company or a mobile \
                  network may share one address.",
    },
    Key {
        path: "limits.authentications",
        kind: Kind::count(0),
        preset: Preset::Number(1024),
        meaning: "Handshakes on this node whose authentication is under way; 0 is off. More are told \
                  to come back (503). A token is checked at once, so only a flood gets there.",
    },
    Key {
        path: "limits.frames_per_s",
        kind: PER_SECOND,
        preset: Preset::Number(0),
        meaning: "Frames a second of one session; 0 is off. Off, because the chat counts messages \
                  itself and other frames are bounded by the limits above.",
    },
    Key {
        path: "limits.slow_readers",
        kind: Kind::Tables,
        preset: Preset::List(&[]),
        meaning: "What happens where somebody does not read fast enough and limits.outbox_bytes are full, by the \
                  destination of the subscription. The first rule that matches counts; without one the session \
                  is closed (4500).",
    },
    Key {
        path: "limits.slow_readers[].destination",
        kind: Kind::Destination,
        preset: Preset::Required(r#""/topic/prices.*""#),
        meaning: "The destinations as clients subscribe to them: `*` stands for anything within one segment, `**` at \
                  the end for any number of segments.",
    },
    Key {
        path: "limits.slow_readers[].policy",
        kind: Kind::Choice(&["close", "drop_oldest", "conflate"]),
        preset: Preset::Required(r#""conflate""#),
        meaning: "close: the session ends, and a client that comes back knows that it missed something. \
                  drop_oldest: the oldest messages of such destinations make room. conflate: a message takes the \
                  place of an older one with the same header `key`, once the outbox is half full.",
    },
];
