use std::io::Write;

use crate::{Command, Frame, Version};

/// Appends `frame` to `out` as `version` writes it.
///
/// SEND, MESSAGE, ERROR and every frame with a body get a `content-length` header with the length
/// of the body; one that is among the headers already is left out. Headers are written by
/// [`write_header`], but those of CONNECT, STOMP and CONNECTED are never escaped and follow the
/// rules of 1.0 whatever the version (STOMP 1.2, "Value Encoding").
pub fn encode(frame: &Frame, version: Version, out: &mut Vec<u8>) {
    let version = if frame.command.escapes_headers() {
        version
    } else {
        Version::V1_0
    };
    out.reserve(
        frame
            .headers
            .iter()
            .map(|(n, v)| n.len() + v.len() + 2)
            .sum::<usize>(),
    );
    out.reserve(frame.body.len() + 48);
    out.extend_from_slice(frame.command.as_str().as_bytes());
    out.push(b'\n');
    for (name, value) in &frame.headers {
        if name != "content-length" {
            write_header(out, version, name, value);
        }
    }
    if needs_length(frame) {
        writeln!(out, "content-length:{}", frame.body.len()).expect("a vector takes all octets");
    }
    out.push(b'\n');
    out.extend_from_slice(&frame.body);
    out.push(0);
}

/// Appends the line `name:value` with the escapes of `version`, ended by LF.
///
/// | octet | 1.0 | 1.1 | 1.2 |
/// | --- | --- | --- | --- |
/// | backslash | as it is | `\\` | `\\` |
/// | LF | lost | `\n` | `\n` |
/// | CR | lost | lost | `\r` |
/// | colon in a value | as it is | `\c` | `\c` |
/// | colon in a name | lost | `\c` | `\c` |
/// | NUL | lost | lost | lost |
///
/// What a version cannot express is lost: it becomes a blank in values and `_` in names, so that no
/// value can end its line, add a header or end the frame. A header with an empty name cannot be
/// expressed at all and is left out.
pub fn write_header(out: &mut Vec<u8>, version: Version, name: &str, value: &str) {
    if name.is_empty() {
        return;
    }
    if needs_escape(name) {
        write_escaped(out, version, name, Place::Name);
    } else {
        out.extend_from_slice(name.as_bytes());
    }
    out.push(b':');
    if needs_escape(value) {
        write_escaped(out, version, value, Place::Value);
    } else {
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'\n');
}

/// Whether any version writes this value other than as the text itself: it contains CR, LF, a
/// colon, a backslash or NUL. A value without them has the same octets for every receiver.
pub fn needs_escape(value: &str) -> bool {
    // Values are short: a loop without early exit, made of vector instructions, beats a search.
    value.bytes().fold(false, |found, byte| {
        found | matches!(byte, b'\r' | b'\n' | b':' | b'\\' | 0)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Name,
    Value,
}

fn write_escaped(out: &mut Vec<u8>, version: Version, text: &str, place: Place) {
    let escapes = version >= Version::V1_1;
    let lost = if place == Place::Name { b'_' } else { b' ' };
    for &byte in text.as_bytes() {
        match byte {
            b'\\' if escapes => out.extend_from_slice(b"\\\\"),
            b'\n' if escapes => out.extend_from_slice(b"\\n"),
            b':' if escapes => out.extend_from_slice(b"\\c"),
            b'\r' if version >= Version::V1_2 => out.extend_from_slice(b"\\r"),
            b'\n' | b'\r' | 0 => out.push(lost),
            b':' if place == Place::Name => out.push(lost),
            other => out.push(other),
        }
    }
}

fn needs_length(frame: &Frame) -> bool {
    !frame.body.is_empty()
        || matches!(
            frame.command,
            Command::Send | Command::Message | Command::Error
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: Version, name: &str, value: &str) -> String {
        let mut out = Vec::new();
        write_header(&mut out, version, name, value);
        String::from_utf8(out).unwrap()
    }

    fn encoded(frame: &Frame, version: Version) -> String {
        let mut out = Vec::new();
        encode(frame, version, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_version_escapes_what_it_can() {
        let value = "a\\b\nc\rd:e\0f";
        assert_eq!(header(Version::V1_0, "n", value), "n:a\\b c d:e f\n");
        assert_eq!(header(Version::V1_1, "n", value), "n:a\\\\b\\nc d\\ce f\n");
        assert_eq!(
            header(Version::V1_2, "n", value),
            "n:a\\\\b\\nc\\rd\\ce f\n"
        );
    }

    #[test]
    fn names_can_not_add_headers() {
        let name = "x:1\ninjected";
        assert_eq!(header(Version::V1_0, name, "v"), "x_1_injected:v\n");
        assert_eq!(header(Version::V1_2, name, "v"), "x\\c1\\ninjected:v\n");
        assert_eq!(header(Version::V1_2, "", "v"), "");
    }

    #[test]
    fn connect_and_connected_are_never_escaped() {
        for command in [Command::Connect, Command::Stomp, Command::Connected] {
            let frame = Frame::new(command).header("passcode", "a:b\\c\nd");
            assert_eq!(
                encoded(&frame, Version::V1_2),
                format!("{command}\npasscode:a:b\\c d\n\n\0")
            );
        }
    }

    #[test]
    fn length_is_written_for_bodies() {
        let send = Frame::new(Command::Send)
            .header("content-length", "99")
            .body("hé");
        assert_eq!(
            encoded(&send, Version::V1_2),
            "SEND\ncontent-length:3\n\nhé\0"
        );
        let empty = Frame::new(Command::Message);
        assert_eq!(
            encoded(&empty, Version::V1_2),
            "MESSAGE\ncontent-length:0\n\n\0"
        );
        assert_eq!(
            encoded(&Frame::receipt("7"), Version::V1_2),
            "RECEIPT\nreceipt-id:7\n\n\0"
        );
    }

    #[test]
    fn plain_values_need_no_escape() {
        assert!(!needs_escape("/topic/p.a-b_c é?"));
        for text in ["a\r", "\nb", "a:b", "\\", "\0"] {
            assert!(needs_escape(text), "{text:?}");
        }
    }
}
