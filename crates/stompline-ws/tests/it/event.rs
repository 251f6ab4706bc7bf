//! Payloads, borrowed and owned.

use stompline_ws::{Event, Payload};

fn both(bytes: &[u8]) -> [Payload<'_>; 2] {
    [Payload::Borrowed(bytes), Payload::Owned(bytes.to_vec())]
}

#[test]
fn payload_is_its_bytes() {
    for payload in both("né".as_bytes()) {
        assert_eq!(&*payload, b"n\xc3\xa9");
        assert_eq!(payload.as_ref(), b"n\xc3\xa9");
        assert_eq!(payload.as_str(), Some("né"));
        assert_eq!(payload.into_vec(), b"n\xc3\xa9");
    }
    for payload in both(b"\xff") {
        assert_eq!(payload.as_str(), None);
    }
}

#[test]
fn equal_bytes_are_equal_payloads() {
    for one in both(b"same") {
        for other in both(b"same") {
            assert!(one == other, "{one:?} and {other:?}");
        }
        for other in both(b"else") {
            assert!(one != other, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn debug_shows_length_only() {
    let [borrowed, owned] = both(b"passcode");
    assert_eq!(
        format!("{:?}", Event::Text(borrowed)),
        "Text(Borrowed(8 bytes))"
    );
    assert_eq!(
        format!("{:?}", Event::Binary(owned)),
        "Binary(Owned(8 bytes))"
    );
}
