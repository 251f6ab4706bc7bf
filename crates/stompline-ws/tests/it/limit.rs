//! §10.4: what a peer can make us hold.

use stompline_ws::{Decoder, Error, Limits, Role};

use crate::stream::{BINARY, BINARY_BEGIN, LAST, MORE, PING, Seen, feed, masked};

fn decoder(message_bytes_max: usize, frame_bytes_max: usize) -> Decoder {
    Decoder::new(
        Role::Server,
        Limits {
            message_bytes_max,
            frame_bytes_max,
        },
    )
}

#[test]
fn idle_decoder_is_small() {
    assert!(size_of::<Decoder>() < 96, "{}", size_of::<Decoder>());
    assert_eq!(decoder(1024, 1024).held_bytes(), 0);
}

#[test]
fn frame_over_limit_is_refused_from_header() {
    for len in [101_usize, 126, 65_535, 65_536, 1 << 40, (1 << 63) - 1] {
        let mut decoder = decoder(1000, 100);
        let header = header_of(len);
        let (last, before) = header.split_last().expect("a header has bytes");
        assert_eq!(feed(&mut decoder, before), (vec![], None));
        let error = Error::FrameTooBig {
            len: len as u64,
            max: 100,
        };
        assert_eq!(feed(&mut decoder, &[*last]), (vec![], Some(error)));
        assert_eq!((error.close_code(), decoder.held_bytes()), (1009, 0));
    }
}

/// A client's header up to its length: the masking key is not needed to refuse it.
fn header_of(len: usize) -> Vec<u8> {
    let bytes = (len as u64).to_be_bytes();
    match len {
        0..=125 => vec![BINARY, 0x80 | bytes[7]],
        126..=0xffff => vec![BINARY, 0xfe, bytes[6], bytes[7]],
        _ => [&[BINARY, 0xff], &bytes[..]].concat(),
    }
}

#[test]
fn message_at_limit_is_read() {
    let payload = vec![1; 300];
    let seen = (vec![Seen::Binary(payload.clone())], None);
    assert_eq!(
        feed(&mut decoder(300, 300), &masked(BINARY, &payload)),
        seen
    );
    let bytes = [
        masked(BINARY_BEGIN, &payload[..100]),
        masked(MORE, &payload[..100]),
        masked(LAST, &payload[..100]),
    ];
    assert_eq!(feed(&mut decoder(300, 100), &bytes.concat()), seen);
}

#[test]
fn message_over_limit_is_refused_from_header() {
    for size in [1, 2, 100] {
        let mut decoder = decoder(300, 100);
        let mut held = 0;
        let error = loop {
            let first = if held == 0 { BINARY_BEGIN } else { MORE };
            let frame = masked(first, &vec![1; size]);
            let whole = if held + size > 300 { 2 } else { frame.len() };
            match feed(&mut decoder, &frame[..whole]) {
                (events, None) if events.is_empty() => held += size,
                (_, error) => break error,
            }
            assert!(decoder.held_bytes() <= 300);
        };
        let refused = Error::MessageTooBig {
            len: (held + size) as u64,
            max: 300,
        };
        assert_eq!(error, Some(refused));
        assert_eq!((refused.close_code(), decoder.held_bytes()), (1009, 0));
    }
}

#[test]
fn memory_grows_with_what_arrived() {
    let max = 1 << 24;
    for first in [BINARY, BINARY_BEGIN] {
        let mut decoder = decoder(max, max);
        let frame = masked(first, &vec![1; max]);
        let (header, payload) = frame.split_at(14);
        assert_eq!(feed(&mut decoder, header), (vec![], None));
        assert_eq!(decoder.held_bytes(), 0, "an announcement costs nothing");
        let mut arrived = 0;
        for piece in payload[..1 << 20].chunks(1000) {
            feed(&mut decoder, piece);
            arrived += piece.len();
            assert!(decoder.held_bytes() <= 2 * arrived, "{arrived} arrived");
        }
    }
}

#[test]
fn announced_length_bounds_growth() {
    let mut decoder = decoder(1 << 20, 1 << 20);
    let frame = masked(BINARY, &[1; 1000]);
    feed(&mut decoder, &frame[..908]);
    feed(&mut decoder, &frame[908..1007]);
    assert!(
        (999..=1000).contains(&decoder.held_bytes()),
        "{}",
        decoder.held_bytes()
    );
}

#[test]
fn control_frames_have_no_part_in_limits() {
    let mut decoder = decoder(3, 3);
    let bytes = [
        masked(BINARY_BEGIN, b"abc"),
        masked(PING, &[0; 125]),
        masked(LAST, b""),
    ];
    let events = vec![Seen::Ping(vec![0; 125]), Seen::Binary(b"abc".to_vec())];
    assert_eq!(feed(&mut decoder, &bytes.concat()), (events, None));
}

#[test]
fn limit_zero_takes_empty_messages() {
    let mut decoder = decoder(0, 0);
    let bytes = [masked(BINARY, b""), masked(BINARY, b"x")].concat();
    let error = Error::FrameTooBig { len: 1, max: 0 };
    let outcome = (vec![Seen::Binary(Vec::new())], Some(error));
    assert_eq!(feed(&mut decoder, &bytes), outcome);
}

#[test]
fn debug_shows_no_payload() {
    let mut decoder = decoder(1000, 1000);
    feed(&mut decoder, &masked(BINARY, b"passcode:secret")[..12]);
    let shown = format!("{decoder:?}");
    assert!(
        shown.contains("held_bytes") && !shown.contains("112"),
        "{shown}"
    );
}
