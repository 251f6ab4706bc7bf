//! Why a connection is of no more use.

use std::io;

use stompline_proto::{DecodeError, ProtocolError};
use stompline_ws::handshake::HandshakeError;

/// What ended a connection, or kept it from beginning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The socket failed.
    #[error("{doing}: {why}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// The server did not upgrade the connection.
    #[error("the server answered the handshake with status {status}: {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer's body.
        body: String,
    },
    /// The answer to the handshake is not one, or the request could not be made.
    #[error("handshake: {0}")]
    Handshake(#[from] HandshakeError),
    /// What came is not WebSocket.
    #[error("WebSocket: {0}")]
    WebSocket(#[from] stompline_ws::Error),
    /// What came is not SockJS, or what should go cannot.
    #[error("SockJS: {0:?}")]
    SockJs(String),
    /// An answer to a request of the SockJS transports over HTTP is not what it should be.
    #[error("HTTP: {0}")]
    Http(String),
    /// What came is not STOMP.
    #[error("STOMP: {0}")]
    Decode(#[from] DecodeError),
    /// The server broke the order of frames.
    #[error("STOMP: {0}")]
    Protocol(#[from] ProtocolError),
    /// The server sent ERROR.
    #[error("ERROR {code}: {message}")]
    Error {
        /// The header `code`, empty if there is none.
        code: String,
        /// The header `message`, empty if there is none.
        message: String,
    },
    /// The server closed the connection.
    #[error("closed by the server: {}{reason}", code.map_or_else(String::new, |code| format!("{code} ")))]
    Closed {
        /// The code, if it gave one.
        code: Option<u16>,
        /// Its words, or how the connection ended.
        reason: String,
    },
    /// The server was silent for three intervals of its heart-beat, or sent no CONNECTED in time.
    #[error("the server was silent for too long")]
    Silent,
    /// A message of the chat was refused.
    #[error("refused: {0}")]
    Refusal(String),
}

impl ClientError {
    /// The connection ended without a close.
    pub(crate) fn end_of_stream() -> Self {
        Self::Closed {
            code: None,
            reason: "end of the stream".to_owned(),
        }
    }

    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Io { doing, why }
    }
}
