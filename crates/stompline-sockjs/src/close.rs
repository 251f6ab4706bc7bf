//! How a connection ends.

use std::borrow::Cow;

use stompline_ws::Opcode;

use crate::{json, outbox::Framing};

/// A close code and its reason (RFC 6455, 7.4). SockJS uses the same codes in its `c` frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code: 1000 to 1014 as registered, 3000 to 4999 for applications.
    pub code: u16,
    /// For people; cut to 123 bytes on the wire.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// A close with `code` and `reason`.
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// Appends the frames that say goodbye.
    pub(crate) fn write(&self, framing: Framing, out: &mut Vec<u8>) {
        if framing == Framing::SockJs {
            let frame = self.frame();
            stompline_ws::write_header(out, Opcode::Text, frame.len());
            out.extend_from_slice(&frame);
        }
        stompline_ws::write_close(out, self.code, &self.reason);
    }

    /// The SockJS frame `c[code,"reason"]`.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = format!("c[{},\"", self.code).into_bytes();
        json::escape(self.reason.as_bytes(), &mut frame);
        frame.extend_from_slice(b"\"]");
        frame
    }
}
