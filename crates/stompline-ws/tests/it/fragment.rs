//! §5.4 fragmentation.

use stompline_ws::{Decoder, Error, Event, Limits, Payload, Role};

use crate::stream::{
    BINARY, BINARY_BEGIN, LAST, MORE, PING, PONG, Seen, TEXT, TEXT_BEGIN, check, masked, text,
};

#[test]
fn fragments_become_one_message() {
    let bytes = [
        masked(TEXT_BEGIN, b"he"),
        masked(MORE, b"ll"),
        masked(MORE, b""),
        masked(LAST, b"o"),
        masked(BINARY_BEGIN, &[1, 2]),
        masked(LAST, &[3]),
    ];
    let events = [text("hello"), Seen::Binary(vec![1, 2, 3])];
    check(&bytes.concat(), &events, None);
}

#[test]
fn empty_fragments_become_empty_message() {
    let bytes = [
        masked(TEXT_BEGIN, b""),
        masked(MORE, b""),
        masked(LAST, b""),
    ];
    check(&bytes.concat(), &[text("")], None);
    let bytes = [masked(TEXT_BEGIN, b""), masked(LAST, b"late")];
    check(&bytes.concat(), &[text("late")], None);
}

#[test]
fn control_frames_between_fragments_come_first() {
    let bytes = [
        masked(TEXT_BEGIN, b"frag"),
        masked(PING, b"now"),
        masked(MORE, b"men"),
        masked(PONG, b""),
        masked(PING, &[7; 125]),
        masked(LAST, b"t"),
        masked(TEXT, b"next"),
    ];
    let events = [
        Seen::Ping(b"now".to_vec()),
        Seen::Pong(Vec::new()),
        Seen::Ping(vec![7; 125]),
        text("fragment"),
        text("next"),
    ];
    check(&bytes.concat(), &events, None);
}

#[test]
fn continuation_without_message_is_refused() {
    for first in [MORE, LAST] {
        check(
            &masked(first, b"x"),
            &[],
            Some(Error::UnexpectedContinuation),
        );
        let bytes = [masked(TEXT, b"whole"), masked(first, b"x")].concat();
        check(
            &bytes,
            &[text("whole")],
            Some(Error::UnexpectedContinuation),
        );
        let bytes = [
            masked(TEXT_BEGIN, b"a"),
            masked(LAST, b"b"),
            masked(first, b"x"),
        ]
        .concat();
        check(&bytes, &[text("ab")], Some(Error::UnexpectedContinuation));
    }
}

#[test]
fn data_inside_fragmented_message_is_refused() {
    for begin in [TEXT_BEGIN, BINARY_BEGIN] {
        for first in [TEXT, BINARY, TEXT_BEGIN, BINARY_BEGIN] {
            let bytes = [masked(begin, b"a"), masked(first, b"b")].concat();
            check(&bytes, &[], Some(Error::UnfinishedMessage));
            let bytes = [masked(begin, b""), masked(PING, b""), masked(first, b"b")].concat();
            check(
                &bytes,
                &[Seen::Ping(Vec::new())],
                Some(Error::UnfinishedMessage),
            );
        }
    }
}

#[test]
fn whole_message_is_borrowed() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let mut bytes = [
        masked(TEXT, b"abc"),
        masked(PING, b"p"),
        masked(BINARY, b"d"),
    ]
    .concat();
    let mut input = &mut bytes[..];
    for _ in 0..3 {
        match decoder.decode(&mut input) {
            Ok(Some(Event::Text(payload) | Event::Ping(payload) | Event::Binary(payload))) => {
                assert!(matches!(payload, Payload::Borrowed(_)), "{payload:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn payload_behind_cut_header_is_borrowed() {
    let bytes = masked(TEXT, b"abc");
    for place in 1..=6 {
        let mut decoder = Decoder::new(Role::Server, Limits::default());
        let (mut head, mut rest) = (bytes[..place].to_vec(), bytes[place..].to_vec());
        assert_eq!(decoder.decode(&mut &mut head[..]), Ok(None));
        assert_eq!(decoder.held_bytes(), 0, "a cut header needs no heap");
        let mut input = &mut rest[..];
        let event = decoder.decode(&mut input);
        assert!(
            matches!(event, Ok(Some(Event::Text(Payload::Borrowed(b"abc"))))),
            "{event:?}"
        );
    }
}

#[test]
fn cut_message_is_owned_and_forgotten() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let bytes = masked(TEXT, b"abcdef");
    let (mut front, mut back) = (bytes[..9].to_vec(), bytes[9..].to_vec());
    assert_eq!(decoder.decode(&mut &mut front[..]), Ok(None));
    assert!(decoder.held_bytes() >= 3);
    let mut input = &mut back[..];
    match decoder.decode(&mut input) {
        Ok(Some(Event::Text(Payload::Owned(payload)))) => assert_eq!(payload, b"abcdef"),
        other => panic!("{other:?}"),
    }
    assert_eq!(decoder.held_bytes(), 0);
}
