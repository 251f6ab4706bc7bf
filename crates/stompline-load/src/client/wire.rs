//! What carries a session. The client above sees messages that go out and come in, whatever the
//! transport; a new transport is one more variant here.

use std::fmt;

use super::websocket::WebSocket;
use super::xhr::Xhr;
use super::{ClientError, Opening, opening};

/// How a session reaches the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket at the endpoint itself, one STOMP frame in each message.
    #[default]
    WebSocket,
    /// The WebSocket of SockJS, with its frames.
    SockJsWebSocket,
    /// SockJS over HTTP: one long answer brings frames, posts take them.
    XhrStreaming,
    /// SockJS over HTTP: each answer brings what there is and is asked for again.
    Xhr,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::WebSocket,
        Self::SockJsWebSocket,
        Self::XhrStreaming,
        Self::Xhr,
    ];

    /// Its name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::SockJsWebSocket => "sockjs-websocket",
            Self::XhrStreaming => "xhr-streaming",
            Self::Xhr => "xhr",
        }
    }

    /// Sockets that one session needs.
    pub const fn sockets(self) -> u32 {
        match self {
            Self::WebSocket | Self::SockJsWebSocket => 1,
            Self::XhrStreaming | Self::Xhr => 2,
        }
    }
}

/// Takes the messages of one step.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), ClientError> + 'a;

/// What one step did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub read: bool,
    pub wrote: bool,
}

impl Step {
    pub(super) const READ: Self = Self {
        read: true,
        wrote: false,
    };
}

/// An open transport.
pub(super) enum Wire {
    WebSocket(Box<WebSocket>),
    Xhr(Box<Xhr>),
}

impl Wire {
    pub(super) async fn open(opening: &Opening<'_>) -> Result<Self, ClientError> {
        let framed = match opening.transport {
            Transport::WebSocket => false,
            Transport::SockJsWebSocket => true,
            Transport::XhrStreaming => {
                return Ok(Self::Xhr(Box::new(Xhr::open(opening, true).await?)));
            }
            Transport::Xhr => return Ok(Self::Xhr(Box::new(Xhr::open(opening, false).await?))),
        };
        let mut stream = opening::connect(opening).await?;
        let rest = opening::upgrade(&mut stream, opening, framed).await?;
        Ok(Self::WebSocket(Box::new(WebSocket::new(
            stream, rest, framed,
        ))))
    }

    pub(super) fn queue(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        match self {
            Self::WebSocket(wire) => wire.queue(frame),
            Self::Xhr(wire) => wire.queue(frame),
        }
    }

    pub(super) fn queued_bytes(&self) -> usize {
        match self {
            Self::WebSocket(wire) => wire.queued_bytes(),
            Self::Xhr(wire) => wire.queued_bytes(),
        }
    }

    /// Waits until the socket takes or brings something, and does that. Dropping the future loses
    /// nothing.
    pub(super) async fn step(&mut self, sink: &mut Sink<'_>) -> Result<Step, ClientError> {
        match self {
            Self::WebSocket(wire) => wire.step(sink).await,
            Self::Xhr(wire) => wire.step(sink).await,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebSocket(_) => "WebSocket",
            Self::Xhr(_) => "Xhr",
        })
    }
}
