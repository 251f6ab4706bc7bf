//! What a server answers.

use std::fmt;

use super::{HandshakeError, accept_key};

/// The longest head of an answer that is read, in bytes: twice what common HTTP servers send at
/// most, and small enough to be buffered for thousands of connecting clients.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024;

/// The most header lines of an answer: several times what common servers and proxies send, and
/// 4 KiB of stack while it is parsed.
pub const RESPONSE_HEADERS_MAX: usize = 128;

/// The head of a server's answer.
///
/// Only with `status` 101 is the connection a WebSocket; everything else is an ordinary HTTP
/// answer (401, a redirect, ...) whose body follows.
///
/// `Debug` leaves out the values of headers: cookies travel there.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The sub-protocol that the server chose, if any. Only set with status 101.
    pub protocol: Option<String>,
    /// All headers in order, names as sent. Values that are not UTF-8 are left with replacement
    /// characters.
    pub headers: Vec<(String, String)>,
}

impl Response {
    /// The first value of the header `name`, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated header holds `word`, in any case of letters.
    fn lists(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// Reads the head of the answer to a request with `key`, and how many bytes it took; what follows
/// them are frames already. `None` when the head is not complete.
///
/// An answer with status 101 is checked as RFC 6455 §4.1 demands; whether the sub-protocol was
/// offered is known to [`ClientRequest::read_response`](super::ClientRequest::read_response).
///
/// # Errors
///
/// Any [`HandshakeError`] but `InvalidRequest`. A status other than 101 is no error here.
pub fn parse_response(
    bytes: &[u8],
    key: &str,
) -> Result<Option<(Response, usize)>, HandshakeError> {
    let mut lines = [httparse::EMPTY_HEADER; RESPONSE_HEADERS_MAX];
    let mut head = httparse::Response::new(&mut lines);
    let bytes = &bytes[..bytes.len().min(RESPONSE_BYTES_MAX)];
    let consumed = match head.parse(bytes).map_err(refusal)? {
        httparse::Status::Complete(consumed) => consumed,
        httparse::Status::Partial if bytes.len() == RESPONSE_BYTES_MAX => {
            return Err(HandshakeError::ResponseTooLong);
        }
        httparse::Status::Partial => return Ok(None),
    };
    let mut response = Response {
        status: head.code.unwrap_or_default(),
        protocol: None,
        headers: head
            .headers
            .iter()
            .map(|line| {
                let value = String::from_utf8_lossy(line.value).trim().to_owned();
                (line.name.to_owned(), value)
            })
            .collect(),
    };
    if response.status == 101 {
        check_upgrade(&response, key)?;
        response.protocol = chosen_protocol(&response)?;
    }
    Ok(Some((response, consumed)))
}

fn check_upgrade(response: &Response, key: &str) -> Result<(), HandshakeError> {
    if !response.lists("upgrade", "websocket") {
        return Err(HandshakeError::MissingUpgrade);
    }
    if !response.lists("connection", "upgrade") {
        return Err(HandshakeError::MissingConnection);
    }
    if response.header("sec-websocket-accept") != Some(accept_key(key).as_str()) {
        return Err(HandshakeError::WrongAccept);
    }
    if response.header("sec-websocket-extensions").is_some() {
        return Err(HandshakeError::UnexpectedExtension);
    }
    Ok(())
}

/// A server answers with one sub-protocol at most (§4.2.2).
fn chosen_protocol(response: &Response) -> Result<Option<String>, HandshakeError> {
    let mut values = response.values("sec-websocket-protocol");
    let first = values.next().map(str::to_owned);
    match values.next() {
        Some(_) => Err(HandshakeError::UnexpectedProtocol),
        None => Ok(first),
    }
}

fn refusal(fault: httparse::Error) -> HandshakeError {
    match fault {
        httparse::Error::TooManyHeaders => HandshakeError::TooManyHeaders,
        other => HandshakeError::NotHttp(other.to_string()),
    }
}
