use std::{fmt, mem, sync::Arc};

use crate::{Command, Frame, Version};

mod body;
mod error;
mod escape;
mod head;
mod limit;
mod scan;

pub use error::DecodeError;
pub use limit::DecodeLimits;

use body::Body;
use head::Head;

/// Whose frames a [`Decoder`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A server, which reads the frames of clients.
    Server,
    /// A client, which reads the frames of a server.
    Client,
}

/// What [`Decoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A whole frame.
    Frame(Frame),
    /// One or more line ends between frames: a sign of life that asks for no answer.
    Heartbeat,
}

/// Turns octets into frames, however the stream is cut.
///
/// A frame that lies in the input as a whole is decoded straight from it. What is there of an
/// unfinished frame is kept inside, within the limits: a head or a body that will pass them is
/// refused when that is known, not when it has arrived. Between frames the decoder holds no memory
/// but its own few octets.
///
/// Rules of one version that clients of others break in practice are not enforced: CR LF ends a line
/// in every version, and so does LF. A CR elsewhere in a head is an error, and so is a NUL, which
/// means that the blank line behind the headers was forgotten. In 1.0 blanks around names and values
/// are dropped, as servers of its time did; later versions keep them. In 1.1 the escape `\r` is an
/// error, as its text demands.
///
/// The decoder follows the session: behind a CONNECT (or, on a client, a CONNECTED) it goes on with
/// the version agreed there and with the limits for open sessions. Before that, headers are taken
/// literally. `content-length` is consumed: it is not among the headers of the frame.
///
/// ```
/// use stompline_proto::{DecodeLimits, Decoded, Decoder, Side};
///
/// let mut decoder = Decoder::new(Side::Server, DecodeLimits::default());
/// let mut input: &[u8] = b"CONNECT\naccept-version:1.2\n\n\0SEND\ndestina";
/// let Some(Decoded::Frame(connect)) = decoder.decode(&mut input)? else { panic!() };
/// assert_eq!(connect.headers.find("accept-version"), Some("1.2"));
/// assert_eq!(decoder.decode(&mut input)?, None);
///
/// let mut input: &[u8] = b"tion:/app/send\n\nhello\0\n";
/// let Some(Decoded::Frame(send)) = decoder.decode(&mut input)? else { panic!() };
/// assert_eq!(send.body, "hello");
/// assert_eq!(decoder.decode(&mut input)?, Some(Decoded::Heartbeat));
/// # Ok::<(), stompline_proto::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Arc<DecodeLimits>,
    stage: Stage,
    side: Side,
    /// Unknown until CONNECT (on a client CONNECTED) has been read.
    version: Option<Version>,
    /// A CR between frames waits for its LF.
    carriage_return: bool,
}

/// Where in the stream the next octet belongs. What is large or rare is boxed: most decoders are
/// between frames.
enum Stage {
    Between,
    Head(Box<Head>),
    Body(Box<Body>),
    Failed(Box<Failure>),
}

/// An error and what is known of the frame it was found in.
#[derive(Clone)]
struct Failure {
    error: DecodeError,
    receipt: Option<String>,
}

impl Decoder {
    /// A decoder at the start of a stream. Give an `Arc` of limits where many decoders share them.
    pub fn new(side: Side, limits: impl Into<Arc<DecodeLimits>>) -> Self {
        Self {
            limits: limits.into(),
            stage: Stage::Between,
            side,
            version: None,
            carriage_return: false,
        }
    }

    /// Decodes the next frame or heart-beat and moves `input` behind it.
    ///
    /// `None` means that the input is used up; call again with what comes next. Call in a loop until
    /// then, since one input may hold many frames. A run of line ends is one heart-beat.
    ///
    /// # Errors
    ///
    /// The stream can not be understood any further: the rest of `input` is dropped, and each later
    /// call fails the same way. Send [`DecodeError::to_frame`] with [`Decoder::failed_receipt`] and
    /// close.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Decoded>, DecodeError> {
        self.advance(input).map_err(|failure| {
            *input = &[];
            let error = failure.error.clone();
            self.stage = Stage::Failed(Box::new(failure));
            error
        })
    }

    /// Goes on with this version, whatever the frames said.
    pub fn set_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// The version agreed; 1.0, which takes everything literally, as long as there is none.
    pub fn version(&self) -> Version {
        self.version.unwrap_or(Version::V1_0)
    }

    /// Whether no part of a frame is held.
    pub fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Between)
    }

    /// Octets of memory held for an unfinished frame: at most the limit of a frame, and 24 for each of
    /// its headers.
    pub fn held_bytes(&self) -> usize {
        match &self.stage {
            Stage::Between | Stage::Failed(_) => 0,
            Stage::Head(head) => head.held_bytes(),
            Stage::Body(body) => body.held_bytes(),
        }
    }

    /// The `receipt` header of the frame that failed, if it stood before the fault.
    pub fn failed_receipt(&self) -> Option<&str> {
        match &self.stage {
            Stage::Failed(failure) => failure.receipt.as_deref(),
            _ => None,
        }
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Decoded>, Failure> {
        match mem::replace(&mut self.stage, Stage::Between) {
            Stage::Between => {
                if self.skip_line_ends(input)? {
                    return Ok(Some(Decoded::Heartbeat));
                }
                if input.is_empty() {
                    return Ok(None);
                }
                self.read_head(Head::default(), input)
            }
            Stage::Head(head) => self.read_head(*head, input),
            Stage::Body(body) => self.read_body(*body, input),
            Stage::Failed(failure) => Err(*failure),
        }
    }

    /// Skips LF and CR LF; tells whether there was a whole one.
    fn skip_line_ends(&mut self, input: &mut &[u8]) -> Result<bool, Failure> {
        let mut found = false;
        while let Some((&byte, rest)) = input.split_first() {
            match byte {
                b'\n' => {
                    self.carriage_return = false;
                    found = true;
                }
                b'\r' if !self.carriage_return => self.carriage_return = true,
                _ if self.carriage_return => return Err(DecodeError::LoneCarriageReturn.into()),
                _ => break,
            }
            *input = rest;
        }
        Ok(found)
    }

    fn read_head(&mut self, mut head: Head, input: &mut &[u8]) -> Result<Option<Decoded>, Failure> {
        let context = head::Context {
            limits: &self.limits,
            frame_bytes_max: self.frame_bytes_max(),
            side: self.side,
            version: self.version,
        };
        if let Some(body) = head.read(input, &context)? {
            return self.read_body(body, input);
        }
        self.stage = Stage::Head(Box::new(head));
        Ok(None)
    }

    fn read_body(&mut self, mut body: Body, input: &mut &[u8]) -> Result<Option<Decoded>, Failure> {
        let whole = body
            .read(input, self.frame_bytes_max())
            .map_err(|error| body.fail(error))?;
        let Some(octets) = whole else {
            self.stage = Stage::Body(Box::new(body));
            return Ok(None);
        };
        let frame = body.into_frame(octets);
        if self.version.is_none() {
            self.version = agreed_by(self.side, &frame);
        }
        Ok(Some(Decoded::Frame(frame)))
    }

    fn frame_bytes_max(&self) -> usize {
        let bytes_max = if self.side == Side::Server && self.version.is_none() {
            self.limits.frame_bytes_max_before_connect
        } else {
            self.limits.frame_bytes_max
        };
        // Places in a head are kept as 32-bit numbers.
        bytes_max.min(u32::MAX as usize)
    }
}

/// The version that holds behind this frame, if the frame settles it.
fn agreed_by(side: Side, frame: &Frame) -> Option<Version> {
    match (side, frame.command) {
        (Side::Server, Command::Connect | Command::Stomp) => {
            Version::negotiate(frame.headers.find("accept-version"))
        }
        (Side::Client, Command::Connected) => {
            frame.headers.find("version").unwrap_or("1.0").parse().ok()
        }
        _ => None,
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between => f.write_str("Between"),
            Self::Head(head) => write!(f, "Head({} bytes)", head.held_bytes()),
            Self::Body(body) => write!(f, "Body({} bytes)", body.held_bytes()),
            Self::Failed(failure) => f.debug_tuple("Failed").field(&failure.error).finish(),
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self {
            error,
            receipt: None,
        }
    }
}

/// Appends to a buffer that never takes more memory than `bytes_max`.
fn append(buffer: &mut Vec<u8>, octets: &[u8], bytes_max: usize) {
    let needed = buffer.len() + octets.len();
    if needed > buffer.capacity() {
        let target = needed.max(buffer.capacity() * 2).min(bytes_max.max(needed));
        buffer.reserve_exact(target - buffer.len());
    }
    buffer.extend_from_slice(octets);
}
