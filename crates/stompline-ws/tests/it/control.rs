//! §5.5 control frames.

use stompline_ws::{Decoder, Error, Limits, Role};

use crate::stream::{PING, PONG, Seen, TEXT, TEXT_BEGIN, check, feed, masked, text};

#[test]
fn ping_and_pong_of_any_length_are_read() {
    for len in [0, 1, 2, 124, 125] {
        let payload = vec![0xfe; len];
        check(
            &masked(PING, &payload),
            &[Seen::Ping(payload.clone())],
            None,
        );
        check(&masked(PONG, &payload), &[Seen::Pong(payload)], None);
    }
}

#[test]
fn control_over_125_bytes_is_refused() {
    for opcode in [0x88, 0x89, 0x8a] {
        for len in [126, 127, 65_536] {
            let bytes = masked(opcode, &vec![0; len]);
            check(&bytes[..2], &[], Some(Error::ControlTooLong));
        }
    }
}

#[test]
fn fragmented_control_is_refused() {
    for opcode in [0x08, 0x09, 0x0a] {
        check(&masked(opcode, b"ab"), &[], Some(Error::FragmentedControl));
        let bytes = [masked(TEXT_BEGIN, b"a"), masked(opcode, b"")].concat();
        check(&bytes, &[], Some(Error::FragmentedControl));
    }
}

#[test]
fn cut_ping_inside_cut_message_is_kept_apart() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let begin = masked(TEXT_BEGIN, "gr\u{fc}".as_bytes());
    let ping = masked(PING, b"ping");
    let end = masked(0x80, "\u{df}e".as_bytes());
    assert_eq!(feed(&mut decoder, &begin), (vec![], None));
    assert_eq!(feed(&mut decoder, &ping[..8]), (vec![], None));
    let ping_seen = vec![Seen::Ping(b"ping".to_vec())];
    assert_eq!(feed(&mut decoder, &ping[8..]), (ping_seen, None));
    assert_eq!(
        feed(&mut decoder, &end),
        (vec![text("gr\u{fc}\u{df}e")], None)
    );
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn ping_is_an_event_before_the_rest_arrives() {
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let bytes = [masked(PING, b"1"), masked(TEXT, b"slow")].concat();
    let (events, error) = feed(&mut decoder, &bytes[..9]);
    assert_eq!((events, error), (vec![Seen::Ping(b"1".to_vec())], None));
}
