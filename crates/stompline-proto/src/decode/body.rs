use std::mem;

use bytes::Bytes;

use super::{DecodeError, Failure, append};
use crate::{Frame, Version};

/// The body of a frame whose head is known, up to its NUL.
pub(super) struct Body {
    frame: Frame,
    /// Octets of the head as it came.
    head_bytes: usize,
    end: End,
    /// The octets of earlier inputs.
    raw: Vec<u8>,
}

/// What ends the body.
#[derive(Clone, Copy)]
enum End {
    /// The NUL behind so many octets.
    Length(usize),
    /// The first NUL.
    Nul,
    /// The first octet, which must be the NUL.
    Empty,
}

impl Body {
    /// Takes `content-length` out of the headers and refuses what it announces if that is too much.
    pub(super) fn new(
        mut frame: Frame,
        head_bytes: usize,
        version: Option<Version>,
        frame_bytes_max: usize,
    ) -> Result<Self, Failure> {
        let mut length = None;
        frame.headers.retain(|name, value| {
            let kept = name != "content-length";
            if !kept && length.is_none() {
                length = Some(parse_length(value));
            }
            kept
        });
        let bodiless = version.is_some_and(|v| v >= Version::V1_1) && !frame.command.allows_body();
        let end = match length {
            None if bodiless => End::Empty,
            None => End::Nul,
            Some(Some(length)) => End::Length(length),
            Some(None) => return Err(fail(&frame, DecodeError::BadContentLength)),
        };
        let announced = if let End::Length(length) = end {
            length
        } else {
            0
        };
        if bodiless && announced > 0 {
            let command = frame.command;
            return Err(fail(&frame, DecodeError::BodyNotAllowed { command }));
        }
        // The NUL needs room as well.
        if frame_bytes_max.saturating_sub(head_bytes) <= announced {
            let bytes_max = frame_bytes_max;
            return Err(fail(&frame, DecodeError::FrameTooLarge { bytes_max }));
        }
        Ok(Self {
            frame,
            head_bytes,
            end,
            raw: Vec::new(),
        })
    }

    /// Takes the body's octets from `input`; returns them all when the NUL has been found.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        frame_bytes_max: usize,
    ) -> Result<Option<Bytes>, DecodeError> {
        let left = frame_bytes_max.saturating_sub(self.head_bytes + self.raw.len());
        let bytes_max = match self.end {
            End::Length(length) => length,
            End::Nul | End::Empty => frame_bytes_max - self.head_bytes,
        };
        let Some(len) = self.find_end(input, left, frame_bytes_max)? else {
            append(&mut self.raw, input, bytes_max);
            *input = &[];
            return Ok(None);
        };
        let octets = if self.raw.is_empty() {
            Bytes::copy_from_slice(&input[..len])
        } else {
            append(&mut self.raw, &input[..len], bytes_max);
            Bytes::from(mem::take(&mut self.raw))
        };
        *input = &input[len + 1..];
        Ok(Some(octets))
    }

    pub(super) fn into_frame(self, octets: Bytes) -> Frame {
        self.frame.body(octets)
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.raw.capacity() + self.frame.headers.heap_bytes()
    }

    pub(super) fn fail(&self, error: DecodeError) -> Failure {
        fail(&self.frame, error)
    }

    /// How many octets of `input` stand before the NUL that ends the body, if it is there.
    fn find_end(
        &self,
        input: &[u8],
        left: usize,
        frame_bytes_max: usize,
    ) -> Result<Option<usize>, DecodeError> {
        match self.end {
            End::Length(length) => {
                let missing = length - self.raw.len();
                match input.get(missing) {
                    None => Ok(None),
                    Some(0) => Ok(Some(missing)),
                    Some(_) => Err(DecodeError::MissingNul { bytes: length }),
                }
            }
            End::Nul => {
                let found = memchr::memchr(0, &input[..input.len().min(left)]);
                if found.is_none() && input.len() >= left {
                    return Err(DecodeError::FrameTooLarge {
                        bytes_max: frame_bytes_max,
                    });
                }
                Ok(found)
            }
            End::Empty => match input.first() {
                None => Ok(None),
                Some(0) => Ok(Some(0)),
                Some(_) => Err(DecodeError::BodyNotAllowed {
                    command: self.frame.command,
                }),
            },
        }
    }
}

fn fail(frame: &Frame, error: DecodeError) -> Failure {
    Failure {
        error,
        receipt: frame.headers.find("receipt").map(str::to_owned),
    }
}

/// A number of octets: decimal digits without sign or blanks. What does not fit in 63 bits is no
/// length; what fits is left to the frame limit.
fn parse_length(text: &str) -> Option<usize> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: i64 = text.parse().ok()?;
    Some(usize::try_from(length).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_digits_are_a_length() {
        let table = [
            ("0", Some(0)),
            ("12", Some(12)),
            ("007", Some(7)),
            ("", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1 ", None),
            ("0x10", None),
            ("1e3", None),
            ("9223372036854775808", None),
            ("99999999999999999999999", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_length(text), expected, "{text:?}");
        }
    }
}
