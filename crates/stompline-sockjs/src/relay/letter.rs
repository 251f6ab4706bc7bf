//! What nodes ask each other about a session, as bytes. Numbers are big-endian; texts follow their length.

use std::time::Duration;

use bytes::Bytes;

/// What one node asks another about a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Question<'a> {
    /// The next frame of at most about `bytes_max` bytes, for the response that `receiver` names; none if there is nothing for `patience`.
    Give {
        receiver: u64,
        bytes_max: usize,
        patience: Duration,
    },
    /// The response is whole: what it was given has left.
    Done { receiver: u64 },
    /// The response broke off: what it was given may be lost.
    Broken { receiver: u64 },
    /// Messages of the client.
    Take { messages: &'a [String] },
}

/// A question as it arrives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Give {
        receiver: u64,
        bytes_max: usize,
        patience: Duration,
    },
    Done {
        receiver: u64,
    },
    Broken {
        receiver: u64,
    },
    Take {
        messages: Vec<String>,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no such session.
    Gone,
    /// Another request receives for it.
    Occupied,
    /// It has nothing to say yet.
    Nothing,
    /// Its next frame, and whether that is the last one.
    Frame { frame: Vec<u8>, is_last: bool },
    /// It has ended while the question waited.
    Ended,
    /// It has the messages.
    Taken,
    /// It has no room for the messages, and did not take them.
    Full,
}

impl Question<'_> {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        match self {
            Self::Give {
                receiver,
                bytes_max,
                patience,
            } => {
                out.push(1);
                out.extend_from_slice(&receiver.to_be_bytes());
                number(&mut out, *bytes_max);
                number(
                    &mut out,
                    usize::try_from(patience.as_millis()).unwrap_or(usize::MAX),
                );
            }
            Self::Done { receiver } => {
                out.push(2);
                out.extend_from_slice(&receiver.to_be_bytes());
            }
            Self::Broken { receiver } => {
                out.push(3);
                out.extend_from_slice(&receiver.to_be_bytes());
            }
            Self::Take { messages } => {
                out.push(4);
                for message in *messages {
                    number(&mut out, message.len());
                    out.extend_from_slice(message.as_bytes());
                }
            }
        }
        out.into()
    }
}

impl Asked {
    /// `None` if it makes no sense: another version asks.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let asked = match reader.take(1)? {
            [1] => Self::Give {
                receiver: reader.receiver()?,
                bytes_max: reader.number()?,
                patience: Duration::from_millis(u64::try_from(reader.number()?).ok()?),
            },
            [2] => Self::Done {
                receiver: reader.receiver()?,
            },
            [3] => Self::Broken {
                receiver: reader.receiver()?,
            },
            [4] => {
                let mut messages = Vec::new();
                while !reader.0.is_empty() {
                    let len = reader.number()?;
                    messages.push(std::str::from_utf8(reader.take(len)?).ok()?.to_owned());
                }
                Self::Take { messages }
            }
            _ => return None,
        };
        reader.0.is_empty().then_some(asked)
    }
}

impl Answer {
    pub(crate) fn encode(self) -> Bytes {
        match self {
            Self::Gone => Bytes::from_static(&[0]),
            Self::Occupied => Bytes::from_static(&[1]),
            Self::Nothing => Bytes::from_static(&[2]),
            Self::Frame { mut frame, is_last } => {
                // The kind stands at the end, where it moves nothing.
                frame.push(if is_last { 4 } else { 3 });
                frame.into()
            }
            Self::Ended => Bytes::from_static(&[5]),
            Self::Taken => Bytes::from_static(&[6]),
            Self::Full => Bytes::from_static(&[7]),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, frame) = bytes.split_last()?;
        Some(match (kind, frame.is_empty()) {
            (0, true) => Self::Gone,
            (1, true) => Self::Occupied,
            (2, true) => Self::Nothing,
            (3 | 4, false) => Self::Frame {
                is_last: *kind == 4,
                frame: frame.to_vec(),
            },
            (5, true) => Self::Ended,
            (6, true) => Self::Taken,
            (7, true) => Self::Full,
            _ => return None,
        })
    }
}

/// Everything here is bounded far below four gigabytes.
fn number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    }

    fn receiver(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let messages = [String::new(), "hällo\0".to_owned()];
        let patience = Duration::from_millis(1_234);
        for (question, asked) in [
            (
                Question::Give {
                    receiver: u64::MAX,
                    bytes_max: 32 * 1024,
                    patience,
                },
                Asked::Give {
                    receiver: u64::MAX,
                    bytes_max: 32 * 1024,
                    patience,
                },
            ),
            (Question::Done { receiver: 7 }, Asked::Done { receiver: 7 }),
            (
                Question::Broken { receiver: 8 },
                Asked::Broken { receiver: 8 },
            ),
            (
                Question::Take {
                    messages: &messages,
                },
                Asked::Take {
                    messages: messages.to_vec(),
                },
            ),
        ] {
            let bytes = question.encode();
            assert_eq!(Asked::decode(&bytes), Some(asked));
            assert_eq!(Asked::decode(&bytes[..bytes.len() - 1]), None, "{bytes:?}");
        }
        assert_eq!(Asked::decode(b"\x09"), None);
    }

    #[test]
    fn answers_arrive_as_they_were_given() {
        for answer in [
            || Answer::Gone,
            || Answer::Occupied,
            || Answer::Nothing,
            || Answer::Ended,
            || Answer::Taken,
            || Answer::Full,
            || Answer::Frame {
                frame: b"a[\"x\"]".to_vec(),
                is_last: false,
            },
            || Answer::Frame {
                frame: b"c[1000,\"\"]".to_vec(),
                is_last: true,
            },
        ] {
            assert_eq!(Answer::decode(&answer().encode()), Some(answer()));
        }
        assert_eq!(Answer::decode(b""), None);
        assert_eq!(Answer::decode(b"\x03"), None);
    }
}
