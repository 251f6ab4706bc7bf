//! §5.5.1, §7.1 and §7.4: closing.

use stompline_ws::{CloseCode, Decoder, Error, Limits, Role};

use crate::stream::{
    CLOSE, PING, Seen, TEXT, TEXT_BEGIN, check, closed, feed, feed_cut, masked, text,
};

fn body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

#[test]
fn allowed_codes_are_read() {
    let registered = (1000..=1003).chain(1007..=1014);
    for code in registered.chain([3000, 3001, 3999, 4000, 4401, 4999]) {
        check(&masked(CLOSE, &body(code, b"")), &[closed(code, "")], None);
        let typed = CloseCode::new(code).expect("an allowed code");
        assert_eq!((typed.as_u16(), u16::from(typed)), (code, code));
        assert_eq!(typed.to_string(), code.to_string());
    }
}

#[test]
fn forbidden_codes_are_refused() {
    let reserved = [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ];
    for code in reserved {
        let bytes = masked(CLOSE, &body(code, b"reason"));
        check(&bytes, &[], Some(Error::CloseCode(code)));
        assert_eq!(CloseCode::new(code), None);
        assert_eq!(CloseCode::try_from(code), Err(Error::CloseCode(code)));
    }
}

#[test]
fn close_without_body_has_no_code() {
    check(&masked(CLOSE, b""), &[Seen::Close(None)], None);
}

#[test]
fn close_of_one_byte_is_refused() {
    check(&masked(CLOSE, b"\x03")[..2], &[], Some(Error::CloseLength));
}

#[test]
fn reason_of_123_bytes_is_read() {
    let reason = "é".repeat(61) + "!";
    assert_eq!(reason.len(), 123);
    check(
        &masked(CLOSE, &body(1000, reason.as_bytes())),
        &[closed(1000, &reason)],
        None,
    );
}

#[test]
fn reason_that_is_not_utf8_is_refused() {
    for reason in [
        &b"\xff"[..],
        b"ab\xc3",
        b"\xed\xa0\x80",
        b"\xce\xba\xe1\xbd",
    ] {
        let bytes = masked(CLOSE, &body(1000, reason));
        check(&bytes, &[], Some(Error::InvalidUtf8));
    }
}

#[test]
fn cut_close_is_refused_early() {
    let cases = [
        (body(1000, b"ok\xffmore"), 4, Error::InvalidUtf8),
        (body(1005, b"more"), 1, Error::CloseCode(1005)),
    ];
    for (body, bad, error) in cases {
        let bytes = masked(CLOSE, &body);
        let mut decoder = Decoder::new(Role::Server, Limits::default());
        let (before, behind) = bytes.split_at(6 + bad);
        assert_eq!(feed_cut(&mut decoder, before, &[1]), (vec![], None));
        assert_eq!(feed(&mut decoder, &behind[..1]), (vec![], Some(error)));
    }
}

#[test]
fn input_after_close_is_discarded() {
    let bytes = [
        masked(CLOSE, &body(1000, b"bye")),
        masked(TEXT, b"late"),
        masked(PING, b"late"),
        vec![0xff; 40],
    ];
    check(&bytes.concat(), &[closed(1000, "bye")], None);

    let mut decoder = Decoder::new(Role::Server, Limits::default());
    assert!(!decoder.is_ended());
    assert_eq!(
        feed(&mut decoder, &bytes[0]),
        (vec![closed(1000, "bye")], None)
    );
    assert!(decoder.is_ended());
    assert_eq!(feed(&mut decoder, &bytes[1]), (vec![], None));
}

#[test]
fn input_after_error_is_discarded() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let bytes = [
        masked(TEXT, b"good"),
        masked(0x83, b"bad"),
        masked(TEXT, b"late"),
    ]
    .concat();
    let outcome = (vec![text("good")], Some(Error::ReservedOpcode(3)));
    assert_eq!(feed(&mut decoder, &bytes), outcome);
    assert!(decoder.is_ended());
    assert_eq!(feed(&mut decoder, &masked(TEXT, b"late")), (vec![], None));
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn close_inside_fragmented_message_ends_it() {
    let bytes = [
        masked(TEXT_BEGIN, b"never"),
        masked(CLOSE, &body(1001, b"")),
    ]
    .concat();
    check(&bytes, &[closed(1001, "")], None);
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    feed(&mut decoder, &bytes);
    assert_eq!(decoder.held_bytes(), 0, "the unfinished message is dropped");
}
