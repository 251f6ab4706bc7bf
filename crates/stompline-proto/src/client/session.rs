use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    Config, Connect,
    event::{Connected, Event, Message, Refusal, required},
};
use crate::{
    AckMode, Agreed, Command, Frame, Headers, ProtocolError, Version,
    error::Fault,
    pulse::{Due, Pulse},
};

/// One session as the client sees it. It is given frames and the time, and does nothing by itself:
/// the application sends the frames it asks for, keeps the timer and closes the connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    state: State,
    pulse: Pulse,
    receipts: u64,
}

/// What [`Session::wake`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing is due yet.
    Nothing,
    /// Send a line end.
    Beat,
    /// No CONNECTED came in time: close.
    ConnectTimeout,
    /// The server was silent for too long: close.
    Silent,
}

#[derive(Debug)]
enum State {
    Opening {
        deadline: Option<Instant>,
    },
    Open(Open),
    /// The server sent an ERROR; what still comes is ignored.
    Refused {
        version: Version,
    },
}

#[derive(Clone, Copy, Debug)]
struct Open {
    version: Version,
    agreed: Agreed,
}

impl Session {
    /// A session whose connection began at `now`.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let deadline = now.checked_add(config.connect_timeout);
        Self {
            config,
            state: State::Opening { deadline },
            pulse: Pulse::new(now),
            receipts: 0,
        }
    }

    /// The CONNECT frame, the first of the session.
    pub fn connect(&self, connect: &Connect<'_>) -> Frame {
        let versions: Vec<_> = self.config.versions.iter().map(|v| v.as_str()).collect();
        let mut frame = Frame::new(Command::Connect)
            .header("accept-version", &versions.join(","))
            .header("heart-beat", &self.config.heartbeat.to_string());
        let host = Some(connect.host).filter(|host| !host.is_empty());
        let named = [
            ("host", host),
            ("login", connect.login),
            ("passcode", connect.passcode),
        ];
        for (name, value) in named {
            frame.headers.extend(value.map(|value| (name, value)));
        }
        frame.headers.extend(&connect.headers);
        frame
    }

    /// Takes the server's next frame; `None` if it is ignored because an ERROR came before.
    ///
    /// # Errors
    ///
    /// The server broke the rules; close the connection.
    pub fn receive(
        &mut self,
        mut frame: Frame,
        now: Instant,
    ) -> Result<Option<Event>, ProtocolError> {
        self.received(now);
        if let State::Refused { .. } = self.state {
            return Ok(None);
        }
        let event = self.take(&mut frame);
        event
            .map(Some)
            .map_err(|fault| ProtocolError::new(fault, None))
    }

    /// Any octets came from the server: it is alive.
    pub fn received(&mut self, now: Instant) {
        self.pulse.received(now);
    }

    /// A receipt id that this session has not used yet.
    pub fn next_receipt(&mut self) -> String {
        self.receipts += 1;
        format!("r{}", self.receipts)
    }

    /// Does what time demands. `last_sent` is when octets were last written to the server. A beat is
    /// due a tenth of the agreed interval, at most one second, before the interval ends.
    pub fn wake(&mut self, now: Instant, last_sent: Instant) -> Wake {
        match self.state {
            State::Opening {
                deadline: Some(deadline),
            } if deadline <= now => Wake::ConnectTimeout,
            State::Open(Open { agreed, .. }) => {
                let intervals = self.config.silent_intervals_max;
                match self.pulse.due(agreed, intervals, last_sent, now) {
                    Due::Nothing => Wake::Nothing,
                    Due::Beat => Wake::Beat,
                    Due::Silent => Wake::Silent,
                }
            }
            State::Opening { .. } | State::Refused { .. } => Wake::Nothing,
        }
    }

    /// When [`Session::wake`] will next have something to say; it may be past.
    pub fn wake_at(&self, last_sent: Instant) -> Option<Instant> {
        match self.state {
            State::Opening { deadline } => deadline,
            State::Open(Open { agreed, .. }) => {
                self.pulse
                    .wake_at(agreed, self.config.silent_intervals_max, last_sent)
            }
            State::Refused { .. } => None,
        }
    }

    /// Whether CONNECTED has come and no ERROR since.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// The version of the session; 1.0 before CONNECTED.
    pub const fn version(&self) -> Version {
        match self.state {
            State::Opening { .. } => Version::V1_0,
            State::Open(Open { version, .. }) | State::Refused { version } => version,
        }
    }

    /// The heart-beats agreed; none before the session is open.
    pub const fn agreed(&self) -> Agreed {
        match self.state {
            State::Open(Open { agreed, .. }) => agreed,
            State::Opening { .. } | State::Refused { .. } => Agreed::NONE,
        }
    }

    /// A SEND frame.
    pub fn send(&self, destination: &str, body: impl Into<Bytes>) -> Frame {
        Frame::new(Command::Send)
            .header("destination", destination)
            .body(body)
    }

    /// A SUBSCRIBE frame.
    pub fn subscribe(&self, id: &str, destination: &str, ack: AckMode) -> Frame {
        Frame::new(Command::Subscribe)
            .header("id", id)
            .header("destination", destination)
            .header("ack", ack.as_str())
    }

    /// An UNSUBSCRIBE frame.
    pub fn unsubscribe(&self, id: &str) -> Frame {
        Frame::new(Command::Unsubscribe).header("id", id)
    }

    /// An ACK frame for a message, as the version of the session writes it. `None` if the message
    /// has nothing to settle: no `ack` header in STOMP 1.2.
    pub fn ack(&self, message: &Message) -> Option<Frame> {
        self.settle(Command::Ack, message)
    }

    /// A NACK frame for a message. `None` if the message has nothing to settle, and in STOMP 1.0,
    /// which has no NACK.
    pub fn nack(&self, message: &Message) -> Option<Frame> {
        if self.version() == Version::V1_0 {
            None
        } else {
            self.settle(Command::Nack, message)
        }
    }

    /// A DISCONNECT frame, the last of the session. Close when its receipt has come.
    pub fn disconnect(&self, receipt: &str) -> Frame {
        Frame::new(Command::Disconnect).header("receipt", receipt)
    }

    fn take(&mut self, frame: &mut Frame) -> Result<Event, Fault> {
        let command = frame.command;
        if command == Command::Error {
            self.state = State::Refused {
                version: self.version(),
            };
            return Ok(Event::Error(Refusal::parse(frame)));
        }
        match (command, &self.state) {
            (Command::Connected, State::Opening { .. }) => {
                let connected = Connected::parse(frame, &self.config.versions)?;
                let agreed = self.config.heartbeat.agree(connected.heartbeat);
                self.state = State::Open(Open {
                    version: connected.version,
                    agreed,
                });
                Ok(Event::Connected(connected))
            }
            (Command::Connected, _) => Err(Fault::AlreadyConnected),
            (Command::Message | Command::Receipt, State::Opening { .. }) => {
                Err(Fault::NotConnected { command })
            }
            (Command::Message, _) => Ok(Event::Message(Message::parse(frame, self.version())?)),
            (Command::Receipt, _) => Ok(Event::Receipt(required(frame, "receipt-id")?)),
            _ => Err(Fault::ClientFrameFromServer { command }),
        }
    }

    fn settle(&self, command: Command, message: &Message) -> Option<Frame> {
        let mut headers = Headers::new();
        if self.version() == Version::V1_2 {
            headers.push("id", message.ack.as_deref()?);
        } else {
            headers.push("message-id", &message.message_id);
        }
        headers.extend(
            message
                .subscription
                .as_deref()
                .map(|id| ("subscription", id)),
        );
        Some(Frame {
            headers,
            ..Frame::new(command)
        })
    }
}
