//! What clients send: JSON strings, alone or in arrays.
//!
//! JavaScript's strings may hold half of a surrogate pair, for example where a client cut a long text into pieces. No other language can
//! show that; it becomes U+FFFD here, as it does on a WebSocket.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de::Visitor};
use serde_json::Error;

use crate::connection::Incoming;

/// Gives each message of `payload` to `sink`. An empty payload and an empty array carry none.
pub(crate) fn decode(payload: &[u8], sink: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Error> {
    let payload = payload.trim_ascii();
    if payload.is_empty() {
        return Ok(());
    }
    if payload.starts_with(b"\"") {
        sink(Incoming::Text(string(payload)?.as_bytes()));
        return Ok(());
    }
    let messages = match serde_json::from_slice::<Vec<Plain<'_>>>(payload) {
        Ok(messages) => messages.into_iter().map(|plain| plain.0).collect(),
        Err(_) if may_hold_surrogates(payload) => serde_json::from_slice::<Vec<Text<'_>>>(payload)?
            .into_iter()
            .map(|text| text.0)
            .collect::<Vec<_>>(),
        Err(error) => return Err(error),
    };
    for message in &messages {
        sink(Incoming::Text(message.as_bytes()));
    }
    Ok(())
}

/// Reads one JSON string.
pub(crate) fn string(json: &[u8]) -> Result<Cow<'_, str>, Error> {
    match serde_json::from_slice::<Plain<'_>>(json) {
        Err(_) if may_hold_surrogates(json) => {
            serde_json::from_slice::<Text<'_>>(json).map(|text| text.0)
        }
        read => read.map(|plain| plain.0),
    }
}

fn may_hold_surrogates(json: &[u8]) -> bool {
    json.windows(3)
        .any(|three| three.eq_ignore_ascii_case(b"\\ud"))
}

/// A JSON string of whole characters, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Plain<'a>(#[serde(borrow)] Cow<'a, str>);

/// A JSON string that may hold halves of surrogate pairs.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: serde::de::Error>(
        self,
        bytes: &'de [u8],
    ) -> Result<Cow<'de, str>, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => self.visit_bytes(bytes),
        }
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Cow<'de, str>, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Owned(text.to_owned())),
            Err(_) => without_surrogates(bytes)
                .map(Cow::Owned)
                .ok_or_else(|| E::custom("not UTF-8")),
        }
    }
}

/// The text with U+FFFD for each half of a surrogate pair, which the parser has left as three bytes; `None` if something else is wrong.
fn without_surrogates(bytes: &[u8]) -> Option<String> {
    let mut text = bytes.to_vec();
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(&text[at..]) {
        at += error.valid_up_to();
        match text.get_mut(at..at + 3)? {
            half @ [0xed, 0xa0..=0xbf, 0x80..=0xbf] => half.copy_from_slice("\u{fffd}".as_bytes()),
            _ => return None,
        }
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn check(payload: &str, expected: Option<&[&str]>) {
        let mut messages = Vec::new();
        let outcome = decode(payload.as_bytes(), &mut |message| {
            messages.push(String::from_utf8(message.bytes().to_vec()).unwrap());
        });
        assert_eq!(
            outcome.ok().map(|()| messages),
            expected.map(|m| m.iter().map(|s| (*s).into()).collect())
        );
    }

    #[test]
    fn strings_and_arrays_are_messages() {
        check("", Some(&[]));
        check("[]", Some(&[]));
        check("\"a\"", Some(&["a"]));
        check("[\"a\",\"b\\n\"]", Some(&["a", "b\n"]));
        check(" [\"\\u4e2d\"] ", Some(&["中"]));
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced() {
        check(
            "[\"a\\ud83d\",\"\\ude00b\",\"\\ud83d\\ude00\"]",
            Some(&["a\u{fffd}", "\u{fffd}b", "😀"]),
        );
        check("\"\\ud83dx\\ud83d中\"", Some(&["\u{fffd}x\u{fffd}中"]));
    }

    #[test]
    fn anything_else_is_refused() {
        check("[\"a\"", None);
        check("{\"a\":1}", None);
        check("[1]", None);
        check("a", None);
        check("[\"\n\"]", None);
        let mut sink = |_: crate::connection::Incoming<'_>| {};
        assert!(decode(b"\"a\xff\"", &mut sink).is_err());
        assert!(decode(b"\"a\xed\xa0\"", &mut sink).is_err());
    }
}
