//! §8.1 text is UTF-8, and refused at the first byte that cannot belong to it.

use stompline_ws::{Decoder, Error, Limits, Role};

use crate::stream::{LAST, MORE, PING, Seen, TEXT, TEXT_BEGIN, check, feed, masked, text};

/// Bytes and the place of the first one that no continuation can make valid.
const BAD: &[(&[u8], usize)] = &[
    (b"\x80", 0),
    (b"\xbf", 0),
    (b"\xc0\xaf", 0),
    (b"\xc1\xbf", 0),
    (b"\xf5\x80\x80\x80", 0),
    (b"\xfe", 0),
    (b"\xff", 0),
    (b"\xc2\x41", 1),
    (b"\xc2\xc2", 1),
    (b"\xe0\x80\xaf", 1),
    (b"\xe0\x9f\xbf", 1),
    (b"\xed\xa0\x80", 1),
    (b"\xed\xbf\xbf", 1),
    (b"\xe2\x82\x41", 2),
    (b"\xf0\x80\x80\xaf", 1),
    (b"\xf0\x8f\xbf\xbf", 1),
    (b"\xf4\x90\x80\x80", 1),
    (b"\xf0\x9f\x98\x41", 3),
    (b"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4-\x80tail", 16),
    (
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        12,
    ),
    (
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited",
        12,
    ),
];

/// Valid to the last byte, but ended in the middle of a character.
const UNFINISHED: &[&[u8]] = &[
    b"\xc2",
    b"abc\xe2",
    b"abc\xe2\x82",
    b"\xf0",
    b"\xf0\x9f",
    b"\xf0\x9f\x98",
    b"\xf4\x8f\xbf",
    b"\xce\xba\xe1\xbd",
];

/// Characters at the edges of each length, those that are no characters, and four scripts.
const GOOD: &[&str] = &[
    "",
    "\0\u{7f}",
    "\u{80}\u{7ff}",
    "\u{800}\u{d7ff}\u{e000}\u{ffff}",
    "\u{10000}\u{10ffff}",
    "\u{fffe}\u{fdd0}\u{feff}",
    "κόσμε 你好，世界 مرحبا 😀",
];

/// How many bytes of `payload` were taken when the decoder, fed byte by byte, refused.
fn refused_at(payload: &[u8], frames: &[Vec<u8>]) -> Option<usize> {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let mut taken = 0;
    for frame in frames {
        for (place, byte) in frame.iter().enumerate() {
            match feed(&mut decoder, &[*byte]) {
                (_, Some(Error::InvalidUtf8)) => return Some(taken),
                (_, Some(other)) => panic!("{other} in {payload:x?}"),
                (_, None) => taken += usize::from(place >= 6),
            }
        }
    }
    None
}

#[test]
fn valid_text_is_read() {
    for good in GOOD {
        check(&masked(TEXT, good.as_bytes()), &[text(good)], None);
    }
}

#[test]
fn invalid_text_is_refused() {
    for payload in BAD.iter().map(|(payload, _)| payload).chain(UNFINISHED) {
        check(&masked(TEXT, payload), &[], Some(Error::InvalidUtf8));
        let behind = [
            masked(TEXT, b"ok"),
            masked(TEXT, payload),
            masked(PING, b""),
        ]
        .concat();
        check(&behind, &[text("ok")], Some(Error::InvalidUtf8));
    }
    assert_eq!(Error::InvalidUtf8.close_code(), 1007);
}

#[test]
fn first_bad_byte_fails_partial_frame() {
    for (payload, bad) in BAD {
        let tail = [payload, &b" and a long tail that never arrives"[..]].concat();
        assert_eq!(
            refused_at(payload, &[masked(TEXT, &tail)]),
            Some(*bad),
            "{payload:x?}"
        );
    }
}

#[test]
fn first_bad_byte_fails_behind_every_cut() {
    for (payload, bad) in BAD {
        for place in 0..=*bad {
            let (begin, rest) = payload.split_at(place);
            let frames = [masked(TEXT_BEGIN, begin), masked(MORE, rest)];
            assert_eq!(
                refused_at(payload, &frames),
                Some(*bad),
                "{payload:x?} at {place}"
            );
        }
    }
}

#[test]
fn unfinished_character_fails_with_last_fragment() {
    for payload in UNFINISHED {
        let begin = masked(TEXT_BEGIN, payload);
        check(&begin, &[], None);
        let bytes = [begin, masked(LAST, b"")].concat();
        check(&bytes, &[], Some(Error::InvalidUtf8));
    }
}

#[test]
fn characters_may_span_fragments() {
    for good in GOOD {
        for place in 0..=good.len() {
            let (begin, end) = good.as_bytes().split_at(place);
            let bytes = [
                masked(TEXT_BEGIN, begin),
                masked(PING, b"\xff"),
                masked(LAST, end),
            ];
            let events = [Seen::Ping(vec![0xff]), text(good)];
            check(&bytes.concat(), &events, None);
        }
    }
}

#[test]
fn ascii_does_not_finish_a_character() {
    let bytes = [masked(TEXT_BEGIN, b"ab\xe2"), masked(MORE, b"plain")].concat();
    check(&bytes, &[], Some(Error::InvalidUtf8));
}

#[test]
fn binary_and_ping_need_no_utf8() {
    for (payload, _) in BAD {
        check(
            &masked(0x82, payload),
            &[Seen::Binary(payload.to_vec())],
            None,
        );
        check(
            &masked(PING, payload),
            &[Seen::Ping(payload.to_vec())],
            None,
        );
        let bytes = [masked(0x02, payload), masked(LAST, payload)].concat();
        check(&bytes, &[Seen::Binary(payload.repeat(2))], None);
    }
}
