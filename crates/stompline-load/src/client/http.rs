//! A kept-alive HTTP/1.1 connection with one request at a time.

use std::io;

use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;

use super::ClientError;
use super::incoming::{read_into_buffer, read_once};
use super::outgoing::Outgoing;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of an answer at most.
const HEADERS_MAX: usize = 64;

/// Takes the parts of an answer's body, with its status.
type BodySink<'a> = dyn FnMut(u16, &[u8]) -> Result<(), ClientError> + 'a;

/// A connection and how far its answer has been read.
pub(super) struct Http {
    stream: TcpStream,
    pub(super) out: Outgoing,
    /// Bytes of a head or of a chunk's size line that are not complete.
    held: Vec<u8>,
    phase: Phase,
    status: u16,
    /// The server closes behind the answer.
    is_last: bool,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request is under way.
    Free,
    Head,
    /// A body that is this long still.
    Body(usize),
    /// The line with a chunk's size.
    Size,
    /// A chunk, with the line end behind it, that is this long still.
    Chunk(usize),
    /// The line behind the last chunk.
    Trailer,
}

impl Http {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            out: Outgoing::default(),
            held: Vec::new(),
            phase: Phase::Free,
            status: 0,
            is_last: false,
        }
    }

    /// Whether the last answer was the last one on this connection.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Whether no answer is awaited.
    pub(super) fn is_free(&self) -> bool {
        self.phase == Phase::Free
    }

    /// Queues a POST.
    pub(super) fn post(&mut self, head: &str, body: &[u8]) {
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        self.out.bytes.extend_from_slice(head.as_bytes());
        self.out.bytes.extend_from_slice(body);
        self.phase = Phase::Head;
    }

    pub(super) async fn ready(&self) -> io::Result<Ready> {
        let interest = if self.out.waiting_bytes() > 0 {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        self.stream.ready(interest).await
    }

    /// Writes what is queued. Returns whether the socket took anything.
    pub(super) fn write(&mut self) -> Result<bool, ClientError> {
        self.out
            .write(&self.stream)
            .map_err(ClientError::io("writing"))
    }

    /// Reads once; the parts of an answer's body go to `on_body`. Returns whether there was anything.
    pub(super) fn read(&mut self, on_body: &mut BodySink<'_>) -> Result<bool, ClientError> {
        read_into_buffer(|buffer| match read_once(&mut self.stream, buffer) {
            Ok(0) => Err(ClientError::end_of_stream()),
            Ok(count) => self.take(&buffer[..count], on_body).map(|()| true),
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(why) => Err(ClientError::io("reading")(why)),
        })
    }

    fn take(&mut self, mut input: &[u8], on_body: &mut BodySink<'_>) -> Result<(), ClientError> {
        while !input.is_empty() {
            match self.phase {
                Phase::Free => return Err(bad("bytes came that nobody had asked for")),
                Phase::Head => {
                    self.take_head(&mut input)?;
                    if self.phase != Phase::Head {
                        on_body(self.status, b"")?;
                    }
                }
                Phase::Body(left) => {
                    let part = split(&mut input, left);
                    on_body(self.status, part)?;
                    self.phase = match left - part.len() {
                        0 => Phase::Free,
                        left => Phase::Body(left),
                    };
                }
                Phase::Size => self.take_size(&mut input)?,
                Phase::Chunk(left) => {
                    let part = split(&mut input, left);
                    // The last two bytes are the line end.
                    let data = part.len().min(left.saturating_sub(2));
                    on_body(self.status, &part[..data])?;
                    self.phase = match left - part.len() {
                        0 => Phase::Size,
                        left => Phase::Chunk(left),
                    };
                }
                Phase::Trailer => {
                    if let Some(line) = self.line(&mut input)?
                        && line.is_empty()
                    {
                        self.phase = Phase::Free;
                    }
                }
            }
        }
        Ok(())
    }

    fn take_head(&mut self, input: &mut &[u8]) -> Result<(), ClientError> {
        let before = self.held.len();
        self.held.extend_from_slice(input);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.held);
        match parsed.map_err(|why| bad(&why.to_string()))? {
            httparse::Status::Partial if self.held.len() > HEAD_BYTES_MAX => {
                return Err(bad("the head of an answer does not end"));
            }
            httparse::Status::Partial => *input = &[],
            httparse::Status::Complete(end) => {
                self.status = response.code.unwrap_or(0);
                self.is_last = response.headers.iter().any(|header| {
                    header.name.eq_ignore_ascii_case("connection")
                        && header.value.eq_ignore_ascii_case(b"close")
                });
                self.phase = body_phase(self.status, response.headers)?;
                *input = &input[end - before..];
                self.held.clear();
            }
        }
        Ok(())
    }

    fn take_size(&mut self, input: &mut &[u8]) -> Result<(), ClientError> {
        let Some(line) = self.line(input)? else {
            return Ok(());
        };
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16);
        self.phase = match size.map_err(|_| bad("a chunk has no size"))? {
            0 => Phase::Trailer,
            size => Phase::Chunk(size.saturating_add(2)),
        };
        Ok(())
    }

    /// The next line without its end, when it is complete.
    fn line(&mut self, input: &mut &[u8]) -> Result<Option<String>, ClientError> {
        let end = memchr::memchr(b'\n', input);
        let part = split(input, end.map_or(input.len(), |end| end + 1));
        self.held.extend_from_slice(part);
        if end.is_none() {
            let long = self.held.len() > HEAD_BYTES_MAX;
            return if long {
                Err(bad("a line does not end"))
            } else {
                Ok(None)
            };
        }
        let line = String::from_utf8_lossy(&self.held).trim_end().to_owned();
        self.held.clear();
        Ok(Some(line))
    }
}

fn body_phase(status: u16, headers: &[httparse::Header<'_>]) -> Result<Phase, ClientError> {
    let find = |name: &str| {
        let header = headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    if find("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return Ok(Phase::Size);
    }
    match find("content-length").map(str::parse) {
        Some(Ok(0)) => Ok(Phase::Free),
        Some(Ok(length)) => Ok(Phase::Body(length)),
        Some(Err(_)) => Err(bad("content-length is not a number")),
        None if status == 204 => Ok(Phase::Free),
        None => Err(bad("an answer has neither a length nor chunks")),
    }
}

fn split<'a>(input: &mut &'a [u8], at: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(at.min(input.len()));
    *input = rest;
    part
}

fn bad(what: &str) -> ClientError {
    ClientError::Http(what.to_owned())
}
