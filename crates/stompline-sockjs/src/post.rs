//! Bodies of `xhr_send` and `jsonp_send`: a JSON array of strings, read piece by piece, so that any number of messages can come in one
//! body and none but the one at hand has to fit into memory.

use std::mem;

use serde::de::IgnoredAny;

use crate::payload;

/// Why a body is refused; the texts are the protocol's ("XhrPolling", "JsonpPolling").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostError {
    /// There is nothing, or something else than an array.
    #[error("Payload expected.")]
    PayloadExpected,
    /// It is no JSON, or an element is no string.
    #[error("Broken JSON encoding.")]
    BrokenJson,
    /// A message has more bytes than allowed.
    #[error("a message is larger than this server takes")]
    TooLarge,
}

/// How a body holds its array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// The body is the array.
    Json,
    /// The field `d` of a form.
    Form,
}

/// Reads one body.
pub(crate) struct PostDecoder {
    form: Option<Form>,
    array: Array,
}

impl PostDecoder {
    /// `message_bytes_max` bounds one message, as JSON.
    pub(crate) fn new(encoding: Encoding, message_bytes_max: usize) -> Self {
        Self {
            form: (encoding == Encoding::Form).then(Form::default),
            array: Array::new(message_bytes_max),
        }
    }

    /// Reads a piece of the body.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), PostError> {
        match &mut self.form {
            None => self.array.push(piece),
            Some(form) => self.array.push(&form.push(piece)),
        }
    }

    /// The messages that are complete and were not taken yet.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.array.ready_bytes = 0;
        mem::take(&mut self.array.ready)
    }

    /// Bytes of these messages.
    pub(crate) fn ready_bytes(&self) -> usize {
        self.array.ready_bytes
    }

    /// Checks that the body ended where it should.
    pub(crate) fn finish(&self) -> Result<(), PostError> {
        match self.array.place {
            Place::After => Ok(()),
            Place::Before => Err(PostError::PayloadExpected),
            Place::Elsewhere => match serde_json::from_slice::<IgnoredAny>(&self.array.element) {
                Ok(_) => Err(PostError::PayloadExpected),
                Err(_) => Err(PostError::BrokenJson),
            },
            _ => Err(PostError::BrokenJson),
        }
    }
}

/// Where in the array the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before its bracket.
    Before,
    /// Before the first element or the end.
    First,
    /// Before a further element.
    Element,
    /// Inside of a string.
    String { escaped: bool },
    /// Behind an element.
    Behind,
    /// Behind the end.
    After,
    /// In something that is no array.
    Elsewhere,
}

struct Array {
    message_bytes_max: usize,
    place: Place,
    /// The element being read, with its quotes.
    element: Vec<u8>,
    ready: Vec<String>,
    ready_bytes: usize,
}

impl Array {
    fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            place: Place::Before,
            element: Vec::new(),
            ready: Vec::new(),
            ready_bytes: 0,
        }
    }

    fn push(&mut self, mut piece: &[u8]) -> Result<(), PostError> {
        while let [byte, rest @ ..] = piece {
            match (self.place, byte) {
                (Place::String { .. }, _) => {
                    piece = self.push_string(piece)?;
                    continue;
                }
                (Place::Elsewhere, _) => return self.extend(piece),
                (_, b' ' | b'\t' | b'\r' | b'\n') => {}
                (Place::Before, b'[') => self.place = Place::First,
                (Place::Before, _) => {
                    self.place = Place::Elsewhere;
                    continue;
                }
                (Place::First | Place::Element, b'"') => {
                    self.extend(b"\"")?;
                    self.place = Place::String { escaped: false };
                }
                (Place::Behind, b',') => self.place = Place::Element,
                (Place::First | Place::Behind, b']') => self.place = Place::After,
                _ => return Err(PostError::BrokenJson),
            }
            piece = rest;
        }
        Ok(())
    }

    /// Reads up to the end of a string; gives what follows.
    fn push_string<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], PostError> {
        let mut escaped = self.place == Place::String { escaped: true };
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.extend(&piece[..=at])?;
                    self.complete()?;
                    return Ok(&piece[at + 1..]);
                }
                _ => {}
            }
        }
        self.extend(piece)?;
        self.place = Place::String { escaped };
        Ok(&[])
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), PostError> {
        if self.element.len() + bytes.len() > self.message_bytes_max {
            return Err(PostError::TooLarge);
        }
        self.element.extend_from_slice(bytes);
        Ok(())
    }

    fn complete(&mut self) -> Result<(), PostError> {
        let message = payload::string(&self.element)
            .map_err(|_| PostError::BrokenJson)?
            .into_owned();
        self.ready_bytes += message.len();
        self.ready.push(message);
        self.element.clear();
        self.place = Place::Behind;
        Ok(())
    }
}

/// A form of which only the field `d` counts.
#[derive(Default)]
struct Form {
    /// The name of the field being read, as far as it matters.
    name: Vec<u8>,
    in_value: bool,
    /// The field was there and has ended.
    over: bool,
    /// A percent sign and what followed it at the end of a piece.
    escape: Vec<u8>,
}

impl Form {
    /// The decoded bytes of the field `d` in this piece.
    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(piece.len());
        for byte in piece {
            match byte {
                b'&' if self.in_value && self.name == b"d" => self.over = true,
                b'&' => {
                    self.in_value = false;
                    self.name.clear();
                }
                b'=' if !self.in_value => self.in_value = true,
                // Two bytes tell `d` from every other name.
                byte if !self.in_value => self.name.extend((self.name.len() < 2).then_some(*byte)),
                byte if self.name == b"d" && !self.over => self.decode(*byte, &mut value),
                _ => {}
            }
        }
        value
    }

    fn decode(&mut self, byte: u8, value: &mut Vec<u8>) {
        match (self.escape.as_slice(), byte) {
            ([], b'%') | ([_], _) => self.escape.push(byte),
            ([], b'+') => value.push(b' '),
            ([], byte) => value.push(byte),
            ([_, high, ..], low) => {
                match (hex(*high), hex(low)) {
                    (Some(high), Some(low)) => value.push(high << 4 | low),
                    // Not an escape after all; JSON decides whether it may stand there.
                    _ => value.extend_from_slice(&[b'%', *high, low]),
                }
                self.escape.clear();
            }
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{Encoding, PostDecoder, PostError};

    /// Reads a body in one piece, and in every two pieces.
    fn check(encoding: Encoding, body: &str, expected: Result<&[&str], PostError>) {
        let body = body.as_bytes();
        for cut in 0..=body.len() {
            let mut decoder = PostDecoder::new(encoding, 64);
            let read = decoder
                .push(&body[..cut])
                .and_then(|()| decoder.push(&body[cut..]))
                .and_then(|()| decoder.finish())
                .map(|()| decoder.take());
            let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
            assert_eq!(read, expected, "{body:?} cut at {cut}");
        }
    }

    #[test]
    fn arrays_of_strings_are_messages() {
        let json = Encoding::Json;
        check(json, "[]", Ok(&[]));
        check(json, "[\"a\"]", Ok(&["a"]));
        check(json, " [ \"a\" , \"\\\"]\\\\\" ]\n", Ok(&["a", "\"]\\"]));
        check(
            json,
            "[\"中\\u0000\",\"\\ud83d\"]",
            Ok(&["中\0", "\u{fffd}"]),
        );
    }

    #[test]
    fn other_bodies_get_the_text_of_the_protocol() {
        let json = Encoding::Json;
        for body in ["", " \n", "{\"a\":1}", "\"x\"", "7"] {
            check(json, body, Err(PostError::PayloadExpected));
        }
        for body in [
            "[\"x",
            "[\"x\"",
            "[\"x\",]",
            "[,]",
            "[1]",
            "[\"a\"]]",
            "x",
            "[\"\\x\"]",
        ] {
            check(json, body, Err(PostError::BrokenJson));
        }
    }

    #[test]
    fn forms_hold_the_array_in_one_field() {
        let form = Encoding::Form;
        check(form, "d=%5B%22x+%2B%22%5D", Ok(&["x +"]));
        check(form, "a=1&d=%5b%22%E4%B8%AD%22%5d&dd=[]", Ok(&["中"]));
        check(form, "d=[\"%61\"]", Ok(&["a"]));
        check(form, "d=%5B%22x", Err(PostError::BrokenJson));
        for body in ["", "d=", "p=p", "=[]", "dd=[]"] {
            check(form, body, Err(PostError::PayloadExpected));
        }
    }

    #[test]
    fn message_over_the_limit_is_refused_before_it_is_whole() {
        let mut decoder = PostDecoder::new(Encoding::Json, 8);
        assert_eq!(decoder.push(b"[\"123456\",\"1234567"), Ok(()));
        assert_eq!(decoder.take(), ["123456"]);
        assert_eq!(decoder.push(b"8"), Err(PostError::TooLarge));
    }
}
