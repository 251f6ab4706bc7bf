use std::fmt;

use bytes::Bytes;

use crate::{Command, Headers};

/// One STOMP frame: command, headers and body.
///
/// `content-length` is not among the headers: [`encode`](crate::encode()) derives it from the body
/// and the [`Decoder`](crate::Decoder) takes it out, so that a frame and its body can not disagree.
/// `Debug` output shows the headers with secrets masked, and of the body only its length.
///
/// ```
/// use stompline_proto::{Command, Frame};
///
/// let frame = Frame::new(Command::Send).header("destination", "/app/send").body("hello");
/// assert_eq!(frame.headers.find("destination"), Some("/app/send"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the frame asks or tells.
    pub command: Command,
    /// Names and values, without escapes.
    pub headers: Headers,
    /// The octets between the blank line and the NUL; empty if there are none.
    pub body: Bytes,
}

impl Frame {
    /// A frame without headers and body.
    pub const fn new(command: Command) -> Self {
        Self {
            command,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// The RECEIPT that answers a frame whose `receipt` header said `id`.
    pub fn receipt(id: &str) -> Self {
        Self::new(Command::Receipt).header("receipt-id", id)
    }

    /// An ERROR: `code` for programs, `message` for people, and the `receipt` header of the frame
    /// at fault if it had one. The body repeats the message; replace it where there is more to say.
    pub fn error(code: &str, message: &str, receipt: Option<&str>) -> Self {
        let mut frame = Self::new(Command::Error)
            .header("code", code)
            .header("message", message);
        if let Some(id) = receipt {
            frame.headers.push("receipt-id", id);
        }
        frame
            .header("content-type", "text/plain")
            .body(message.to_owned())
    }

    /// Appends a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_carries_code_message_and_receipt() {
        let frame = Frame::error("forbidden", "no rule allows this", Some("r1"));
        let headers: Vec<_> = frame.headers.iter().collect();
        assert_eq!(
            headers,
            [
                ("code", "forbidden"),
                ("message", "no rule allows this"),
                ("receipt-id", "r1"),
                ("content-type", "text/plain"),
            ]
        );
        assert_eq!(frame.body, "no rule allows this");
        assert_eq!(
            Frame::error("c", "m", None).headers.find("receipt-id"),
            None
        );
    }

    #[test]
    fn debug_hides_body_and_secrets() {
        let frame = Frame::new(Command::Connect)
            .header("passcode", "hunter2")
            .body("private");
        let text = format!("{frame:?}");
        assert!(
            !text.contains("hunter2") && !text.contains("private"),
            "{text}"
        );
        assert!(text.contains("body_bytes: 7"), "{text}");
    }
}
