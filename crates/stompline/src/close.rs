//! Why a session ends: one table of codes for the wire, the log, the metrics and the listeners.

use std::fmt;

use stompline_sockjs::Close;

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client sent DISCONNECT, or closed the connection with 1000, 1001 or no code.
    Disconnect,
    /// The connection was lost without a goodbye.
    Lost,
    /// This node is shutting down.
    Drain,
    /// The client broke the protocol or a SUBSCRIBE or SEND was refused for good; an ERROR frame says why.
    Protocol,
    /// A text message was not UTF-8.
    BadUtf8,
    /// Access was refused.
    Forbidden,
    /// A frame or message was larger than the limit.
    TooBig,
    /// This server failed.
    Internal,
    /// The token is missing, bad or no longer valid.
    Token,
    /// The client did not connect in time.
    ConnectTimeout,
    /// Nothing came from the client for three heart-beat intervals.
    Silent,
    /// Somebody ended the session; the text is for the client.
    Kicked(String),
    /// A newer session of the same user took its place.
    Replaced,
    /// The client did not take what was sent to it.
    SlowConsumer,
    /// As many messages of one subscription wait for the client's ACK as may.
    Unacknowledged,
    /// The SockJS or WebSocket layer closed with this code.
    Transport(u16),
}

impl CloseReason {
    /// The close code (RFC 6455, 7.4). Codes from 4000 on are this server's own.
    pub fn code(&self) -> u16 {
        match self {
            Self::Disconnect | Self::Lost => 1000,
            Self::Drain => 1001,
            Self::Protocol => 1002,
            Self::BadUtf8 => 1007,
            Self::Forbidden => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::Token => 4401,
            Self::ConnectTimeout | Self::Silent => 4408,
            Self::Kicked(_) | Self::Replaced => 4409,
            Self::SlowConsumer | Self::Unacknowledged => 4500,
            Self::Transport(code) => *code,
        }
    }

    /// The name in metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Lost => "lost",
            Self::Drain => "drain",
            Self::Protocol => "protocol",
            Self::BadUtf8 => "bad_utf8",
            Self::Forbidden => "forbidden",
            Self::TooBig => "too_big",
            Self::Internal => "internal",
            Self::Token => "token",
            Self::ConnectTimeout => "connect_timeout",
            Self::Silent => "silent",
            Self::Kicked(_) => "kicked",
            Self::Replaced => "replaced",
            Self::SlowConsumer => "slow_consumer",
            Self::Unacknowledged => "unacknowledged",
            Self::Transport(_) => "transport",
        }
    }

    /// Whether a client that comes back at once, with what it has, may succeed.
    pub fn may_reconnect(&self) -> bool {
        !matches!(
            self,
            Self::Disconnect
                | Self::Protocol
                | Self::Forbidden
                | Self::Token
                | Self::Kicked(_)
                | Self::Replaced
        )
    }

    pub(crate) fn close(&self) -> Close {
        Close::new(self.code(), self.to_string())
    }

    /// The reason for a close code that came from below.
    pub(crate) fn from_code(code: u16) -> Self {
        match code {
            1007 => Self::BadUtf8,
            1009 => Self::TooBig,
            code => Self::Transport(code),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Disconnect => "goodbye",
            Self::Lost => "the connection was lost",
            Self::Drain => "this server is shutting down",
            Self::Protocol => "see the ERROR frame",
            Self::BadUtf8 => "a text message was not UTF-8",
            Self::Forbidden => "access denied",
            Self::TooBig => "a message was too big",
            Self::Internal => "internal error",
            Self::Token => "the token is missing, bad or expired",
            Self::ConnectTimeout => "no CONNECT frame came in time",
            Self::Silent => "nothing was heard for three heart-beat intervals",
            Self::Kicked(why) => why,
            Self::Replaced => "a newer session of this user took its place",
            Self::SlowConsumer => "messages were not read fast enough",
            Self::Unacknowledged => "too many messages of a subscription wait for their ACK",
            Self::Transport(_) => "closed by the transport",
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::CloseReason;

    #[test]
    fn codes_are_the_published_ones() {
        for (reason, code, back) in [
            (CloseReason::Disconnect, 1000, false),
            (CloseReason::Drain, 1001, true),
            (CloseReason::Protocol, 1002, false),
            (CloseReason::BadUtf8, 1007, true),
            (CloseReason::Forbidden, 1008, false),
            (CloseReason::TooBig, 1009, true),
            (CloseReason::Internal, 1011, true),
            (CloseReason::Token, 4401, false),
            (CloseReason::ConnectTimeout, 4408, true),
            (CloseReason::Kicked("x".into()), 4409, false),
            (CloseReason::SlowConsumer, 4500, true),
            (CloseReason::Unacknowledged, 4500, true),
        ] {
            assert_eq!(
                (reason.code(), reason.may_reconnect()),
                (code, back),
                "{reason}"
            );
        }
    }
}
