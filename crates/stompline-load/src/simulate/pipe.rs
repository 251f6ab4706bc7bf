//! A client without a socket: what the server writes is read on the spot, and what the client has to
//! say is there when the server reads. An open one holds nothing but its place.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use memchr::memmem::Finder;
use stompline_proto::{Command, Frame, Version, encode};
use stompline_ws::{Opcode, write_masked};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::tally::Tally;
use crate::template::number_of;

/// Masks of frames that never leave this process.
const KEY: [u8; 4] = [1, 2, 3, 4];

/// What the client offers: a beat every 45 seconds, and to hear one every 20.
const HEARTBEAT: &str = "45000,20000";

/// The topic that all subscribe to.
pub(super) const TOPIC: &str = "/topic/load.all";

/// What each session subscribes to of its own.
pub(super) const QUEUE: &str = "/queue/messages";

/// The end of a head, and the header of a message for one: to prepare a search costs more than the
/// search.
static BLANK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n\n"));
static OWN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\nsubscription:q\n"));

/// One client and the connection between.
pub(super) struct Pipe {
    state: Mutex<State>,
    tally: Arc<Tally>,
}

struct State {
    /// What the server has not read yet.
    inbound: Vec<u8>,
    /// The beginning of something that the server has not written to its end.
    held: Vec<u8>,
    reader: Option<Waker>,
    stage: Stage,
    /// Broadcasts received, which are numbered.
    broadcasts: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Handshake,
    Connecting,
    Subscribing,
    Open,
    Over,
}

/// The server's end.
pub(super) struct ServerSide(pub(super) Arc<Pipe>);

impl Pipe {
    /// A client whose handshake request is ready to be read.
    pub(super) fn new(request: Vec<u8>, tally: Arc<Tally>) -> Self {
        Self {
            state: Mutex::new(State {
                inbound: request,
                held: Vec::new(),
                reader: None,
                stage: Stage::Handshake,
                broadcasts: 0,
            }),
            tally,
        }
    }

    /// Bytes of one, with the counts of its handle.
    pub(super) const fn size() -> usize {
        size_of::<Self>() + 2 * size_of::<usize>()
    }

    /// Lets the client send a heart-beat.
    pub(super) fn beat(&self) {
        let mut state = self.lock();
        write_masked(&mut state.inbound, Opcode::Text, b"\n", KEY);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let mut held = std::mem::take(&mut state.held);
        let taken = if held.is_empty() {
            state.take(bytes, &self.tally)
        } else {
            held.extend_from_slice(bytes);
            state.take(&held, &self.tally)
        };
        let all = if held.is_empty() { bytes } else { &held };
        state.held = all[taken..].to_vec();
        let reader = if state.inbound.is_empty() {
            None
        } else {
            state.reader.take()
        };
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl State {
    /// Takes what is whole. Returns how much that was.
    fn take(&mut self, bytes: &[u8], tally: &Tally) -> usize {
        let mut at = 0;
        if self.stage == Stage::Handshake {
            let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
                return 0;
            };
            at = end + 4;
            if bytes.starts_with(b"HTTP/1.1 101") {
                self.say(&connect());
                self.stage = Stage::Connecting;
            } else {
                self.fail(tally, &bytes[..end]);
            }
        }
        while let Some((payload, size)) = frame_of(&bytes[at..]) {
            self.hear(payload, tally);
            at += size;
        }
        at
    }

    fn hear(&mut self, payload: &[u8], tally: &Tally) {
        match self.stage {
            _ if payload == b"\n" => tally.beat(),
            Stage::Connecting if payload.starts_with(b"CONNECTED\n") => {
                self.say(&subscribe("q", &format!("/user{QUEUE}")));
                self.say(&subscribe("t", TOPIC).header("receipt", "r"));
                self.stage = Stage::Subscribing;
            }
            Stage::Subscribing if payload.starts_with(b"RECEIPT\n") => {
                self.stage = Stage::Open;
                tally.open();
            }
            Stage::Open if payload.starts_with(b"MESSAGE\n") => self.message(payload, tally),
            _ => self.fail(tally, payload),
        }
    }

    fn message(&mut self, payload: &[u8], tally: &Tally) {
        let body = BLANK.find(payload).map(|end| &payload[end + 2..]);
        if OWN.find(payload).is_some() {
            tally.single();
        } else if body.and_then(number_of) == Some(self.broadcasts) {
            self.broadcasts += 1;
            tally.broadcast();
        } else {
            self.fail(tally, payload);
        }
    }

    fn say(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        encode(frame, Version::V1_2, &mut bytes);
        write_masked(&mut self.inbound, Opcode::Text, &bytes, KEY);
    }

    fn fail(&mut self, tally: &Tally, what: &[u8]) {
        self.stage = Stage::Over;
        tally.fail(what);
    }
}

impl AsyncRead for ServerSide {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.inbound.is_empty() {
            if state.stage == Stage::Over {
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = state.inbound.len().min(buffer.remaining());
        buffer.put_slice(&state.inbound[..count]);
        if count == state.inbound.len() {
            state.inbound = Vec::new();
        } else {
            state.inbound.drain(..count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServerSide {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.written(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn connect() -> Frame {
    Frame::new(Command::Connect)
        .header("accept-version", "1.2")
        .header("host", "localhost")
        .header("heart-beat", HEARTBEAT)
}

fn subscribe(id: &str, destination: &str) -> Frame {
    Frame::new(Command::Subscribe)
        .header("id", id)
        .header("destination", destination)
}

/// The payload of the unmasked frame at the front, and the frame's whole size; `None` if it is not
/// all there.
fn frame_of(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let short = usize::from(*bytes.get(1)? & 0x7f);
    let (length, head): (usize, usize) = match short {
        126 => {
            let long: [u8; 2] = bytes.get(2..4)?.try_into().ok()?;
            (usize::from(u16::from_be_bytes(long)), 4)
        }
        127 => {
            let long: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (usize::try_from(u64::from_be_bytes(long)).ok()?, 10)
        }
        short => (short, 2),
    };
    let payload = bytes.get(head..head.checked_add(length)?)?;
    Some((payload, head + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_where_they_end() {
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x81, 126, 1, 0];
        bytes.extend([b'x'; 256]);
        assert_eq!(frame_of(&bytes), Some((&b"hi"[..], 4)));
        assert_eq!(frame_of(&bytes[4..]), Some((&[b'x'; 256][..], 260)));
        assert_eq!(frame_of(&bytes[4..259]), None);
        assert_eq!(frame_of(&[0x81]), None);
    }

    #[test]
    fn client_says_what_the_server_waits_for() {
        let tally = Arc::new(Tally::default());
        let pipe = Pipe::new(Vec::new(), Arc::clone(&tally));
        let say = |payload: &[u8]| {
            let mut bytes = Vec::new();
            stompline_ws::write_header(&mut bytes, Opcode::Text, payload.len());
            bytes.extend_from_slice(payload);
            // However it is cut.
            for byte in bytes {
                pipe.written(&[byte]);
            }
        };
        pipe.written(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        say(b"CONNECTED\nversion:1.2\n\n\0");
        say(b"RECEIPT\nreceipt-id:r\n\n\0");
        say(b"\n");
        say(b"MESSAGE\nsubscription:t\n\n00000000000000000000\0");
        say(b"MESSAGE\nsubscription:q\n\nhi\0");
        let counted = (
            tally.opened(),
            tally.beats(),
            tally.broadcasts(),
            tally.singles(),
        );
        assert_eq!(counted, (1, 1, 1, 1));
        assert_eq!(tally.fault(), None);
        say(b"MESSAGE\nsubscription:t\n\n00000000000000000000\0");
        assert!(tally.fault().is_some(), "the first broadcast came twice");
    }
}
