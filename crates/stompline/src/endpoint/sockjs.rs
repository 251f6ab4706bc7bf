//! What an endpoint does about SockJS.

use std::time::Duration;

use stompline_sockjs::Settings;

/// How an endpoint serves SockJS. Fields are set by the methods of the same name.
#[derive(Clone, Debug)]
pub struct SockJsSettings {
    websocket: bool,
    jsonp: bool,
    cookie_needed: bool,
    client_library: Option<Box<str>>,
    response_bytes_max: usize,
    heartbeat: Duration,
    disconnect_delay: Duration,
}

impl Default for SockJsSettings {
    /// As Spring's, except that no cookie is asked for and no script comes from a foreign host.
    fn default() -> Self {
        Self {
            websocket: true,
            jsonp: true,
            cookie_needed: false,
            client_library: None,
            response_bytes_max: 128 * 1024,
            heartbeat: Duration::from_secs(25),
            disconnect_delay: Duration::from_secs(5),
        }
    }
}

impl SockJsSettings {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether WebSocket is offered; without it clients begin with streaming. Default: yes.
    pub fn websocket(self, websocket: bool) -> Self {
        Self { websocket, ..self }
    }

    /// Whether jsonp is served, for browsers that have nothing else. Off where origins are restricted, whatever is set here, since no
    /// origin comes with the request for a script. Default: yes.
    pub fn jsonp(self, jsonp: bool) -> Self {
        Self { jsonp, ..self }
    }

    /// Whether clients are asked to send cookies and get a `JSESSIONID`, which some load balancers route by. Default: no; Spring says yes
    /// but sets none.
    pub fn cookie_needed(self, cookie_needed: bool) -> Self {
        Self {
            cookie_needed,
            ..self
        }
    }

    /// Where the iframe page loads the SockJS client from: a path of this server, or a URL. Without it there is no such page. None where
    /// origins are restricted, whatever is set here, since the page speaks for any page around it. Default: none; Spring loads it from a
    /// public host.
    pub fn client_library(self, address: &str) -> Self {
        Self {
            client_library: Some(address.into()),
            ..self
        }
    }

    /// Bytes after which a streaming response ends and the client asks for the next. Default: 128 KiB, as in Spring.
    pub fn response_bytes_max(self, response_bytes_max: usize) -> Self {
        Self {
            response_bytes_max,
            ..self
        }
    }

    /// How long a response may be silent before it gets an `h` frame, besides the heart-beats of STOMP. Default: 25 s, as in Spring.
    pub fn heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    /// How long a session lives while its client asks for nothing. Default: 5 s, as in Spring.
    pub fn disconnect_delay(self, disconnect_delay: Duration) -> Self {
        Self {
            disconnect_delay,
            ..self
        }
    }

    /// The transport's settings with these in them.
    pub(super) fn apply(&self, transport: Settings, restricted: bool) -> Settings {
        let library = self.client_library.as_deref().filter(|_| !restricted);
        transport
            .sockjs(true)
            .websocket(self.websocket)
            .jsonp(self.jsonp && !restricted)
            .cookie_needed(self.cookie_needed)
            .client_library(library)
            .response_bytes_max(self.response_bytes_max)
            .heartbeat(self.heartbeat)
            .disconnect_delay(self.disconnect_delay)
    }
}
