//! What an application hands to a connection for its peer.

/// The two shapes in which a payload travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The payload itself: plain and raw WebSocket.
    Plain,
    /// The payload as the inside of a JSON string: every framed SockJS transport.
    Escaped,
}

/// A message on its way out. It is kept as it is until the socket can take it and is written out only then, so that
/// thousands of connections can share one body.
pub trait Outgoing: Send + 'static {
    /// Length in bytes of what [`write`](Self::write) appends for `form`. It is asked several times and must be cheap.
    fn len(&self, form: Form) -> usize;

    /// Appends the payload to `out`: exactly [`len`](Self::len) bytes.
    fn write(&self, form: Form, out: &mut Vec<u8>);

    /// Whether the payload goes out as a text message. What is not UTF-8 must say `false`; it cannot travel over a framed
    /// SockJS transport at all.
    fn is_text(&self) -> bool;

    /// Whether the message may be dropped to make room for one that is appended with [`Overflow::DropOldest`].
    fn is_droppable(&self) -> bool {
        false
    }

    /// Whether `newer` makes this message superfluous ([`Overflow::Conflate`]).
    fn is_replaced_by(&self, _newer: &Self) -> bool {
        false
    }
}

/// What happens to a message that does not fit into a full outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The message is refused and the caller decides, usually by closing the connection.
    #[default]
    Refuse,
    /// The oldest droppable messages make room.
    DropOldest,
    /// The new message takes the place of the one it replaces, as soon as the outbox is over half full.
    Conflate,
}

/// Bytes of plain text, for applications that need no shared bodies.
impl Outgoing for bytes::Bytes {
    fn len(&self, form: Form) -> usize {
        match form {
            Form::Plain => self.as_ref().len(),
            Form::Escaped => crate::json::escaped_len(self),
        }
    }

    fn write(&self, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Plain => out.extend_from_slice(self),
            Form::Escaped => crate::json::escape(self, out),
        }
    }

    fn is_text(&self) -> bool {
        std::str::from_utf8(self).is_ok()
    }
}
