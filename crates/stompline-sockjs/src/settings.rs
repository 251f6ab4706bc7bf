//! The settings of one endpoint.

use std::{borrow::Cow, sync::Arc, time::Duration};

/// The settings of one endpoint. Fields are set by the methods of the same name.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, each with its own name"
)]
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) sockjs: bool,
    pub(crate) websocket: bool,
    pub(crate) jsonp: bool,
    pub(crate) cookie_needed: bool,
    pub(crate) client_library: Option<Arc<str>>,
    pub(crate) protocols: Vec<Cow<'static, str>>,
    pub(crate) message_bytes_max: usize,
    pub(crate) fragment_bytes_max: Option<usize>,
    pub(crate) outbox_bytes_max: usize,
    pub(crate) response_bytes_max: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) disconnect_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sockjs: false,
            websocket: true,
            jsonp: true,
            cookie_needed: false,
            client_library: None,
            protocols: Vec::new(),
            // Room for a 64 KiB application message in its worst JSON escaping is not needed: SockJS clients send text that
            // grows little. Twice the message is generous and still bounds memory.
            message_bytes_max: 128 * 1024,
            fragment_bytes_max: None,
            // As Spring's send buffer.
            outbox_bytes_max: 512 * 1024,
            // What the SockJS protocol names: browsers keep a whole response in memory until it ends.
            response_bytes_max: 128 * 1024,
            // 64 KiB over the slowest of phones, or as long as one may lose its network.
            body_timeout: Duration::from_mins(1),
            // The protocol's own: below the half minute after which many proxies give up on a silent response.
            heartbeat: Duration::from_secs(25),
            // The protocol's own: a client that polls is away for one round trip, which can take seconds.
            disconnect_delay: Duration::from_secs(5),
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

    /// Whether the jsonp transport is served. Any page can load a script from anywhere and no `Origin` comes with the request, so an
    /// endpoint that restricts origins must switch it off. Default: yes.
    pub fn jsonp(self, jsonp: bool) -> Self {
        Self { jsonp, ..self }
    }

    /// Whether `/info` tells clients to send cookies and every session URL sets `JSESSIONID`, which some load balancers need to route a
    /// session to one server. Default: no.
    pub fn cookie_needed(self, cookie_needed: bool) -> Self {
        Self {
            cookie_needed,
            ..self
        }
    }

    /// The address of the SockJS client library that the iframe page loads: a path of this server, or a whole URL. Without one there is
    /// no iframe page, and clients use their other transports. An endpoint that restricts origins must have none: the page lets any page
    /// around it talk to this server. Default: none, since nothing should be fetched from a foreign host unasked.
    pub fn client_library(self, address: Option<&str>) -> Self {
        Self {
            client_library: address.map(Into::into),
            ..self
        }
    }

    /// The sub-protocols known here, in no order: the client's first one that is known is echoed. Default: none.
    pub fn protocols(self, protocols: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            protocols: protocols.into_iter().map(Cow::Borrowed).collect(),
            ..self
        }
    }

    /// Most bytes of one message from a client. More ends a WebSocket with 1009; a POST is answered with 413. A POST may hold any number
    /// of messages, which are taken one by one. Default: 128 KiB.
    pub fn message_bytes_max(self, message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            ..self
        }
    }

    /// Most bytes of one fragment of a WebSocket message; more ends the connection with 1009. Default: as much as a whole message.
    pub fn fragment_bytes_max(self, fragment_bytes_max: usize) -> Self {
        Self {
            fragment_bytes_max: Some(fragment_bytes_max),
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

    /// Bytes, with framing, after which a streaming response ends and the client asks for the next one. A frame is never cut, so the last
    /// one may go over. Default: 128 KiB (SockJS protocol, "XhrStreaming").
    pub fn response_bytes_max(self, response_bytes_max: usize) -> Self {
        Self {
            response_bytes_max,
            ..self
        }
    }

    /// How long a client may take over the body of one request; the time in which its messages wait for their connection does not count.
    /// A later body is answered with 408. Default: a minute.
    pub fn body_timeout(self, body_timeout: Duration) -> Self {
        Self {
            body_timeout,
            ..self
        }
    }

    /// How long a receiving request of an HTTP transport may be silent before it gets an `h` frame. Default: 25 s.
    pub fn heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    /// How long a session of an HTTP transport lives without a receiving request, and how long a closed one repeats its close frame.
    /// Default: 5 s.
    pub fn disconnect_delay(self, disconnect_delay: Duration) -> Self {
        Self {
            disconnect_delay,
            ..self
        }
    }

    pub(crate) fn websocket_limits(&self) -> stompline_ws::Limits {
        stompline_ws::Limits {
            message_bytes_max: self.message_bytes_max,
            frame_bytes_max: self.fragment_bytes_max.unwrap_or(self.message_bytes_max),
        }
    }
}
