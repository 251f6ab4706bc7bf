//! What a client sends first.

use std::fmt;

use super::{HandshakeError, Response, is_valid_key, parse_response};

/// The opening request of a client (RFC 6455 §4.1). No extension is ever offered.
///
/// `Debug` leaves out the query and the values of headers: tokens travel there.
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// `Host`: name or address, with the port unless it is the default one.
    pub host: &'a str,
    /// Path and query, beginning with `/`.
    pub path: &'a str,
    /// From [`new_key`](super::new_key), a fresh one for each request.
    pub key: &'a str,
    /// Sub-protocols, the most wanted first; may be empty.
    pub protocols: &'a [&'a str],
    /// Further headers, such as `Origin`, `Cookie` and `Authorization`.
    pub headers: &'a [(&'a str, &'a str)],
}

impl ClientRequest<'_> {
    /// Appends the request to `out`. Nothing is written when a part would break it apart.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::InvalidRequest`] names the part: a line end, a blank or another character
    /// that has no place there.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), HandshakeError> {
        self.check()?;
        let mut line = |parts: &[&str]| {
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        };
        line(&["GET ", self.path, " HTTP/1.1"]);
        line(&["Host: ", self.host]);
        line(&["Upgrade: websocket"]);
        line(&["Connection: Upgrade"]);
        line(&["Sec-WebSocket-Version: 13"]);
        line(&["Sec-WebSocket-Key: ", self.key]);
        if !self.protocols.is_empty() {
            line(&["Sec-WebSocket-Protocol: ", &self.protocols.join(", ")]);
        }
        for (name, value) in self.headers {
            line(&[name, ": ", value]);
        }
        line(&[]);
        Ok(())
    }

    /// Reads the answer: [`parse_response`], and the server's sub-protocol must be one of those
    /// offered (§4.1).
    pub fn read_response(&self, bytes: &[u8]) -> Result<Option<(Response, usize)>, HandshakeError> {
        let answer = parse_response(bytes, self.key)?;
        if let Some((response, _)) = &answer
            && let Some(chosen) = response.protocol.as_deref()
            && !self.protocols.contains(&chosen)
        {
            return Err(HandshakeError::UnexpectedProtocol);
        }
        Ok(answer)
    }

    fn check(&self) -> Result<(), HandshakeError> {
        let checks = [
            ("the host", is_visible(self.host)),
            (
                "the path",
                self.path.starts_with('/') && is_visible(self.path),
            ),
            ("the key", is_valid_key(self.key)),
            (
                "a sub-protocol",
                self.protocols.iter().all(|name| is_token(name)),
            ),
            (
                "a header",
                self.headers
                    .iter()
                    .all(|(name, value)| is_token(name) && is_value(value)),
            ),
        ];
        match checks.into_iter().find(|(_, fits)| !fits) {
            Some((part, _)) => Err(HandshakeError::InvalidRequest(part)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self
            .path
            .split_once('?')
            .map_or(self.path, |(path, _)| path);
        f.debug_struct("ClientRequest")
            .field("host", &self.host)
            .field("path", &path)
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}

fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token of RFC 9110 §5.6.2, which names of headers and sub-protocols are.
fn is_token(text: &str) -> bool {
    is_visible(text)
        && !text
            .bytes()
            .any(|byte| b"\"(),/:;<=>?@[\\]{}".contains(&byte))
}

fn is_value(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'\t' || !byte.is_ascii_control())
}
