//! What the decoder hands out.

use std::fmt;
use std::ops::Deref;

use crate::Close;

/// One message or control frame from the peer.
///
/// What a server owes for each (RFC 6455 §5.5): a [`Ping`](Self::Ping) is answered with
/// [`write_pong`](crate::write_pong) and the same payload, a [`Close`](Self::Close) with
/// [`write_close_reply`](crate::write_close_reply) unless a Close was already sent, a
/// [`Pong`](Self::Pong) needs no answer. Control frames may come between the fragments of a
/// message; the message goes on behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message. The payload is UTF-8: [`Payload::as_str`] always has it.
    Text(Payload<'a>),
    /// A whole binary message.
    Binary(Payload<'a>),
    /// A Ping, at most 125 bytes.
    Ping(Payload<'a>),
    /// A Pong, asked for or not, at most 125 bytes.
    Pong(Payload<'a>),
    /// The peer sends nothing more: its code and reason, or `None` for an empty Close, which
    /// means 1005 (§7.1.5). It is the last event.
    Close(Option<Close>),
}

/// The bytes of an [`Event`], unmasked.
///
/// `Debug` shows the length only, because messages carry passwords and tokens.
#[derive(Clone)]
pub enum Payload<'a> {
    /// The payload lay in one piece in the input and was not copied.
    Borrowed(&'a [u8]),
    /// The payload came in several pieces and was put together. The decoder keeps nothing of it.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    /// The payload as text, `None` if it is not UTF-8. Always present for [`Event::Text`]; the
    /// check runs again, since the type alone does not carry its outcome.
    pub fn as_str(&self) -> Option<&str> {
        simdutf8::basic::from_utf8(self).ok()
    }

    /// The payload as a vector of its own; copies only what was borrowed.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Borrowed(bytes) => bytes.to_vec(),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Payload<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Equal bytes are equal payloads, wherever they lie.
impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload<'_> {}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Borrowed(_) => "Borrowed",
            Self::Owned(_) => "Owned",
        };
        write!(f, "{kind}({} bytes)", self.len())
    }
}
