use std::{fmt, mem};

use bytes::Bytes;

use crate::{Frame, Headers, Heartbeat, Version, error::Fault};

/// What a server tells with one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The session is open.
    Connected(Connected),
    /// A message for one of the subscriptions.
    Message(Message),
    /// The frame that asked for this receipt is done.
    Receipt(String),
    /// The server refuses; it closes the connection.
    Error(Refusal),
}

/// A CONNECTED frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The version that the server chose.
    pub version: Version,
    /// The heart-beats that the server offers.
    pub heartbeat: Heartbeat,
    /// Identifies the session.
    pub session: Option<String>,
    /// Name and version of the server.
    pub server: Option<String>,
    /// Whom the server recognised.
    pub user_name: Option<String>,
    /// All headers of the frame, those above included.
    pub headers: Headers,
}

/// A MESSAGE frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where the message was sent to.
    pub destination: String,
    /// The subscription it is for; none if a SUBSCRIBE of STOMP 1.0 gave no id.
    pub subscription: Option<String>,
    /// Identifies the message.
    pub message_id: String,
    /// What an ACK must repeat; none if no ACK is expected, and before STOMP 1.2.
    pub ack: Option<String>,
    /// All headers of the frame, those above included.
    pub headers: Headers,
    /// The message; not in `Debug` output.
    pub body: Bytes,
}

/// An ERROR frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs; servers other than Stompline may leave it out.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The receipt that the refused frame asked for.
    pub receipt: Option<String>,
    /// All headers of the frame, those above included.
    pub headers: Headers,
    /// Details; not in `Debug` output.
    pub body: Bytes,
}

impl Connected {
    pub(super) fn parse(frame: &mut Frame, offered: &[Version]) -> Result<Self, Fault> {
        let version = match frame.headers.find("version") {
            Some(text) => text.parse().map_err(|_| Fault::UnsupportedVersion)?,
            None => Version::V1_0,
        };
        if !offered.contains(&version) {
            return Err(Fault::UnsupportedVersion);
        }
        let heartbeat = match frame.headers.find("heart-beat") {
            Some(text) if version >= Version::V1_1 => text.parse()?,
            _ => Heartbeat::NONE,
        };
        Ok(Self {
            version,
            heartbeat,
            session: owned(frame, "session"),
            server: owned(frame, "server"),
            user_name: owned(frame, "user-name"),
            headers: mem::take(&mut frame.headers),
        })
    }
}

impl Message {
    pub(super) fn parse(frame: &mut Frame, version: Version) -> Result<Self, Fault> {
        let destination = required(frame, "destination")?;
        let message_id = required(frame, "message-id")?;
        let subscription = match version {
            Version::V1_0 => owned(frame, "subscription"),
            Version::V1_1 | Version::V1_2 => Some(required(frame, "subscription")?),
        };
        Ok(Self {
            destination,
            subscription,
            message_id,
            ack: owned(frame, "ack"),
            headers: mem::take(&mut frame.headers),
            body: mem::take(&mut frame.body),
        })
    }
}

impl Refusal {
    pub(super) fn parse(frame: &mut Frame) -> Self {
        Self {
            code: owned(frame, "code"),
            message: owned(frame, "message"),
            receipt: owned(frame, "receipt-id"),
            headers: mem::take(&mut frame.headers),
            body: mem::take(&mut frame.body),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

pub(super) fn required(frame: &Frame, name: &'static str) -> Result<String, Fault> {
    owned(frame, name).ok_or(Fault::MissingHeader {
        command: frame.command,
        name,
    })
}

fn owned(frame: &Frame, name: &str) -> Option<String> {
    frame.headers.find(name).map(str::to_owned)
}
