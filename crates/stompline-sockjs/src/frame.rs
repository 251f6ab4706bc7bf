//! SockJS frames from the client: a JSON string or an array of strings.

use std::borrow::Cow;

use serde_json::Error;

use crate::connection::Incoming;

/// Gives each message of `payload` to `sink`. An empty payload and an empty array carry none.
pub(crate) fn decode(payload: &[u8], sink: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Error> {
    let payload = payload.trim_ascii();
    if payload.is_empty() {
        return Ok(());
    }
    if payload.starts_with(b"\"") {
        let message: Text<'_> = serde_json::from_slice(payload)?;
        sink(Incoming::Text(message.0.as_bytes()));
        return Ok(());
    }
    let messages: Vec<Text<'_>> = serde_json::from_slice(payload)?;
    for message in &messages {
        sink(Incoming::Text(message.0.as_bytes()));
    }
    Ok(())
}

/// A JSON string, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
    fn anything_else_is_refused() {
        check("[\"a\"", None);
        check("{\"a\":1}", None);
        check("[1]", None);
        check("a", None);
    }
}
