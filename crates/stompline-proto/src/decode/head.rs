use std::str;

use super::{Body, DecodeError, DecodeLimits, Failure, Side, append};
use crate::{Command, Frame, Headers, Version, decode::agreed_by};

/// The longest command line: UNSUBSCRIBE with CR.
const COMMAND_LINE_BYTES_MAX: usize = 12;

/// What clients of STOMP 1.0 pad names and values with.
const BLANKS: [char; 2] = [' ', '\t'];

/// A frame's command and headers, up to the blank line.
///
/// Reading goes in two steps. The scan looks at every octet once, as it comes, and applies every
/// limit; it needs no memory for lines that are cut. When the blank line is found, the whole head is
/// parsed at once, from the input if it lies there in one piece.
#[derive(Default)]
pub(super) struct Head {
    /// The octets of earlier inputs.
    raw: Vec<u8>,
    scan: Scan,
}

/// What holds while one input is read.
pub(super) struct Context<'a> {
    pub(super) limits: &'a DecodeLimits,
    pub(super) frame_bytes_max: usize,
    pub(super) side: Side,
    pub(super) version: Option<Version>,
}

/// How far the scan has come.
#[derive(Default)]
struct Scan {
    /// Lines that have ended, the command's included.
    lines: usize,
    /// Octets of the present line.
    line_bytes: usize,
    /// Octets before the colon of the present line, once the colon was seen.
    name_bytes: Option<usize>,
    /// Whether the octet before was a CR.
    carriage_return: bool,
}

impl Head {
    /// Takes the head's octets from `input`, at most up to the blank line; then it returns the body
    /// that follows, still to be read.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        context: &Context<'_>,
    ) -> Result<Option<Body>, Failure> {
        let left = context.frame_bytes_max.saturating_sub(self.raw.len());
        let visible = &input[..input.len().min(left)];
        match self.scan.read(&self.raw, visible, context.limits) {
            Ok(Some(end)) => {
                *input = &input[end..];
                self.finish(&visible[..end], context).map(Some)
            }
            Ok(None) if visible.len() < input.len() => {
                let error = DecodeError::FrameTooLarge {
                    bytes_max: context.frame_bytes_max,
                };
                Err(self.fail(visible, error, context))
            }
            Ok(None) => {
                append(&mut self.raw, visible, context.frame_bytes_max);
                *input = &[];
                Ok(None)
            }
            Err((at, error)) => Err(self.fail(&visible[..at], error, context)),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.raw.capacity()
    }

    fn finish(&mut self, last: &[u8], context: &Context<'_>) -> Result<Body, Failure> {
        let headers_len = self.scan.lines - 1;
        let joined;
        let raw = if self.raw.is_empty() {
            last
        } else {
            append(&mut self.raw, last, context.frame_bytes_max);
            joined = std::mem::take(&mut self.raw);
            &joined
        };
        let frame = parse(raw, headers_len, context).map_err(|error| Failure {
            error,
            receipt: find_receipt(raw, context.version),
        })?;
        // Only the CONNECT itself says which rules it follows.
        let version = context.version.or_else(|| agreed_by(context.side, &frame));
        Body::new(frame, raw.len(), version, context.frame_bytes_max)
    }

    fn fail(&self, last: &[u8], error: DecodeError, context: &Context<'_>) -> Failure {
        let raw = [&self.raw, last].concat();
        Failure {
            error,
            receipt: find_receipt(&raw, context.version),
        }
    }
}

impl Scan {
    /// Looks through `input`, which follows `before`. Returns where the head ends in it, or, for
    /// errors, how much of it was right.
    fn read(
        &mut self,
        before: &[u8],
        input: &[u8],
        limits: &DecodeLimits,
    ) -> Result<Option<usize>, (usize, DecodeError)> {
        let mut start = 0;
        loop {
            let rest = &input[start..];
            let end = memchr::memchr2(b'\n', 0, rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            let checked = if self.lines == 0 {
                check_command(before, part, end.is_some())
            } else {
                self.read_header(part, limits)
            };
            checked.map_err(|error| (start, error))?;
            let Some(end) = end else { return Ok(None) };
            if rest[end] == 0 {
                return Err((start, DecodeError::NulInHead));
            }
            if self.end_line(limits).map_err(|error| (start, error))? {
                return Ok(Some(start + end + 1));
            }
            start += end + 1;
        }
    }

    /// Takes a further part of a header line, its LF excluded.
    fn read_header(&mut self, part: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
        let line = self.lines;
        if self.name_bytes.is_none() {
            // A name that is too long need not be searched to its end.
            let left = (limits.header_name_bytes_max + 1).saturating_sub(self.line_bytes);
            match memchr::memchr(b':', &part[..part.len().min(left)]) {
                Some(at) if self.line_bytes + at == 0 => {
                    return Err(DecodeError::EmptyHeaderName { line });
                }
                Some(at) => self.name_bytes = Some(self.line_bytes + at),
                None if part.len() >= left => {
                    let bytes_max = limits.header_name_bytes_max;
                    return Err(DecodeError::HeaderNameTooLong { line, bytes_max });
                }
                None => {}
            }
        }
        self.line_bytes += part.len();
        if let Some(&last) = part.last() {
            self.carriage_return = last == b'\r';
        }
        // One octet more than allowed may still turn out to be the CR of the line's end.
        self.check_value(limits.header_value_bytes_max + 1, limits)
    }

    /// Ends the present line at an LF; true if it was the blank line.
    fn end_line(&mut self, limits: &DecodeLimits) -> Result<bool, DecodeError> {
        let line = self.lines;
        if line > 0 {
            self.line_bytes -= usize::from(self.carriage_return);
            if self.line_bytes == 0 {
                return Ok(true);
            }
            if line > limits.headers_max {
                return Err(DecodeError::TooManyHeaders {
                    headers_max: limits.headers_max,
                });
            }
            if self.name_bytes.is_none() {
                return Err(DecodeError::MissingColon { line });
            }
            self.check_value(limits.header_value_bytes_max, limits)?;
        }
        *self = Self {
            lines: line + 1,
            ..Self::default()
        };
        Ok(false)
    }

    fn check_value(&self, accepted: usize, limits: &DecodeLimits) -> Result<(), DecodeError> {
        match self.name_bytes {
            Some(name) if self.line_bytes - name - 1 > accepted => {
                let bytes_max = limits.header_value_bytes_max;
                Err(DecodeError::HeaderValueTooLong {
                    line: self.lines,
                    bytes_max,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a command line as soon as no command starts with it.
fn check_command(before: &[u8], part: &[u8], ended: bool) -> Result<(), DecodeError> {
    if before.len() + part.len() > COMMAND_LINE_BYTES_MAX {
        return Err(DecodeError::UnknownCommand);
    }
    let mut line = [0; COMMAND_LINE_BYTES_MAX];
    let len = before.len() + part.len();
    line[..before.len()].copy_from_slice(before);
    line[before.len()..len].copy_from_slice(part);
    let line = &line[..len];
    let possible = if ended {
        Command::from_bytes(line.strip_suffix(b"\r").unwrap_or(line)).is_some()
    } else {
        Command::may_start_with(line)
    };
    if possible {
        Ok(())
    } else {
        Err(DecodeError::UnknownCommand)
    }
}

/// Parses a whole head which has passed the scan.
fn parse(raw: &[u8], headers_len: usize, context: &Context<'_>) -> Result<Frame, DecodeError> {
    let text = str::from_utf8(raw).map_err(|_| DecodeError::BadUtf8)?;
    let (line, rest) = text.split_once('\n').ok_or(DecodeError::UnknownCommand)?;
    let command = Command::parse(without_cr(line)).ok_or(DecodeError::UnknownCommand)?;
    let escapes = context
        .version
        .filter(|&version| version >= Version::V1_1 && command.escapes_headers());
    let mut frame = Frame::new(command);
    frame.headers = if memchr::memchr2(b'\\', b'\r', rest.as_bytes()).is_none() {
        Headers::from_lines(&rest[..rest.len() - 1], headers_len)
    } else {
        parse_lines(rest, headers_len, escapes)?
    };
    if context.version.or_else(|| agreed_by(context.side, &frame)) == Some(Version::V1_0) {
        trim(&mut frame.headers)?;
    }
    Ok(frame)
}

/// Parses header lines that need care: they hold a backslash or a CR.
fn parse_lines(
    text: &str,
    headers_len: usize,
    escapes: Option<Version>,
) -> Result<Headers, DecodeError> {
    let mut headers = Headers::with_capacity(headers_len, text.len());
    let (mut name, mut value) = (String::new(), String::new());
    for (index, line) in text.split('\n').take(headers_len).enumerate() {
        let line = without_cr(line);
        if line.contains('\r') {
            return Err(DecodeError::LoneCarriageReturn);
        }
        let (raw_name, raw_value) = line.split_once(':').unwrap_or((line, ""));
        let Some(version) = escapes else {
            headers.push(raw_name, raw_value);
            continue;
        };
        unescape(raw_name, version, &mut name)
            .and_then(|()| unescape(raw_value, version, &mut value))
            .ok_or(DecodeError::BadEscape {
                line: index + 1,
                version,
            })?;
        headers.push(&name, &value);
    }
    Ok(headers)
}

/// Undoes the escapes of STOMP 1.1 or 1.2; `None` if there is one that the version does not have.
fn unescape(text: &str, version: Version, out: &mut String) -> Option<()> {
    out.clear();
    let mut parts = text.split('\\');
    out.push_str(parts.next()?);
    while let Some(part) = parts.next() {
        let mut rest = part.chars();
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('c') => out.push(':'),
            Some('r') if version >= Version::V1_2 => out.push('\r'),
            // Two backslashes leave an empty part between them.
            None => {
                out.push('\\');
                out.push_str(parts.next()?);
                continue;
            }
            Some(_) => return None,
        }
        out.push_str(rest.as_str());
    }
    Some(())
}

/// Drops the blanks with which clients of STOMP 1.0 pad names and values.
fn trim(headers: &mut Headers) -> Result<(), DecodeError> {
    let is_padded = |text: &str| text.starts_with(BLANKS) || text.ends_with(BLANKS);
    if !headers
        .iter()
        .any(|(name, value)| is_padded(name) || is_padded(value))
    {
        return Ok(());
    }
    let trimmed: Headers = headers
        .iter()
        .map(|(name, value)| (name.trim_matches(BLANKS), value.trim_matches(BLANKS)))
        .collect();
    if let Some(index) = trimmed.iter().position(|(name, _)| name.is_empty()) {
        return Err(DecodeError::EmptyHeaderName { line: index + 1 });
    }
    *headers = trimmed;
    Ok(())
}

/// The `receipt` header in the complete lines of a head that is known to be broken.
fn find_receipt(raw: &[u8], version: Option<Version>) -> Option<String> {
    let complete = &raw[..memchr::memrchr(b'\n', raw)?];
    let mut lines = complete.split(|&byte| byte == b'\n');
    let command = lines.next()?;
    let command = Command::from_bytes(command.strip_suffix(b"\r").unwrap_or(command))?;
    let value = lines.find_map(|line| line.strip_prefix(b"receipt:"))?;
    let value = without_cr(str::from_utf8(value).ok()?);
    match version {
        Some(version) if version >= Version::V1_1 && command.escapes_headers() => {
            let mut id = String::new();
            unescape(value, version, &mut id)?;
            Some(id)
        }
        Some(Version::V1_0) => Some(value.trim_matches(BLANKS).to_owned()),
        _ => Some(value.to_owned()),
    }
}

fn without_cr(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str, version: Version) -> Option<String> {
        let mut out = String::from("old");
        unescape(text, version, &mut out).map(|()| out)
    }

    #[test]
    fn escapes_follow_the_version() {
        let table = [
            (r"plain", Some("plain"), Some("plain")),
            (r"\n\c\\", Some("\n:\\"), Some("\n:\\")),
            (r"a\rb", None, Some("a\rb")),
            (r"\\r", Some("\\r"), Some("\\r")),
            (r"\\\\", Some("\\\\"), Some("\\\\")),
            (r"\\\n", Some("\\\n"), Some("\\\n")),
            (r"\t", None, None),
            (r"end\", None, None),
            (r"\\\", None, None),
            (r"\é", None, None),
        ];
        for (text, v1_1, v1_2) in table {
            assert_eq!(
                unescaped(text, Version::V1_1).as_deref(),
                v1_1,
                "{text} in 1.1"
            );
            assert_eq!(
                unescaped(text, Version::V1_2).as_deref(),
                v1_2,
                "{text} in 1.2"
            );
        }
    }
}
