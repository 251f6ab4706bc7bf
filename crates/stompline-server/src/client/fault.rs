//! Why an exchange with the server came to nothing.

use std::io;

use stompline_ws::handshake::HandshakeError;

use super::http::Answer;

/// What ended an exchange, or kept it from beginning.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The name of the host is not known.
    #[error("the name cannot be resolved: {0}")]
    Resolve(io::Error),
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The connection cannot be encrypted.
    #[error("TLS: {0}")]
    Tls(String),
    /// The socket failed.
    #[error("{doing}: {why}")]
    Io { doing: &'static str, why: io::Error },
    /// Nothing came in time.
    #[error("{doing}: nothing came in time")]
    Timeout { doing: &'static str },
    /// The connection ended too early.
    #[error("{doing}: the connection ended")]
    Ended { doing: &'static str },
    /// What came is not HTTP, or breaks its rules.
    #[error("{0}")]
    Http(String),
    /// An answer with another status than was needed.
    #[error("{0}")]
    Status(Box<Answer>),
    /// The answer to the opening of a WebSocket breaks its rules.
    #[error("{0}")]
    Handshake(HandshakeError),
    /// What came is not WebSocket.
    #[error("WebSocket: {0}")]
    WebSocket(String),
    /// What came is not SockJS.
    #[error("SockJS: {0:?} is no frame")]
    SockJs(String),
    /// What came is not STOMP.
    #[error("STOMP: {0}")]
    Stomp(String),
    /// The server sent ERROR.
    #[error("ERROR {code}: {message}")]
    Error { code: String, message: String },
    /// The server closed.
    #[error("closed by the server with {code}{}{reason}", if reason.is_empty() { "" } else { ": " })]
    Closed { code: u16, reason: String },
}

impl Fault {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |why| match why.kind() {
            io::ErrorKind::UnexpectedEof => Self::Ended { doing },
            _ => Self::Io { doing, why },
        }
    }
}

impl From<HandshakeError> for Fault {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}
