use std::{mem, str};

use super::{
    Body, DecodeError, DecodeLimits, Failure, Side, agreed_by, append, escape, scan::Scan,
};
use crate::{
    Frame, Headers, Version,
    header::{Span, span_bytes},
};

/// What clients of STOMP 1.0 pad names and values with.
const BLANKS: [char; 2] = [' ', '\t'];

/// A frame's command and headers, up to the blank line.
///
/// Reading goes in two steps. The scan looks at every octet once, as it comes, finds the lines and
/// applies every limit. When the blank line is found, the whole head is parsed at once, from the input
/// if it lies there in one piece.
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
            Err(error) => Err(self.fail(visible, error, context)),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.raw.capacity() + span_bytes(&self.scan.spans)
    }

    fn finish(&mut self, last: &[u8], context: &Context<'_>) -> Result<Body, Failure> {
        let joined;
        let raw = if self.raw.is_empty() {
            last
        } else {
            append(&mut self.raw, last, context.frame_bytes_max);
            joined = mem::take(&mut self.raw);
            &joined
        };
        let mut frame = self.parse(raw, context)?;
        // Only the CONNECT itself says which rules it follows.
        let version = context.version.or_else(|| agreed_by(context.side, &frame));
        if version == Some(Version::V1_0) {
            trim(&mut frame.headers)?;
        }
        Body::new(frame, raw.len(), version, context.frame_bytes_max)
    }

    /// Parses a whole head which has passed the scan.
    fn parse(&mut self, raw: &[u8], context: &Context<'_>) -> Result<Frame, Failure> {
        let escapes = self.escapes(context);
        let Some(command) = self.scan.command else {
            return Err(Failure {
                error: DecodeError::UnknownCommand,
                receipt: find_receipt(raw, &self.scan.spans, escapes),
            });
        };
        let headers =
            parse_headers(raw, &mut self.scan.spans, escapes).map_err(|error| Failure {
                error,
                receipt: find_receipt(raw, &self.scan.spans, escapes),
            })?;
        Ok(Frame {
            headers,
            ..Frame::new(command)
        })
    }

    fn fail(&self, last: &[u8], error: DecodeError, context: &Context<'_>) -> Failure {
        let raw = [&self.raw, last].concat();
        // What else is wrong with a frame of an unknown command tells nothing.
        let error = match self.scan.command {
            Some(_) => error,
            None => DecodeError::UnknownCommand,
        };
        Failure {
            error,
            receipt: find_receipt(&raw, &self.scan.spans, self.escapes(context)),
        }
    }

    /// The version whose escapes the headers hold.
    fn escapes(&self, context: &Context<'_>) -> Option<Version> {
        context.version.filter(|version| match self.scan.command {
            Some(command) => command.escapes(*version),
            None => *version >= Version::V1_1,
        })
    }
}

/// Makes headers of the lines found; the spans are taken if all is well.
fn parse_headers(
    raw: &[u8],
    spans: &mut Vec<Span>,
    escapes: Option<Version>,
) -> Result<Headers, DecodeError> {
    let text = str::from_utf8(raw).map_err(|_| DecodeError::BadUtf8)?;
    if memchr::memchr(b'\r', raw).is_some()
        && spans.iter().any(|span| span.of(raw).contains(&b'\r'))
    {
        return Err(DecodeError::LoneCarriageReturn);
    }
    match escapes {
        Some(version) if memchr::memchr(b'\\', raw).is_some() => unescape(text, spans, version),
        _ => Ok(Headers::from_spans(text.to_owned(), mem::take(spans))),
    }
}

fn unescape(text: &str, spans: &[Span], version: Version) -> Result<Headers, DecodeError> {
    let mut headers = Headers::with_capacity(spans.len(), text.len());
    let (mut name, mut value) = (String::new(), String::new());
    for (index, span) in spans.iter().enumerate() {
        escape::undo(span.name(text), version, &mut name)
            .and_then(|()| escape::undo(span.value(text), version, &mut value))
            .ok_or(DecodeError::BadEscape {
                line: index + 1,
                version,
            })?;
        headers.push(&name, &value);
    }
    Ok(headers)
}

/// Drops the blanks with which clients of STOMP 1.0 pad names and values.
fn trim(headers: &mut Headers) -> Result<(), Failure> {
    let is_padded = |text: &str| text.starts_with(BLANKS) || text.ends_with(BLANKS);
    if !headers
        .iter()
        .any(|(name, value)| is_padded(name) || is_padded(value))
    {
        return Ok(());
    }
    let padded = mem::replace(
        headers,
        Headers::with_capacity(headers.len(), headers.text_bytes()),
    );
    for (name, value) in &padded {
        headers.push(name.trim_matches(BLANKS), value.trim_matches(BLANKS));
    }
    if let Some(index) = headers.iter().position(|(name, _)| name.is_empty()) {
        let receipt = headers.find("receipt").map(str::to_owned);
        return Err(Failure {
            error: DecodeError::EmptyHeaderName { line: index + 1 },
            receipt,
        });
    }
    Ok(())
}

/// The `receipt` header in the whole lines of a head that is known to be broken.
fn find_receipt(raw: &[u8], spans: &[Span], escapes: Option<Version>) -> Option<String> {
    let line = spans
        .iter()
        .find_map(|span| span.of(raw).strip_prefix(b"receipt:"))?;
    let value = str::from_utf8(line).ok()?;
    let Some(version) = escapes else {
        return Some(value.trim_matches(BLANKS).to_owned());
    };
    let mut id = String::new();
    escape::undo(value, version, &mut id).map(|()| id)
}
