//! The body of a MESSAGE without its headers: a scenario that reads hundreds of thousands a second
//! wants nothing else.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// How a MESSAGE begins.
const COMMAND: &[u8] = b"MESSAGE\n";

/// The name of the header that says how long the body is, as it begins a line.
const LENGTH: &[u8] = b"\ncontent-length:";

/// Searching for the end of a head, and for the length. To prepare a search costs more than to
/// search a frame of common size.
static BLANK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n\n"));
static LENGTH_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(LENGTH));

/// The body, if `payload` is one whole MESSAGE in the form that servers commonly give it, with
/// nothing but line ends behind. Everything else is for the decoder, which knows all forms.
pub(super) fn body_of(payload: &[u8]) -> Option<&[u8]> {
    if !payload.starts_with(COMMAND) {
        return None;
    }
    let head_end = BLANK.find(payload)?;
    let body = &payload[head_end + 2..];
    let head = &payload[..head_end];
    let length = match LENGTH_FINDER.find(head) {
        Some(at) => digits(&head[at + LENGTH.len()..])?,
        None => memchr::memchr(0, body)?,
    };
    let (body, rest) = body.split_at_checked(length)?;
    let (nul, ends) = rest.split_first()?;
    let whole = *nul == 0 && ends.iter().all(|end| *end == b'\n');
    whole.then_some(body)
}

/// The number at the start of a line.
fn digits(line: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    std::str::from_utf8(&line[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_ends_where_the_length_says_or_at_nul() {
        for (payload, body) in [
            ("MESSAGE\na:b\ncontent-length:3\n\na\0b\0", "a\0b"),
            ("MESSAGE\ncontent-length:2\na:b\n\nhi\0\n\n", "hi"),
            ("MESSAGE\na:b\n\nhi\0", "hi"),
            ("MESSAGE\na:b\n\n\0", ""),
        ] {
            assert_eq!(body_of(payload.as_bytes()), Some(body.as_bytes()));
        }
    }

    #[test]
    fn everything_else_is_left_to_the_decoder() {
        for payload in [
            "RECEIPT\nreceipt-id:1\n\n\0",
            "\nMESSAGE\na:b\n\nhi\0",
            "MESSAGE\na:b\n\nhi",
            "MESSAGE\na:b\ncontent-length:9\n\nhi\0",
            "MESSAGE\na:b\ncontent-length:x\n\nhi\0",
            "MESSAGE\na:b\n\nhi\0MESSAGE\na:b\n\nhi\0",
            "MESSAGE\r\na:b\r\n\r\nhi\0",
            "",
        ] {
            assert_eq!(body_of(payload.as_bytes()), None, "{payload:?}");
        }
    }
}
