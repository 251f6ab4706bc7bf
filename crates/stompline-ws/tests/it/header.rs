//! §5.1 masking, §5.2 the base framing.

use stompline_ws::{Error, Role};

use crate::stream::{
    BINARY, BINARY_BEGIN, CLOSE, KEY, PING, Seen, TEXT, TEXT_BEGIN, check, check_role, masked,
    text, unmasked,
};

#[test]
fn examples_of_the_rfc_are_read() {
    // §5.7, the frames with a length that fits a test.
    let hello = [text("Hello")];
    let cases: [(Role, Vec<u8>, &[Seen]); 4] = [
        (
            Role::Client,
            vec![0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
            &hello,
        ),
        (
            Role::Server,
            vec![
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
            ],
            &hello,
        ),
        (
            Role::Client,
            vec![0x01, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f],
            &hello,
        ),
        (
            Role::Server,
            vec![
                0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
            ],
            &[Seen::Pong(b"Hello".to_vec())],
        ),
    ];
    for (role, bytes, events) in cases {
        check_role(role, &bytes, events, None);
    }
}

#[test]
fn every_form_of_length_is_read() {
    for len in [
        0, 1, 7, 8, 9, 124, 125, 126, 127, 128, 255, 256, 4096, 65_535, 65_536,
    ] {
        let payload: Vec<u8> = (0..=250).cycle().take(len).collect();
        check(
            &masked(BINARY, &payload),
            &[Seen::Binary(payload.clone())],
            None,
        );
        let bytes = unmasked(BINARY, &payload);
        check_role(Role::Client, &bytes, &[Seen::Binary(payload)], None);
    }
}

#[test]
fn frame_with_wrong_mask_is_refused() {
    for first in [TEXT, BINARY, TEXT_BEGIN, PING, CLOSE] {
        check(&unmasked(first, b"ab"), &[], Some(Error::UnmaskedFrame));
        check_role(
            Role::Client,
            &masked(first, b"ab"),
            &[],
            Some(Error::MaskedFrame),
        );
    }
    check(&unmasked(TEXT, b""), &[], Some(Error::UnmaskedFrame));
}

#[test]
fn zero_masking_key_is_a_key() {
    let bytes = [&[TEXT, 0x83, 0, 0, 0, 0], &b"abc"[..]].concat();
    check(&bytes, &[text("abc")], None);
}

#[test]
fn reserved_bits_are_refused_at_once() {
    for bits in [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70] {
        for first in [TEXT, BINARY_BEGIN, PING, CLOSE] {
            check(&[first | bits], &[], Some(Error::ReservedBits(bits)));
        }
    }
    let bytes = [masked(TEXT, b"ok"), masked(TEXT | 0x40, b"deflated")].concat();
    check(&bytes, &[text("ok")], Some(Error::ReservedBits(0x40)));
}

#[test]
fn reserved_opcodes_are_refused_at_once() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(&[0x80 | opcode], &[], Some(Error::ReservedOpcode(opcode)));
        check(&[opcode], &[], Some(Error::ReservedOpcode(opcode)));
    }
}

#[test]
fn length_in_too_many_bytes_is_refused() {
    for (bytes, len) in [
        (vec![TEXT, 0xfe, 0, 0], 0),
        (vec![TEXT, 0xfe, 0, 125], 125),
        (vec![TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], 1),
        (vec![TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 0xffff),
    ] {
        check(&bytes, &[], Some(Error::LengthNotMinimal(len)));
    }
}

#[test]
fn length_with_top_bit_is_refused() {
    for high in [0x80, 0xff] {
        let bytes = [BINARY, 0xff, high, 0, 0, 0, 0, 0, 0, 0];
        check(&bytes, &[], Some(Error::LengthTopBit));
    }
}

#[test]
fn messages_in_one_input_keep_order() {
    let bytes = [
        masked(TEXT, b"one"),
        masked(BINARY, b"two"),
        masked(TEXT, b""),
        masked(PING, b"p"),
        masked(TEXT, "三".as_bytes()),
    ];
    let events = [
        text("one"),
        Seen::Binary(b"two".to_vec()),
        text(""),
        Seen::Ping(b"p".to_vec()),
        text("三"),
    ];
    check(&bytes.concat(), &events, None);
}

#[test]
fn unmasking_follows_any_cut() {
    let payload: Vec<u8> = (0..=255).collect();
    let bytes = masked(BINARY, &payload);
    assert_eq!(bytes[4..8], KEY);
    check(&bytes, &[Seen::Binary(payload)], None);
}

#[test]
fn errors_of_frames_close_with_1002() {
    for error in [
        Error::ReservedBits(0x40),
        Error::ReservedOpcode(3),
        Error::UnmaskedFrame,
        Error::MaskedFrame,
        Error::FragmentedControl,
        Error::ControlTooLong,
        Error::LengthNotMinimal(1),
        Error::LengthTopBit,
        Error::UnexpectedContinuation,
        Error::UnfinishedMessage,
        Error::CloseLength,
        Error::CloseCode(1005),
    ] {
        assert_eq!(error.close_code(), 1002, "{error}");
    }
}
