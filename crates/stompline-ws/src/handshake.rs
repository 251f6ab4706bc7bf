//! The opening handshake (RFC 6455 §4): the two computations that a server needs beside its HTTP
//! library, and the whole client side.

mod key;
mod request;
mod response;

pub use key::{accept_key, is_valid_key, new_key};
pub use request::ClientRequest;
pub use response::{RESPONSE_BYTES_MAX, RESPONSE_HEADERS_MAX, Response, parse_response};

/// Why an opening handshake failed. Nothing may be sent as WebSocket after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The caller's host, path, key, sub-protocol or header would break the request apart.
    #[error("{0} is empty or has characters that cannot stand in a request")]
    InvalidRequest(&'static str),
    /// The answer is not HTTP/1.1; the text says what was wrong.
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(String),
    /// The answer has more than [`RESPONSE_HEADERS_MAX`] header lines.
    #[error("the answer has more than {RESPONSE_HEADERS_MAX} header lines")]
    TooManyHeaders,
    /// The head of the answer is longer than [`RESPONSE_BYTES_MAX`].
    #[error("the head of the answer is longer than {RESPONSE_BYTES_MAX} bytes")]
    ResponseTooLong,
    /// Status 101 without `Upgrade: websocket` (§4.1).
    #[error("the answer is 101 without `Upgrade: websocket`")]
    MissingUpgrade,
    /// Status 101 without `Connection: Upgrade` (§4.1).
    #[error("the answer is 101 without `Connection: Upgrade`")]
    MissingConnection,
    /// `Sec-WebSocket-Accept` is missing or was not made from our key (§4.1).
    #[error("Sec-WebSocket-Accept is missing or does not belong to the key that was sent")]
    WrongAccept,
    /// The server chose an extension; none is ever offered (§4.1).
    #[error("the server chose an extension, but none was offered")]
    UnexpectedExtension,
    /// The server chose a sub-protocol that was not offered, or several (§4.1).
    #[error("the server chose a sub-protocol that was not offered")]
    UnexpectedProtocol,
}
