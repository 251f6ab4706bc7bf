//! Properties over random streams.

use proptest::collection::vec;
use proptest::prelude::*;
use stompline_ws::{Decoder, Error, Limits, Opcode, Role, header_len, write_header, write_masked};

use crate::stream::{CLOSE, LAST, MORE, PING, PONG, Seen, TEXT, feed, feed_cut, masked};

const LIMITS: Limits = Limits {
    message_bytes_max: 2000,
    frame_bytes_max: 700,
};

fn decoder() -> Decoder {
    Decoder::new(Role::Server, LIMITS)
}

/// A message in fragments of the given sizes, a Ping or a Pong behind each that wants one.
#[derive(Debug, Clone)]
struct Sent {
    message: Seen,
    fragments: Vec<(prop::sample::Index, Option<Vec<u8>>)>,
}

impl Sent {
    /// The bytes on the wire and the events that they are.
    fn write(&self, bytes: &mut Vec<u8>, events: &mut Vec<Seen>) {
        let (opcode, payload) = match &self.message {
            Seen::Text(text) => (1, text.as_bytes()),
            Seen::Binary(payload) => (2, &payload[..]),
            other => panic!("{other:?} is not sent in fragments"),
        };
        let mut rest = payload;
        for (place, (cut, control)) in self.fragments.iter().enumerate() {
            let (fragment, behind) = rest.split_at(cut.index(rest.len() + 1).min(600));
            bytes.extend(masked(if place == 0 { opcode } else { MORE }, fragment));
            rest = behind;
            if let Some(control) = control {
                let ping = control.len().is_multiple_of(2);
                bytes.extend(masked(if ping { PING } else { PONG }, control));
                let event = if ping { Seen::Ping } else { Seen::Pong };
                events.push(event(control.clone()));
            }
        }
        let first = if self.fragments.is_empty() {
            opcode
        } else {
            MORE
        };
        bytes.extend(masked(LAST | first, rest));
        events.push(self.message.clone());
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let message = prop_oneof![
        "\\PC{0,120}".prop_map(Seen::Text),
        vec(any::<u8>(), 0..600).prop_map(Seen::Binary),
    ];
    let control = proptest::option::of(vec(any::<u8>(), 0..=125));
    let fragments = vec((any::<prop::sample::Index>(), control), 0..4);
    (message, fragments).prop_map(|(message, fragments)| Sent { message, fragments })
}

/// Bytes that are more often the beginning of something than random ones are.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let first = prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a]);
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        (first, vec(any::<u8>(), 0..300)).prop_map(|(first, payload)| masked(first, &payload)),
        (any::<u8>(), "\\PC{0,40}").prop_map(|(first, text)| masked(first, text.as_bytes())),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_events(
        messages in vec(sent(), 0..6),
        sizes in vec(1_usize..200, 1..20),
    ) {
        let (mut bytes, mut events) = (Vec::new(), Vec::new());
        for message in &messages {
            message.write(&mut bytes, &mut events);
        }
        prop_assert_eq!(feed(&mut decoder(), &bytes), (events.clone(), None));
        let mut decoder = decoder();
        prop_assert_eq!(feed_cut(&mut decoder, &bytes, &sizes), (events, None));
        prop_assert_eq!(decoder.held_bytes(), 0);
    }

    #[test]
    fn any_cut_of_noise_gives_the_same_outcome(
        bytes in noise(),
        sizes in vec(1_usize..50, 1..20),
    ) {
        let whole = feed(&mut decoder(), &bytes);
        prop_assert_eq!(feed_cut(&mut decoder(), &bytes, &sizes), whole);
    }

    #[test]
    fn noise_holds_no_more_than_the_limit(bytes in noise(), size in 1_usize..100) {
        let mut decoder = decoder();
        for piece in bytes.chunks(size) {
            let (_, error) = feed(&mut decoder, piece);
            // An unfinished control frame has its own fixed place beside the message.
            prop_assert!(decoder.held_bytes() <= LIMITS.message_bytes_max + 140);
            prop_assert!(error.is_none() || decoder.held_bytes() == 0);
        }
    }

    #[test]
    fn client_frame_is_read_by_server(payload in vec(any::<u8>(), 0..700), key: [u8; 4]) {
        let mut bytes = Vec::new();
        write_masked(&mut bytes, Opcode::Binary, &payload, key);
        prop_assert_eq!(bytes.len(), header_len(payload.len()) + 4 + payload.len());
        prop_assert_eq!(feed(&mut decoder(), &bytes), (vec![Seen::Binary(payload)], None));
    }

    #[test]
    fn server_frame_is_read_by_client(payload in vec(any::<u8>(), 0..700)) {
        let mut bytes = Vec::new();
        write_header(&mut bytes, Opcode::Binary, payload.len());
        bytes.extend_from_slice(&payload);
        let mut client = Decoder::new(Role::Client, LIMITS);
        prop_assert_eq!(feed(&mut client, &bytes), (vec![Seen::Binary(payload)], None));
    }

    /// The standard library decides which byte is the first bad one.
    #[test]
    fn text_fails_at_the_first_bad_byte(
        begin in "\\PC{0,20}",
        end in vec(any::<u8>(), 0..12),
        fragment in 0_usize..40,
    ) {
        let payload = [begin.as_bytes(), &end].concat();
        let bad = (0..payload.len()).find(|last| {
            std::str::from_utf8(&payload[..=*last])
                .is_err_and(|fault| fault.error_len().is_some())
        });
        let mut decoder = decoder();
        let (begin, rest) = payload.split_at(fragment.min(payload.len()));
        let mut refused = None;
        for (frame, offset) in [(masked(1, begin), 0), (masked(MORE, rest), begin.len())] {
            for (place, byte) in frame.iter().enumerate() {
                let (events, error) = feed(&mut decoder, &[*byte]);
                prop_assert_eq!(events, vec![]);
                if error.is_some() {
                    prop_assert_eq!(error, Some(Error::InvalidUtf8));
                    refused = Some(offset + place - 6);
                }
            }
        }
        prop_assert_eq!(refused, bad);
    }

    #[test]
    fn close_body_is_read_or_refused(code: u16, reason in vec(any::<u8>(), 0..20)) {
        let body = [&code.to_be_bytes()[..], &reason].concat();
        let (events, error) = feed(&mut decoder(), &masked(CLOSE, &body));
        let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let expected = match String::from_utf8(reason) {
            _ if !allowed => (vec![], Some(Error::CloseCode(code))),
            Ok(reason) => (vec![Seen::Close(Some((code, reason)))], None),
            Err(_) => (vec![], Some(Error::InvalidUtf8)),
        };
        prop_assert_eq!((events, error), expected);
    }

    #[test]
    fn whole_text_is_read_like_std(payload in vec(any::<u8>(), 0..80)) {
        let (events, error) = feed(&mut decoder(), &masked(TEXT, &payload));
        let expected = match String::from_utf8(payload) {
            Ok(text) => (vec![Seen::Text(text)], None),
            Err(_) => (vec![], Some(Error::InvalidUtf8)),
        };
        prop_assert_eq!((events, error), expected);
    }
}
