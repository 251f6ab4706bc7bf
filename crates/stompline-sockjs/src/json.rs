//! JSON strings as SockJS wants them.
//!
//! Besides what JSON demands, SockJS escapes code points that old browsers mangle or drop in transit: U+200C to U+200F, U+2028 to
//! U+202F, U+2060 to U+206F and U+FFF0 to U+FFFF (SockJS protocol, "Escaping"). `<` and `/` stay as they are here; the
//! transports that put a frame inside a script escape them on top.

/// Length in bytes of what [`escape`] appends for `text`.
pub fn escaped_len(text: &[u8]) -> usize {
    let mut len = 0;
    let mut rest = text;
    while let Some((clean, special, next)) = next_special(rest) {
        len += clean.len() + special.len();
        rest = next;
    }
    len + rest.len()
}

/// Appends `text` to `out` as the inside of a JSON string, without the quotes. `text` must be UTF-8.
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((clean, special, next)) = next_special(rest) {
        out.extend_from_slice(clean);
        special.write(out);
        rest = next;
    }
    out.extend_from_slice(rest);
}

/// A character that may not stand as it is.
#[derive(Clone, Copy)]
enum Special {
    Short(u8),
    Unicode(u16),
}

impl Special {
    fn len(self) -> usize {
        match self {
            Self::Short(_) => 2,
            Self::Unicode(_) => 6,
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match self {
            Self::Short(letter) => out.extend_from_slice(&[b'\\', letter]),
            Self::Unicode(unit) => {
                let digit = |shift: u32| HEX[usize::from(unit >> shift & 0xf)];
                out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            }
        }
    }
}

/// Splits `text` before its first special character: what precedes it, the character, what follows.
fn next_special(text: &[u8]) -> Option<(&[u8], Special, &[u8])> {
    let mut from = 0;
    loop {
        let at = from + text[from..].iter().position(|byte| is_suspect(*byte))?;
        match special_at(&text[at..]) {
            Some((special, width)) => return Some((&text[..at], special, &text[at + width..])),
            None => from = at + 1,
        }
    }
}

/// Whether a special character may begin with this byte.
fn is_suspect(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xe2 | 0xef)
}

fn special_at(text: &[u8]) -> Option<(Special, usize)> {
    let short = |letter| Some((Special::Short(letter), 1));
    match text {
        [b'"', ..] => short(b'"'),
        [b'\\', ..] => short(b'\\'),
        [b'\n', ..] => short(b'n'),
        [b'\r', ..] => short(b'r'),
        [b'\t', ..] => short(b't'),
        [control @ 0..0x20, ..] => Some((Special::Unicode(u16::from(*control)), 1)),
        [lead @ (0xe2 | 0xef), second, third, ..] => {
            let unit = u16::from(lead & 0x0f) << 12
                | u16::from(second & 0x3f) << 6
                | u16::from(third & 0x3f);
            let special = matches!(
                unit,
                0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f | 0xfff0..=0xffff
            );
            special.then_some((Special::Unicode(unit), 3))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, escaped_len};

    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        escape(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(escaped_len(text.as_bytes()), expected.len());
        let parsed: String = serde_json::from_str(&format!("\"{expected}\"")).unwrap();
        assert_eq!(parsed, text);
    }

    #[test]
    fn special_characters_are_escaped() {
        check("plain", "plain");
        check("a\"b\\c", "a\\\"b\\\\c");
        check("line\nend\r\t", "line\\nend\\r\\t");
        check("\u{0}\u{1f}", "\\u0000\\u001f");
        check(
            "\u{200b}\u{200c}\u{200f}\u{2010}",
            "\u{200b}\\u200c\\u200f\u{2010}",
        );
        check(
            "\u{2028}\u{2060}\u{fff0}\u{ffff}",
            "\\u2028\\u2060\\ufff0\\uffff",
        );
        check("中文 \u{feff} 😀", "中文 \u{feff} 😀");
    }
}
