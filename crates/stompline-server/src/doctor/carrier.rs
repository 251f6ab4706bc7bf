//! What carries STOMP: a WebSocket, plain or with SockJS frames, or SockJS over HTTP.

mod exchange;
mod websocket;

use tokio::time::Instant;

use self::exchange::Exchange;
use self::websocket::WebSocket;
use crate::client::fault::Fault;
use crate::client::http::Visit;

/// A way to carry STOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    WebSocket,
    SockJsWebSocket,
    XhrStreaming,
    EventSource,
    Xhr,
}

impl Way {
    /// Its name in the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::SockJsWebSocket => "sockjs-websocket",
            Self::XhrStreaming => "xhr-streaming",
            Self::EventSource => "eventsource",
            Self::Xhr => "xhr-polling",
        }
    }
}

/// An open carrier.
#[derive(Debug)]
pub(super) enum Carrier {
    WebSocket(Box<WebSocket>),
    Http(Box<Exchange>),
}

impl Carrier {
    /// Opens it below the endpoint `path`; over SockJS, up to the frame that says so.
    pub(super) async fn open(visit: &Visit<'_>, way: Way, path: &str) -> Result<Self, Fault> {
        let framed = way == Way::SockJsWebSocket;
        match way {
            Way::WebSocket | Way::SockJsWebSocket => {
                let socket = WebSocket::open(visit, path, framed).await?;
                Ok(Self::WebSocket(Box::new(socket)))
            }
            Way::XhrStreaming | Way::EventSource | Way::Xhr => {
                let exchange = Exchange::open(visit, way, path).await?;
                Ok(Self::Http(Box::new(exchange)))
            }
        }
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, visit: &Visit<'_>, text: &str) -> Result<(), Fault> {
        match self {
            Self::WebSocket(socket) => socket.send(text, visit.until).await,
            Self::Http(exchange) => exchange.send(visit, text).await,
        }
    }

    /// Waits for the next messages.
    pub(super) async fn receive(
        &mut self,
        visit: &Visit<'_>,
        doing: &'static str,
    ) -> Result<Vec<String>, Fault> {
        match self {
            Self::WebSocket(socket) => socket.receive(visit.until, doing).await,
            Self::Http(exchange) => exchange.receive(visit, doing).await,
        }
    }

    /// Says goodbye, where there is a way to.
    pub(super) async fn close(self, until: Instant) -> Result<(), Fault> {
        match self {
            Self::WebSocket(socket) => socket.close(until).await,
            Self::Http(_) => Ok(()),
        }
    }
}
