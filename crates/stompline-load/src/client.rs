//! One STOMP session over WebSocket.
//!
//! Frames are queued and go out with the next [`turn`](Client::turn), all in one write; a turn also
//! reads what has come, answers pings and keeps the heart-beats. An idle client holds no read
//! buffer: one belongs to the thread.

mod error;
mod opening;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use stompline_proto::client::{Config, Connect, Event as StompEvent, Session, Wake};
use stompline_proto::{AckMode, Command, DecodeLimits, Decoded, Decoder, Frame, Heartbeat, encode};
use stompline_ws::{Event, Limits, Masker, Opcode, Role};
use tokio::io::Interest;
use tokio::net::TcpStream;

pub use self::error::ClientError;
use crate::target::Target;

/// What one read takes at most. Larger than what the kernel holds for a loopback socket by default,
/// so that a turn brings everything that has come.
const READ_BYTES: usize = 256 * 1024;

/// The longest frame taken from a server: sixteen times what servers allow by default.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Written bytes are cut off the front of the queue when they are more than this.
const WRITTEN_BYTES_MAX: usize = 64 * 1024;

/// Heart-beats as the common client for browsers offers them.
const HEARTBEAT: Heartbeat = Heartbeat {
    send_ms: 10_000,
    receive_ms: 10_000,
};

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Where and as whom a client connects.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The server.
    pub target: &'a Target,
    /// The endpoint, such as `/ws/chat`.
    pub path: &'a str,
    /// Whose session it is: a token that the server accepts.
    pub token: &'a str,
    /// The local address; the system chooses if there is none.
    pub source: Option<SocketAddr>,
}

/// An open session.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    websocket: stompline_ws::Decoder,
    decoder: Decoder,
    session: Session,
    masker: Masker,
    /// What has to be sent; the first `written` bytes have been.
    out: Vec<u8>,
    written: usize,
    scratch: Vec<u8>,
    last_sent: Instant,
}

impl Client {
    /// Connects, upgrades, and waits for CONNECTED.
    ///
    /// # Errors
    ///
    /// Whatever the system or the server has against it.
    pub async fn open(opening: Opening<'_>) -> Result<Self, ClientError> {
        let Opening { target, path, .. } = opening;
        let mut stream = opening::connect(target.address, opening.source).await?;
        let mut rest = opening::upgrade(&mut stream, target, path, opening.token).await?;
        let now = Instant::now();
        let config = Arc::new(Config::default().heartbeat(HEARTBEAT));
        let limits = Limits {
            message_bytes_max: FRAME_BYTES_MAX,
            frame_bytes_max: FRAME_BYTES_MAX,
        };
        let mut client = Self {
            stream,
            websocket: stompline_ws::Decoder::new(Role::Client, limits),
            decoder: Decoder::new(
                stompline_proto::Side::Client,
                DecodeLimits::default().frame_bytes_max(FRAME_BYTES_MAX),
            ),
            session: Session::new(config, now),
            masker: Masker::new(),
            out: Vec::new(),
            written: 0,
            scratch: Vec::new(),
            last_sent: now,
        };
        client.take(&mut rest, &mut |_| Ok(()))?;
        let connect = client.session.connect(&Connect {
            host: &target.host,
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
        self.queue_as(Opcode::Text, frame)
    }

    /// Bytes that are queued and not sent.
    pub fn queued_bytes(&self) -> usize {
        self.out.len() - self.written
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
        let interest = if self.queued_bytes() > 0 {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let ready = match self.session.wake_at(self.last_sent) {
            None => self.stream.ready(interest).await,
            Some(at) => tokio::select! {
                biased;
                ready = self.stream.ready(interest) => ready,
                () = tokio::time::sleep_until(at.into()) => return self.wake(),
            },
        };
        let ready = ready.map_err(ClientError::io("waiting for the socket"))?;
        if ready.is_writable() {
            self.write()?;
        }
        if ready.is_readable() {
            self.read(&mut on_frame)?;
        }
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
                // The server may close right behind the receipt.
                Err(ClientError::Closed(_)) if came => {}
                turned => turned?,
            }
        }
        Ok(())
    }

    fn queue_as(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        let key = self
            .masker
            .key()
            .map_err(ClientError::io("drawing a mask"))?;
        stompline_ws::write_masked(&mut self.out, opcode, payload, key);
        Ok(())
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

    fn write(&mut self) -> Result<(), ClientError> {
        match self.stream.try_write(&self.out[self.written..]) {
            Ok(count) => {
                self.written += count;
                self.last_sent = Instant::now();
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => return Err(ClientError::io("writing")(why)),
        }
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written > WRITTEN_BYTES_MAX {
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    fn read(
        &mut self,
        on_frame: &mut dyn FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        BUFFER.with_borrow_mut(|buffer| match self.stream.try_read(buffer) {
            Ok(0) => Err(ClientError::Closed("end of the stream".to_owned())),
            Ok(count) => self.take(&mut buffer[..count], on_frame),
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(why) => Err(ClientError::io("reading")(why)),
        })
    }

    fn take(
        &mut self,
        mut input: &mut [u8],
        on_frame: &mut dyn FnMut(Frame) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.session.received(Instant::now());
        while let Some(event) = self.websocket.decode(&mut input)? {
            match event {
                Event::Text(payload) | Event::Binary(payload) => {
                    let mut octets: &[u8] = &payload;
                    while let Some(decoded) = self.decoder.decode(&mut octets)? {
                        if let Decoded::Frame(frame) = decoded {
                            dispatch(&mut self.session, frame, on_frame)?;
                        }
                    }
                }
                Event::Ping(payload) => self.queue_as(Opcode::Pong, &payload)?,
                Event::Pong(_) => {}
                Event::Close(close) => return Err(closed(close)),
            }
        }
        Ok(())
    }
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

fn closed(close: Option<stompline_ws::Close>) -> ClientError {
    ClientError::Closed(match close {
        Some(close) => format!("{} {}", close.code, close.reason),
        None => "without a code".to_owned(),
    })
}

/// The receipt that a RECEIPT answers.
pub fn receipt_of(frame: &Frame) -> Option<&str> {
    match frame.command {
        Command::Receipt => frame.headers.find("receipt-id"),
        _ => None,
    }
}
