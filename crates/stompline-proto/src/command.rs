use std::fmt;

use crate::Version;

/// The command of a frame: what its first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Client: opens a session.
    Connect,
    /// Client: opens a session; the newer name of CONNECT.
    Stomp,
    /// Client: sends a message to a destination.
    Send,
    /// Client: asks for the messages of a destination.
    Subscribe,
    /// Client: ends a subscription.
    Unsubscribe,
    /// Client: starts a transaction.
    Begin,
    /// Client: applies a transaction.
    Commit,
    /// Client: drops a transaction.
    Abort,
    /// Client: says that messages were consumed.
    Ack,
    /// Client: says that messages were not consumed (1.1 and later).
    Nack,
    /// Client: ends the session.
    Disconnect,
    /// Server: the session is open.
    Connected,
    /// Server: a message for a subscription.
    Message,
    /// Server: the frame that asked for this receipt is done.
    Receipt,
    /// Server: something was wrong; the connection closes.
    Error,
}

impl Command {
    /// Every command: the eleven of clients, then the four of servers.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::Stomp,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Begin,
        Self::Commit,
        Self::Abort,
        Self::Ack,
        Self::Nack,
        Self::Disconnect,
        Self::Connected,
        Self::Message,
        Self::Receipt,
        Self::Error,
    ];

    /// Reads the name of a command; names are in capitals and nothing else is accepted.
    pub fn parse(name: &str) -> Option<Self> {
        Self::from_bytes(name.as_bytes())
    }

    /// The name as frames carry it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Stomp => "STOMP",
            Self::Send => "SEND",
            Self::Subscribe => "SUBSCRIBE",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Abort => "ABORT",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Disconnect => "DISCONNECT",
            Self::Connected => "CONNECTED",
            Self::Message => "MESSAGE",
            Self::Receipt => "RECEIPT",
            Self::Error => "ERROR",
        }
    }

    /// Whether servers send this command rather than clients.
    pub const fn is_from_server(self) -> bool {
        matches!(
            self,
            Self::Connected | Self::Message | Self::Receipt | Self::Error
        )
    }

    /// Whether a frame with this command may have a body (STOMP 1.2, "Body"). STOMP 1.0 has no
    /// such rule.
    pub const fn allows_body(self) -> bool {
        matches!(self, Self::Send | Self::Message | Self::Error)
    }

    /// Whether the headers of this command are escaped from STOMP 1.1 on. Those of CONNECT (which
    /// STOMP stands for) and CONNECTED never are, so that any version can read them (STOMP 1.2,
    /// "Value Encoding").
    pub const fn escapes_headers(self) -> bool {
        !matches!(self, Self::Connect | Self::Stomp | Self::Connected)
    }

    /// Whether headers of this command are escaped in this version.
    pub(crate) fn escapes(self, version: Version) -> bool {
        version >= Version::V1_1 && self.escapes_headers()
    }

    pub(crate) fn from_bytes(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"SEND" => Self::Send,
            b"MESSAGE" => Self::Message,
            b"ACK" => Self::Ack,
            b"RECEIPT" => Self::Receipt,
            b"SUBSCRIBE" => Self::Subscribe,
            b"UNSUBSCRIBE" => Self::Unsubscribe,
            b"CONNECT" => Self::Connect,
            b"STOMP" => Self::Stomp,
            b"CONNECTED" => Self::Connected,
            b"DISCONNECT" => Self::Disconnect,
            b"NACK" => Self::Nack,
            b"BEGIN" => Self::Begin,
            b"COMMIT" => Self::Commit,
            b"ABORT" => Self::Abort,
            b"ERROR" => Self::Error,
            _ => return None,
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_capitals_only() {
        for command in Command::ALL {
            assert_eq!(Command::parse(command.as_str()), Some(command));
            assert_eq!(Command::parse(&command.as_str().to_lowercase()), None);
            assert_eq!(command.to_string(), command.as_str());
        }
        assert_eq!(Command::parse(""), None);
        assert_eq!(Command::parse("SEND "), None);
    }
}
