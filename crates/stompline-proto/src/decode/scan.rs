use super::{DecodeError, DecodeLimits};
use crate::{Command, header::Span};

/// UNSUBSCRIBE with CR takes 12; a frame with an invented command is read for its receipt.
const COMMAND_LINE_BYTES_MAX: usize = 24;

/// Most frames have fewer headers, so that their spans are allocated once.
const SPANS_EXPECTED: usize = 8;

/// Finds the lines of a head and how far that has come.
///
/// Limits are applied to what was seen of a line, so that it is refused at the first octet too many.
#[derive(Default)]
pub(super) struct Scan {
    /// Known when the first line has ended, if there is such a command.
    pub(super) command: Option<Command>,
    /// The header lines that have ended, relative to the head's first octet.
    pub(super) spans: Vec<Span>,
    line: Line,
}

/// The line being read.
#[derive(Default)]
struct Line {
    /// Octets of the head before it.
    start: usize,
    /// Octets of it seen.
    bytes: usize,
    /// Octets before its colon, once that was seen.
    name_bytes: Option<usize>,
    /// Whether the last octet seen is a CR.
    carriage_return: bool,
}

impl Scan {
    /// Looks through `input`, which follows `before`; returns where in `input` the head ends.
    pub(super) fn read(
        &mut self,
        before: &[u8],
        input: &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<usize>, DecodeError> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let end = memchr::memchr2(b'\n', 0, rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            if self.line.start == 0 {
                // All that was seen before belongs to the first line.
                self.read_command(before, part, end.is_some())?;
            } else {
                self.read_header(part, limits)?;
            }
            let Some(end) = end else { return Ok(None) };
            if rest[end] == 0 {
                return Err(DecodeError::NulInHead);
            }
            at += end + 1;
            if self.end_line(before.len() + at, limits)? {
                return Ok(Some(at));
            }
        }
    }

    /// Refuses a command line that can be no command of any protocol like this one, as soon as that is seen.
    fn read_command(
        &mut self,
        before: &[u8],
        part: &[u8],
        is_whole: bool,
    ) -> Result<(), DecodeError> {
        let mut line = [0; COMMAND_LINE_BYTES_MAX];
        let bytes = before.len() + part.len();
        if bytes > line.len() {
            return Err(DecodeError::UnknownCommand);
        }
        line[..before.len()].copy_from_slice(before);
        line[before.len()..bytes].copy_from_slice(part);
        let line = &line[..bytes];
        let name = line.strip_suffix(b"\r").unwrap_or(line);
        if is_whole {
            self.command = Command::from_bytes(name);
        }
        if self.command.is_some() || is_word(name) {
            Ok(())
        } else {
            Err(DecodeError::UnknownCommand)
        }
    }

    /// Takes a further part of a header line, its LF excluded.
    fn read_header(&mut self, part: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
        if let Some(&last) = part.last() {
            self.line.carriage_return = last == b'\r';
        }
        let seen = self.line.bytes + part.len();
        // Anything but the line end of the blank line starts a further header.
        if seen > usize::from(self.line.carriage_return) && self.spans.len() >= limits.headers_max {
            return Err(DecodeError::TooManyHeaders {
                headers_max: limits.headers_max,
            });
        }
        if self.line.name_bytes.is_none() {
            self.read_name(part, limits.header_name_bytes_max)?;
        }
        self.line.bytes = seen;
        // One octet too many may still turn out to be the CR of the line's end.
        self.check_value(1, limits)
    }

    /// Looks for the colon no further than a name may reach.
    fn read_name(&mut self, part: &[u8], bytes_max: usize) -> Result<(), DecodeError> {
        let line = self.spans.len() + 1;
        let left = (bytes_max + 1).saturating_sub(self.line.bytes);
        match memchr::memchr(b':', &part[..part.len().min(left)]) {
            Some(at) if self.line.bytes + at == 0 => Err(DecodeError::EmptyHeaderName { line }),
            Some(at) => {
                self.line.name_bytes = Some(self.line.bytes + at);
                Ok(())
            }
            None if part.len() >= left => Err(DecodeError::HeaderNameTooLong { line, bytes_max }),
            None => Ok(()),
        }
    }

    /// Ends the line behind its LF, where `next` starts; true if it was the blank line.
    fn end_line(&mut self, next: usize, limits: &DecodeLimits) -> Result<bool, DecodeError> {
        // The line of the command has no length: its octets were not counted.
        if self.line.start > 0 {
            self.line.bytes -= usize::from(self.line.carriage_return);
            if self.line.bytes == 0 {
                return Ok(true);
            }
            self.end_header(limits)?;
        }
        self.line = Line {
            start: next,
            ..Line::default()
        };
        Ok(false)
    }

    fn end_header(&mut self, limits: &DecodeLimits) -> Result<(), DecodeError> {
        let Some(name_bytes) = self.line.name_bytes else {
            return Err(DecodeError::MissingColon {
                line: self.spans.len() + 1,
            });
        };
        self.check_value(0, limits)?;
        if self.spans.is_empty() {
            self.spans.reserve(SPANS_EXPECTED.min(limits.headers_max));
        }
        let Line { start, bytes, .. } = self.line;
        self.spans
            .push(Span::new(start, start + name_bytes, start + bytes));
        Ok(())
    }

    fn check_value(&self, excess: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
        let bytes_max = limits.header_value_bytes_max;
        match self.line.name_bytes {
            Some(name_bytes) if self.line.bytes - name_bytes - 1 > bytes_max + excess => {
                Err(DecodeError::HeaderValueTooLong {
                    line: self.spans.len() + 1,
                    bytes_max,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a frame may have been meant: HTTP and binary protocols are refused at their first octets.
fn is_word(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
