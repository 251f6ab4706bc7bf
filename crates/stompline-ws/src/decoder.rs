//! Reading frames (RFC 6455 §5) into whole messages.

#![expect(
    clippy::mut_mut,
    reason = "a slice that shrinks from the front while parts of it are handed out"
)]

mod assembly;
mod kept;

use std::fmt;
use std::mem;

use self::assembly::Assembly;
use self::kept::Kept;
use crate::frame::{CONTROL_BYTES_MAX, HEADER_BYTES_MAX, Header, Opcode};
use crate::mask::Key;
use crate::{Close, Error, Event, Limits, Payload};

/// Which end of the connection decodes. A server takes masked frames only, a client unmasked
/// ones only (RFC 6455 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads what a client sent.
    Server,
    /// Reads what a server sent.
    Client,
}

/// Turns received bytes into [`Event`]s, for any cut of the stream.
///
/// The decoder has no input buffer: a message that lies whole in the input is unmasked in place
/// and handed out borrowed. Only a message that is cut or fragmented is collected on the heap,
/// growing with what really came, never over [`Limits::message_bytes_max`], and forgotten when it
/// is handed out. Between messages the decoder holds no heap memory.
///
/// Text is checked while it comes: the first byte that cannot belong to UTF-8 is refused even if
/// the frame is not complete (§8.1).
pub struct Decoder {
    role: Role,
    limits: Limits,
    phase: Phase,
    message: Assembly,
    /// The control frame that is not complete, if any. It has its own place because it may stand
    /// between fragments.
    control: Option<Box<Kept<CONTROL_BYTES_MAX>>>,
}

/// What the next byte belongs to.
enum Phase {
    /// A new header.
    Start,
    /// A header whose beginning came with an earlier input.
    Header(Kept<HEADER_BYTES_MAX>),
    Payload(Frame),
    /// Nothing: after a Close or an error nothing is read any more (§5.5.1, §7.1.7).
    Ended,
}

/// A frame whose payload is being read.
#[derive(Clone, Copy)]
struct Frame {
    remaining: usize,
    /// Turned so that it fits the next byte.
    key: Key,
    opcode: Opcode,
    fin: bool,
}

impl Decoder {
    /// A decoder for the bytes behind the opening handshake.
    pub const fn new(role: Role, limits: Limits) -> Self {
        Self {
            role,
            limits,
            phase: Phase::Start,
            message: Assembly::EMPTY,
            control: None,
        }
    }

    /// Consumes bytes from the front of `input`, unmasking them in place, up to the end of the
    /// next event. `None` means that all of `input` was consumed and more is needed; what belongs
    /// to an unfinished frame is kept inside.
    ///
    /// After a [`Event::Close`] or an error all further input is discarded and the outcome is
    /// `None` (§5.5.1, §7.1.7).
    pub fn decode<'a>(&mut self, input: &mut &'a mut [u8]) -> Result<Option<Event<'a>>, Error> {
        let outcome = self.advance(input);
        if matches!(outcome, Err(_) | Ok(Some(Event::Close(_)))) {
            self.end();
            *input = &mut [];
        }
        outcome
    }

    /// Whether a Close or an error has ended the stream.
    pub const fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Heap bytes held for an unfinished message or control frame; 0 between frames of different
    /// messages.
    pub fn held_bytes(&self) -> usize {
        self.message.capacity() + self.control.as_deref().map_or(0, size_of_val)
    }

    fn advance<'a>(&mut self, input: &mut &'a mut [u8]) -> Result<Option<Event<'a>>, Error> {
        loop {
            let frame = match self.phase {
                Phase::Payload(frame) => frame,
                Phase::Start | Phase::Header(_) => match self.read_header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
                Phase::Ended => {
                    *input = &mut [];
                    return Ok(None);
                }
            };
            let event = self.read_payload(frame, input)?;
            if event.is_some() || input.is_empty() {
                return Ok(event);
            }
        }
    }

    /// Reads a whole header, or keeps what there is of it.
    fn read_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Frame>, Error> {
        let mut kept = match self.phase {
            Phase::Header(kept) => kept,
            _ => match self.parse_header(input)? {
                Some((frame, size)) => {
                    take(input, size);
                    return Ok(Some(frame));
                }
                None => Kept::EMPTY,
            },
        };
        while !input.is_empty() {
            kept.push(take(input, 1));
            if let Some((frame, _)) = self.parse_header(kept.as_slice())? {
                return Ok(Some(frame));
            }
        }
        if !kept.as_slice().is_empty() {
            self.phase = Phase::Header(kept);
        }
        Ok(None)
    }

    /// The frame that begins `bytes` and the size of its header; `None` when bytes are missing.
    #[expect(
        clippy::inline_always,
        reason = "a frame returned through memory stalls its reader: 19 ns for each message"
    )]
    #[inline(always)]
    fn parse_header(&self, bytes: &[u8]) -> Result<Option<(Frame, usize)>, Error> {
        let Some(header) = Header::parse(bytes, self.role)? else {
            return Ok(None);
        };
        let remaining = self.admit(header)?;
        let (key, size) = match self.role {
            Role::Client => (Key::NONE, header.size),
            Role::Server => match bytes[header.size..].first_chunk() {
                Some(key) => (Key::new(*key), header.size + 4),
                None => return Ok(None),
            },
        };
        let frame = Frame {
            remaining,
            key,
            opcode: header.opcode,
            fin: header.fin,
        };
        Ok(Some((frame, size)))
    }

    /// Checks a frame against the message in progress (§5.4) and against the limits, and returns
    /// its length.
    fn admit(&self, header: Header) -> Result<usize, Error> {
        match (header.opcode, self.message.kind()) {
            (Opcode::Continuation, None) => return Err(Error::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Error::UnfinishedMessage),
            _ => {}
        }
        let Limits {
            message_bytes_max,
            frame_bytes_max,
        } = self.limits;
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        if header.opcode.is_control() {
            return Ok(len);
        }
        if len > frame_bytes_max {
            return Err(Error::FrameTooBig {
                len: header.len,
                max: frame_bytes_max,
            });
        }
        if len > message_bytes_max - self.message.len() {
            return Err(Error::MessageTooBig {
                len: header.len.saturating_add(self.message.len() as u64),
                max: message_bytes_max,
            });
        }
        Ok(len)
    }

    /// Consumes what `input` has of the payload; an event if it completes one.
    fn read_payload<'a>(
        &mut self,
        mut frame: Frame,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Event<'a>>, Error> {
        let len = frame.remaining.min(input.len());
        let part = take(input, len);
        let ascii = frame.key.apply(part);
        frame.remaining -= len;
        frame.key = frame.key.after(len);
        let complete = frame.remaining == 0;
        self.phase = if complete {
            Phase::Start
        } else {
            Phase::Payload(frame)
        };
        // Nothing is begun for a bare header, so that a payload which the next input has in one
        // piece can still be borrowed.
        if len == 0 && !complete {
            return Ok(None);
        }
        if frame.opcode.is_control() {
            self.read_control(frame.opcode, part, complete)
        } else {
            self.read_data(frame, part, ascii)
        }
    }

    fn read_data<'a>(
        &mut self,
        frame: Frame,
        part: &'a [u8],
        ascii: bool,
    ) -> Result<Option<Event<'a>>, Error> {
        let done = frame.fin && frame.remaining == 0;
        let kind = match self.message.kind() {
            Some(kind) => kind,
            None if done => return whole(frame.opcode, part, ascii).map(Some),
            None => {
                self.message.begin(frame.opcode);
                frame.opcode
            }
        };
        let ceiling = if frame.fin {
            self.message.len() + part.len() + frame.remaining
        } else {
            self.limits.message_bytes_max
        };
        self.message.append(part, ceiling);
        self.message.check(part.len(), ascii, done)?;
        if !done {
            return Ok(None);
        }
        let payload = Payload::Owned(self.message.finish());
        Ok(Some(data(kind, payload)))
    }

    fn read_control<'a>(
        &mut self,
        opcode: Opcode,
        part: &'a [u8],
        complete: bool,
    ) -> Result<Option<Event<'a>>, Error> {
        if complete && self.control.is_none() {
            return control(opcode, Payload::Borrowed(part)).map(Some);
        }
        let kept = self.control.get_or_insert_with(|| Box::new(Kept::EMPTY));
        kept.push(part);
        if !complete {
            if opcode == Opcode::Close {
                Close::check_beginning(kept.as_slice())?;
            }
            return Ok(None);
        }
        let payload = Payload::Owned(kept.as_slice().to_vec());
        self.control = None;
        control(opcode, payload).map(Some)
    }

    fn end(&mut self) {
        *self = Self {
            phase: Phase::Ended,
            ..Self::new(self.role, self.limits)
        };
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("role", &self.role)
            .field("limits", &self.limits)
            .field("held_bytes", &self.held_bytes())
            .field("is_ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

/// Splits `len` bytes off the front of `input`.
fn take<'a>(input: &mut &'a mut [u8], len: usize) -> &'a mut [u8] {
    let (front, rest) = mem::take(input).split_at_mut(len);
    *input = rest;
    front
}

/// A message that lies whole in the input.
fn whole(kind: Opcode, payload: &[u8], ascii: bool) -> Result<Event<'_>, Error> {
    if kind == Opcode::Text && !ascii && simdutf8::basic::from_utf8(payload).is_err() {
        return Err(Error::InvalidUtf8);
    }
    Ok(data(kind, Payload::Borrowed(payload)))
}

fn data(kind: Opcode, payload: Payload<'_>) -> Event<'_> {
    if kind == Opcode::Text {
        Event::Text(payload)
    } else {
        Event::Binary(payload)
    }
}

fn control(opcode: Opcode, payload: Payload<'_>) -> Result<Event<'_>, Error> {
    Ok(match opcode {
        Opcode::Ping => Event::Ping(payload),
        Opcode::Pong => Event::Pong(payload),
        _ => Event::Close(Close::parse(&payload)?),
    })
}
