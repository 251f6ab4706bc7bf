//! Writing, as the other side reads it.

use stompline_ws::{
    Close, CloseCode, Decoder, Limits, Masker, Opcode, Role, header_len, write_close,
    write_close_reply, write_header, write_masked, write_masked_close, write_ping, write_pong,
};

use crate::stream::{Seen, closed, feed, masked, unmasked};

/// What the other side makes of the bytes that `write` appends behind what is there.
fn read(role: Role, write: impl FnOnce(&mut Vec<u8>)) -> Seen {
    let mut out = b"kept".to_vec();
    write(&mut out);
    let written = out.strip_prefix(b"kept").expect("what was there is kept");
    let (mut events, error) = feed(&mut Decoder::new(role, Limits::default()), written);
    assert_eq!((events.len(), error), (1, None));
    events.remove(0)
}

#[test]
fn header_takes_the_fewest_bytes() {
    for (len, size) in [
        (0, 2),
        (125, 2),
        (126, 4),
        (127, 4),
        (0xffff, 4),
        (0x1_0000, 10),
        (1 << 40, 10),
    ] {
        let mut out = Vec::new();
        write_header(&mut out, Opcode::Binary, len);
        assert_eq!((out.len(), header_len(len)), (size, size), "{len}");
    }
}

#[test]
fn frames_equal_those_of_a_plain_writer() {
    for len in [0, 1, 3, 7, 8, 9, 125, 126, 200, 65_535, 65_536] {
        let payload: Vec<u8> = (0..=252).cycle().take(len).collect();
        for (opcode, first) in [(Opcode::Text, 0x81), (Opcode::Binary, 0x82)] {
            let mut out = Vec::new();
            write_header(&mut out, opcode, len);
            out.extend_from_slice(&payload);
            assert_eq!(out, unmasked(first, &payload), "server, {len}");
            let mut out = Vec::new();
            write_masked(&mut out, opcode, &payload, crate::stream::KEY);
            assert_eq!(out, masked(first, &payload), "client, {len}");
        }
    }
}

#[test]
fn ping_and_pong_are_cut_to_125_bytes() {
    let long = [9; 200];
    for len in [0, 4, 125, 126, 200] {
        let cut = long[..len.min(125)].to_vec();
        let ping = read(Role::Client, |out| write_ping(out, &long[..len]));
        assert_eq!(ping, Seen::Ping(cut.clone()));
        let pong = read(Role::Client, |out| write_pong(out, &long[..len]));
        assert_eq!(pong, Seen::Pong(cut));
    }
}

#[test]
fn reason_is_cut_between_characters() {
    for (reason, kept) in [
        ("bye".to_owned(), 3),
        ("x".repeat(123), 123),
        ("x".repeat(124), 123),
        ("é".repeat(62), 122),
        ("a".to_owned() + &"世".repeat(41), 121),
        ("😀".repeat(31), 120),
    ] {
        let expected = closed(4401, &reason[..kept]);
        let server = read(Role::Client, |out| {
            write_close(out, 4401, &reason);
        });
        assert_eq!(server, expected);
        let client = read(Role::Server, |out| {
            write_masked_close(out, 4401, &reason, [1, 2, 3, 4]);
        });
        assert_eq!(client, expected);
    }
}

#[test]
fn unsendable_code_becomes_empty_close() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2000, 5000] {
        let server = read(Role::Client, |out| write_close(out, code, "lost"));
        assert_eq!(server, Seen::Close(None));
        let client = read(Role::Server, |out| {
            write_masked_close(out, code, "lost", [0; 4]);
        });
        assert_eq!(client, Seen::Close(None));
    }
}

#[test]
fn close_reply_repeats_the_code() {
    for code in [1000, 3000, 4999] {
        let received = Close {
            code: CloseCode::new(code).expect("a code that may be sent"),
            reason: "the peer's words".to_owned(),
        };
        let reply = read(Role::Client, |out| write_close_reply(out, Some(&received)));
        assert_eq!(reply, closed(code, ""));
    }
    let reply = read(Role::Client, |out| write_close_reply(out, None));
    assert_eq!(reply, Seen::Close(None));
}

#[test]
fn masker_gives_fresh_keys() {
    let mut masker = Masker::new();
    let mut keys: Vec<[u8; 4]> = (0..200)
        .map(|_| masker.key().expect("the system has randomness"))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    // Two of 200 random keys are equal once in 200,000 runs, ten of them never.
    assert!(keys.len() > 190, "{} different keys", keys.len());
    assert_eq!(format!("{masker:?}"), "Masker { .. }", "keys stay secret");
}
