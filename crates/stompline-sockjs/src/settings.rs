//! The settings of one endpoint.

use std::borrow::Cow;

/// The settings of one endpoint. Fields are set by the methods of the same name.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) sockjs: bool,
    pub(crate) websocket: bool,
    pub(crate) protocols: Vec<Cow<'static, str>>,
    pub(crate) message_bytes_max: usize,
    pub(crate) outbox_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sockjs: false,
            websocket: true,
            protocols: Vec::new(),
            // Room for a 64 KiB application message in its worst JSON escaping is not needed: SockJS clients send text that
            // grows little. Twice the message is generous and still bounds memory.
            message_bytes_max: 128 * 1024,
            // As Spring's send buffer.
            outbox_bytes_max: 512 * 1024,
        }
    }
}

impl Settings {
    /// Whether the SockJS paths are served besides plain WebSocket. Default: no.
    pub fn sockjs(self, sockjs: bool) -> Self {
        Self { sockjs, ..self }
    }

    /// Whether WebSockets are served under `/websocket` paths and announced in `/info`. Default: yes.
    pub fn websocket(self, websocket: bool) -> Self {
        Self { websocket, ..self }
    }

    /// The sub-protocols known here, in no order: the client's first one that is known is echoed. Default: none.
    pub fn protocols(self, protocols: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            protocols: protocols.into_iter().map(Cow::Borrowed).collect(),
            ..self
        }
    }

    /// Most bytes of one WebSocket message from a client; more ends the connection with 1009. Default: 128 KiB.
    pub fn message_bytes_max(self, message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            ..self
        }
    }

    /// Most bytes that may wait for one slow client. Default: 512 KiB.
    pub fn outbox_bytes_max(self, outbox_bytes_max: usize) -> Self {
        Self {
            outbox_bytes_max,
            ..self
        }
    }

    pub(crate) fn websocket_limits(&self) -> stompline_ws::Limits {
        stompline_ws::Limits {
            message_bytes_max: self.message_bytes_max,
            frame_bytes_max: self.message_bytes_max,
        }
    }
}
