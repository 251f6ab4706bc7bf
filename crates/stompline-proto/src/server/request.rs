use std::{fmt, mem};

use bytes::Bytes;

use crate::{AckMode, Command, Frame, Headers, Heartbeat, SubscriptionId, Version, error::Fault};

/// What a client asks for with one frame. `T` is what the application keeps with a subscription.
///
/// A `receipt` is answered with [`Frame::receipt`] when the request is done.
#[derive(Debug)]
pub enum Request<T> {
    /// Open the session: answer with [`Session::accept`](super::Session::accept) or an ERROR. A
    /// receipt, which CONNECT must not ask for, gets no answer.
    Connect(Connect),
    /// Send a message.
    Send(Send),
    /// Start a subscription: tell [`Session::subscribed`](super::Session::subscribed) when it lives.
    Subscribe(Subscribe),
    /// A subscription has been taken out of the session.
    Unsubscribe {
        /// Its id and what was kept with it; `None` if there was none with this id, which is no
        /// error.
        removed: Option<(SubscriptionId, T)>,
        /// Asks for a RECEIPT.
        receipt: Option<String>,
    },
    /// A message was consumed.
    Ack(Settle),
    /// A message was not consumed.
    Nack(Settle),
    /// A transaction has been opened.
    Begin {
        /// Its name.
        transaction: String,
        /// Asks for a RECEIPT.
        receipt: Option<String>,
    },
    /// A transaction has ended: apply what it held.
    Commit {
        /// The frames in the order in which they came.
        staged: Vec<Staged>,
        /// Asks for a RECEIPT.
        receipt: Option<String>,
    },
    /// A transaction has been dropped.
    Abort {
        /// Asks for a RECEIPT.
        receipt: Option<String>,
    },
    /// The client leaves. Open transactions have been dropped, and frames that follow are ignored.
    Disconnect {
        /// Asks for a RECEIPT, the last frame that the client gets.
        receipt: Option<String>,
    },
}

/// A CONNECT or STOMP frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version that the session will have.
    pub version: Version,
    /// The heart-beats that the client offers.
    pub heartbeat: Heartbeat,
    /// The virtual host, if the client names one; browsers do not.
    pub host: Option<String>,
    /// Who the client says it is.
    pub login: Option<String>,
    /// Its secret; never in `Debug` output.
    pub passcode: Option<String>,
    /// All headers of the frame, those above included.
    pub headers: Headers,
}

/// A SEND frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Send {
    /// Where the message goes, as the client wrote it.
    pub destination: String,
    /// The other headers of the message, `content-type` among them. What is about the frame
    /// (`receipt`, `transaction`) and what only a server may say (`message-id`, `subscription`,
    /// `ack`, `session`, `user-name`) has been taken out.
    pub headers: Headers,
    /// The message; not in `Debug` output.
    pub body: Bytes,
    /// Asks for a RECEIPT.
    pub receipt: Option<String>,
    /// The open transaction that this belongs to: check the frame, then hand it to
    /// [`Session::stage`](super::Session::stage).
    pub transaction: Option<String>,
}

/// A SUBSCRIBE frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Names the subscription; not in use yet.
    pub id: SubscriptionId,
    /// What to subscribe to, as the client wrote it.
    pub destination: String,
    /// How messages will be settled.
    pub ack: AckMode,
    /// The other headers.
    pub headers: Headers,
    /// Asks for a RECEIPT.
    pub receipt: Option<String>,
}

/// An ACK or NACK frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The `ack` header of the MESSAGE in STOMP 1.2, its `message-id` before.
    pub id: String,
    /// The subscription it came for, if the frame says so; STOMP 1.1 demands it.
    pub subscription: Option<String>,
    /// Whether `subscription` names one that was removed lately, so that the frame may have crossed
    /// with the removal.
    pub known_removed: bool,
    /// Asks for a RECEIPT.
    pub receipt: Option<String>,
    /// The open transaction that this belongs to: check the frame, then hand it to
    /// [`Session::stage`](super::Session::stage).
    pub transaction: Option<String>,
}

/// A frame that waits for the COMMIT of its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staged {
    /// A message to send.
    Send(Send),
    /// A message to settle as consumed.
    Ack(Settle),
    /// A message to settle as not consumed.
    Nack(Settle),
}

impl Staged {
    /// Octets of memory it holds, in fair approximation.
    pub(super) fn bytes(&self) -> usize {
        let held = match self {
            Self::Send(send) => {
                send.destination.len() + send.headers.heap_bytes() + send.body.len()
            }
            Self::Ack(settle) | Self::Nack(settle) => {
                settle.id.len() + settle.subscription.as_ref().map_or(0, String::len)
            }
        };
        held + size_of::<Self>()
    }

    pub(super) fn receipt(&self) -> Option<&str> {
        match self {
            Self::Send(send) => send.receipt.as_deref(),
            Self::Ack(settle) | Self::Nack(settle) => settle.receipt.as_deref(),
        }
    }
}

impl Connect {
    pub(super) fn parse(frame: &mut Frame) -> Result<Self, Fault> {
        let headers = &frame.headers;
        let version =
            Version::negotiate(headers.find("accept-version")).ok_or(Fault::UnsupportedVersion)?;
        let heartbeat = match headers.find("heart-beat") {
            Some(text) if version >= Version::V1_1 => text.parse()?,
            _ => Heartbeat::NONE,
        };
        let owned = |name| headers.find(name).map(str::to_owned);
        Ok(Self {
            version,
            heartbeat,
            host: owned("host"),
            login: owned("login"),
            passcode: owned("passcode"),
            headers: mem::take(&mut frame.headers),
        })
    }
}

impl Send {
    pub(super) fn parse(frame: &mut Frame) -> Result<Self, Fault> {
        let destination = required(frame, "destination")?;
        let (receipt, transaction) = (owned(frame, "receipt"), owned(frame, "transaction"));
        let mut headers = mem::take(&mut frame.headers);
        headers.retain(|name, _| {
            !matches!(
                name,
                "destination"
                    | "receipt"
                    | "transaction"
                    | "content-length"
                    | "message-id"
                    | "subscription"
                    | "ack"
                    | "session"
                    | "user-name"
            )
        });
        Ok(Self {
            destination,
            headers,
            body: mem::take(&mut frame.body),
            receipt,
            transaction,
        })
    }
}

impl Subscribe {
    /// The id may be missing in STOMP 1.0; the destination then takes its place.
    pub(super) fn parse_id(frame: &Frame, version: Version) -> Result<SubscriptionId, Fault> {
        match frame.headers.find("id") {
            Some(id) => Ok(SubscriptionId::new(id)?),
            None if version == Version::V1_0 => {
                Ok(SubscriptionId::implicit(&required(frame, "destination")?)?)
            }
            None => Err(Fault::MissingHeader {
                command: frame.command,
                name: "id",
            }),
        }
    }

    pub(super) fn parse(frame: &mut Frame, id: SubscriptionId) -> Result<Self, Fault> {
        let destination = required(frame, "destination")?;
        let ack = match frame.headers.find("ack") {
            Some(text) => AckMode::parse(text).ok_or(Fault::UnknownAckMode)?,
            None => AckMode::Auto,
        };
        let receipt = owned(frame, "receipt");
        let mut headers = mem::take(&mut frame.headers);
        headers.retain(|name, _| !matches!(name, "id" | "destination" | "ack" | "receipt"));
        Ok(Self {
            id,
            destination,
            ack,
            headers,
            receipt,
        })
    }
}

impl Settle {
    /// Leaves `known_removed` to the session.
    pub(super) fn parse(frame: &Frame, version: Version) -> Result<Self, Fault> {
        if frame.command == Command::Nack && version == Version::V1_0 {
            return Err(Fault::NotInVersion {
                command: Command::Nack,
                version,
            });
        }
        let id = required(
            frame,
            if version >= Version::V1_2 {
                "id"
            } else {
                "message-id"
            },
        )?;
        let subscription = match version {
            Version::V1_1 => Some(required(frame, "subscription")?),
            Version::V1_0 | Version::V1_2 => owned(frame, "subscription"),
        };
        Ok(Self {
            id,
            subscription,
            known_removed: false,
            receipt: owned(frame, "receipt"),
            transaction: owned(frame, "transaction"),
        })
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("heartbeat", &self.heartbeat)
            .field("host", &self.host)
            .field("login", &self.login)
            .field("passcode", &self.passcode.as_ref().map(|_| "***"))
            .field("headers", &self.headers)
            .finish()
    }
}

impl fmt::Debug for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Send")
            .field("destination", &self.destination)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("receipt", &self.receipt)
            .field("transaction", &self.transaction)
            .finish()
    }
}

pub(super) fn required(frame: &Frame, name: &'static str) -> Result<String, Fault> {
    owned(frame, name).ok_or(Fault::MissingHeader {
        command: frame.command,
        name,
    })
}

pub(super) fn owned(frame: &Frame, name: &str) -> Option<String> {
    frame.headers.find(name).map(str::to_owned)
}
