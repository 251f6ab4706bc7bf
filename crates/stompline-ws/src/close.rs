//! Close frames: codes and reasons (RFC 6455 §5.5.1 and §7.4).

use std::fmt;

use crate::Error;

/// A close code that may stand in a Close frame (RFC 6455 §7.4, and the IANA registry for 1012
/// to 1014): 1000-1003, 1007-1014 and 3000-4999. The codes 1005, 1006 and 1015 only exist inside
/// programs and cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that cannot be accepted.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: bytes that do not fit the type of the message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a policy forbids it.
    pub const POLICY: Self = Self(1008);
    /// 1009: the message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: the server met an unexpected condition.
    pub const INTERNAL: Self = Self(1011);

    /// `None` when `code` may not be sent in a Close frame.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = Error;

    fn try_from(code: u16) -> Result<Self, Error> {
        Self::new(code).ok_or(Error::CloseCode(code))
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The body of a Close frame that has one (RFC 6455 §5.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Why the peer closes.
    pub code: CloseCode,
    /// Words for a log, at most 123 bytes. Written by the peer: not to be trusted.
    pub reason: String,
}

impl Close {
    /// Reads a whole Close body; an empty one has no code.
    pub(crate) fn parse(body: &[u8]) -> Result<Option<Self>, Error> {
        let (code, reason) = match body {
            [] => return Ok(None),
            [_] => return Err(Error::CloseLength),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::try_from(code)?;
        let reason = std::str::from_utf8(reason).map_err(|_| Error::InvalidUtf8)?;
        Ok(Some(Self {
            code,
            reason: reason.to_owned(),
        }))
    }

    /// Refuses the beginning of a Close body as soon as no continuation can make it valid.
    pub(crate) fn check_beginning(body: &[u8]) -> Result<(), Error> {
        let [high, low, reason @ ..] = body else {
            return Ok(());
        };
        CloseCode::try_from(u16::from_be_bytes([*high, *low]))?;
        match std::str::from_utf8(reason) {
            Err(fault) if fault.error_len().is_some() => Err(Error::InvalidUtf8),
            _ => Ok(()),
        }
    }
}
