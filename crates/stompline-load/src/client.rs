//! One STOMP session over any transport.
//!
//! Frames are queued and go out with the next [`turn`](Client::turn), all in one write; a turn also
//! reads what has come, answers pings and keeps the heart-beats. An idle client holds no read
//! buffer: one belongs to the thread.

mod error;
mod glance;
mod http;
mod incoming;
mod opening;
mod outgoing;
mod sockjs;
mod websocket;
mod wire;
mod xhr;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use stompline_proto::client::{Config, Connect, Event as StompEvent, Session, Wake};
use stompline_proto::{AckMode, Command, DecodeLimits, Decoded, Decoder, Frame, Heartbeat, encode};
use tokio::time::{Sleep, sleep_until};

pub use self::error::ClientError;
pub use self::wire::Transport;
use self::wire::{Step, Wire};
use crate::target::Target;

/// The longest frame taken from a server: sixteen times what servers allow by default.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The close code of a connection that has done what it was for.
const GOODBYE: u16 = 1000;

/// Heart-beats as the common client for browsers offers them.
const HEARTBEAT: Heartbeat = Heartbeat {
    send_ms: 10_000,
    receive_ms: 10_000,
};

/// Where, how and as whom a client connects.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The server.
    pub target: &'a Target,
    /// The endpoint, such as `/ws/chat`.
    pub path: &'a str,
    /// What carries the session.
    pub transport: Transport,
    /// A token for the handshake that the server accepts.
    pub token: Option<&'a str>,
    /// Name and secret for CONNECT.
    pub login: Option<(&'a str, &'a str)>,
    /// The local address; the system chooses if there is none.
    pub source: Option<SocketAddr>,
    /// How much the kernel may hold that this client has not read; the system's choice if not given.
    pub receive_buffer_bytes: Option<u32>,
}

/// An open session.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    decoder: Decoder,
    session: Session,
    scratch: Vec<u8>,
    last_sent: Instant,
    /// Fires when a heart-beat may be due. It is set again only when it has fired: a busy session
    /// moves that time ahead all the while.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Client {
    /// Connects, upgrades, and waits for CONNECTED.
    ///
    /// # Errors
    ///
    /// Whatever the system or the server has against it.
    pub async fn open(opening: Opening<'_>) -> Result<Self, ClientError> {
        let wire = Wire::open(&opening).await?;
        let now = Instant::now();
        let config = Arc::new(Config::default().heartbeat(HEARTBEAT));
        let mut client = Self {
            wire,
            decoder: Decoder::new(
                stompline_proto::Side::Client,
                DecodeLimits::default().frame_bytes_max(FRAME_BYTES_MAX),
            ),
            session: Session::new(config, now),
            scratch: Vec::new(),
            last_sent: now,
            timer: None,
        };
        let connect = client.session.connect(&Connect {
            host: connect_host(&opening),
            login: opening.login.map(|(login, _)| login),
            passcode: opening.login.map(|(_, passcode)| passcode),
            ..Connect::default()
        });
        client.queue(&connect)?;
        while !client.session.is_open() {
            client.turn(|_| Ok(())).await?;
        }
        Ok(client)
    }

    /// Queues a frame.
    ///
    /// # Errors
    ///
    /// The system has no randomness for the mask.
    pub fn queue(&mut self, frame: &Frame) -> Result<(), ClientError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        encode(frame, self.session.version(), &mut scratch);
        let queued = self.queue_encoded(&scratch);
        self.scratch = scratch;
        queued
    }

    /// Queues a frame that is encoded already.
    ///
    /// # Errors
    ///
    /// The system has no randomness for the mask.
    pub fn queue_encoded(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        self.wire.queue(frame)
    }

    /// Bytes that are queued and not sent.
    pub fn queued_bytes(&self) -> usize {
        self.wire.queued_bytes()
    }

    /// The session machine, which makes frames.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Waits until the socket takes or brings something or a heart-beat is due, and does that. Each
    /// MESSAGE and RECEIPT goes to `on_frame`. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The session is over: ERROR, a close, or a fault. Errors of `on_frame` are passed on.
    pub async fn turn(
        &mut self,
        mut on_frame: impl FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let Self {
            wire,
            decoder,
            session,
            ..
        } = self;
        let wake_at = session.wake_at(self.last_sent);
        let mut sink = |payload: &[u8]| decode(decoder, session, payload, &mut on_frame);
        let Some(step) = step(wire, &mut self.timer, wake_at, &mut sink).await? else {
            return self.wake();
        };
        self.note(step);
        Ok(())
    }

    /// As [`turn`](Self::turn), but gives only the bodies of MESSAGE frames, which is much cheaper,
    /// and the time when they were read.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn turn_bodies(
        &mut self,
        mut on_body: impl FnMut(&[u8], Instant),
    ) -> Result<(), ClientError> {
        let Self {
            wire,
            decoder,
            session,
            ..
        } = self;
        let wake_at = session.wake_at(self.last_sent);
        let mut now = None;
        let mut sink = |payload: &[u8]| {
            let now = *now.get_or_insert_with(Instant::now);
            if decoder.is_idle()
                && let Some(body) = glance::body_of(payload)
            {
                on_body(body, now);
                return Ok(());
            }
            decode(decoder, session, payload, &mut |frame| {
                if frame.command == Command::Message {
                    on_body(&frame.body, now);
                }
                Ok(())
            })
        };
        let Some(step) = step(wire, &mut self.timer, wake_at, &mut sink).await? else {
            return self.wake();
        };
        self.note(step);
        Ok(())
    }

    /// Sends what is queued; what comes meanwhile goes to `on_frame`.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn flush(
        &mut self,
        mut on_frame: impl FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        while self.queued_bytes() > 0 {
            self.turn(&mut on_frame).await?;
        }
        Ok(())
    }

    /// Subscribes, and waits for the receipt.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn subscribe(&mut self, id: &str, destination: &str) -> Result<(), ClientError> {
        let frame = self.session.subscribe(id, destination, AckMode::Auto);
        self.ask(frame, |_| Ok(())).await
    }

    /// Sends a frame with a receipt and waits for that. All that comes before it goes to `on_frame`.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn ask(
        &mut self,
        frame: Frame,
        mut on_frame: impl FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let receipt = self.session.next_receipt();
        self.queue(&frame.header("receipt", &receipt))?;
        let mut came = false;
        while !came {
            self.turn(|frame| {
                if receipt_of(&frame) == Some(&receipt) {
                    came = true;
                    return Ok(());
                }
                on_frame(frame)
            })
            .await?;
        }
        Ok(())
    }

    /// Ends the session in good order: everything sent before has been dealt with when this returns.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub async fn close(
        mut self,
        mut on_frame: impl FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let receipt = self.session.next_receipt();
        let frame = self.session.disconnect(&receipt);
        self.queue(&frame)?;
        let mut came = false;
        while !came {
            let turn = self.turn(|frame| {
                if receipt_of(&frame) == Some(&receipt) {
                    came = true;
                    return Ok(());
                }
                on_frame(frame)
            });
            match turn.await {
                // The server may close right behind the receipt, and RabbitMQ closes instead of it.
                Err(ClientError::Closed { code, .. }) if came || code == Some(GOODBYE) => break,
                turned => turned?,
            }
        }
        Ok(())
    }

    fn note(&mut self, step: Step) {
        if step.read || step.wrote {
            let now = Instant::now();
            if step.read {
                self.session.received(now);
            }
            if step.wrote {
                self.last_sent = now;
            }
        }
    }

    fn wake(&mut self) -> Result<(), ClientError> {
        match self.session.wake(Instant::now(), self.last_sent) {
            Wake::Nothing => Ok(()),
            Wake::Beat => self.beat(),
            Wake::ConnectTimeout | Wake::Silent => Err(ClientError::Silent),
        }
    }

    /// A beat counts as sent when it is queued: what is queued behind a full socket says no more.
    fn beat(&mut self) -> Result<(), ClientError> {
        self.queue_encoded(b"\n")?;
        self.last_sent = Instant::now();
        Ok(())
    }
}

/// Waits for a step of the wire, or until the session wants to be woken: that is `None`.
async fn step(
    wire: &mut Wire,
    timer: &mut Option<Pin<Box<Sleep>>>,
    wake_at: Option<Instant>,
    sink: &mut wire::Sink<'_>,
) -> Result<Option<Step>, ClientError> {
    let Some(wake_at) = wake_at else {
        return wire.step(sink).await.map(Some);
    };
    let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(wake_at.into())));
    if timer.deadline() > wake_at.into() {
        timer.as_mut().reset(wake_at.into());
    }
    let mut step = std::pin::pin!(wire.step(sink));
    loop {
        tokio::select! {
            biased;
            step = &mut step => return step.map(Some),
            () = timer.as_mut() => {}
        }
        if wake_at <= Instant::now() {
            return Ok(None);
        }
        // It was set for an earlier time, before something moved the time ahead.
        timer.as_mut().reset(wake_at.into());
    }
}

/// RabbitMQ takes `host` for the name of a virtual host, of which `/` is always there; servers that
/// take logins only by token do not mind.
fn connect_host<'a>(opening: &Opening<'a>) -> &'a str {
    match opening.login {
        Some(_) => "/",
        None => &opening.target.host,
    }
}

fn decode(
    decoder: &mut Decoder,
    session: &mut Session,
    mut octets: &[u8],
    on_frame: &mut dyn FnMut(Frame) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    while let Some(decoded) = decoder.decode(&mut octets)? {
        if let Decoded::Frame(frame) = decoded {
            dispatch(session, frame, on_frame)?;
        }
    }
    Ok(())
}

/// MESSAGE and RECEIPT go to the scenario as they are: the session machine would copy their headers,
/// and it has nothing to learn from them. All other frames are its own.
fn dispatch(
    session: &mut Session,
    frame: Frame,
    on_frame: &mut dyn FnMut(Frame) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    if session.is_open() && matches!(frame.command, Command::Message | Command::Receipt) {
        return on_frame(frame);
    }
    match session.receive(frame, Instant::now())? {
        Some(StompEvent::Error(refusal)) => Err(ClientError::Error {
            code: refusal.code.unwrap_or_default(),
            message: refusal.message.unwrap_or_default(),
        }),
        _ => Ok(()),
    }
}

/// The receipt that a RECEIPT answers.
pub fn receipt_of(frame: &Frame) -> Option<&str> {
    match frame.command {
        Command::Receipt => frame.headers.find("receipt-id"),
        _ => None,
    }
}
