//! What the tests share: frames as a peer writes them, and one `check` that reads them in every
//! cut.

use stompline_ws::{Decoder, Error, Event, Limits, Role};

pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// First bytes of frames: FIN and opcode.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const TEXT_BEGIN: u8 = 0x01;
pub(crate) const BINARY_BEGIN: u8 = 0x02;
pub(crate) const MORE: u8 = 0x00;
pub(crate) const LAST: u8 = 0x80;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// An event without its borrow, printed in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(payload) => Self::Text(payload.as_str().expect("text is UTF-8").to_owned()),
            Event::Binary(payload) => Self::Binary(payload.into_vec()),
            Event::Ping(payload) => Self::Ping(payload.into_vec()),
            Event::Pong(payload) => Self::Pong(payload.into_vec()),
            Event::Close(close) => {
                Self::Close(close.map(|close| (close.code.as_u16(), close.reason)))
            }
        }
    }
}

pub(crate) fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

pub(crate) fn closed(code: u16, reason: &str) -> Seen {
    Seen::Close(Some((code, reason.to_owned())))
}

/// A frame as a client sends it, written without the crate: any first byte, shortest length.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, 0x80, payload.len());
    out.extend_from_slice(&KEY);
    out.extend(
        payload
            .iter()
            .zip(KEY.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    out
}

/// A frame as a server sends it.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, 0, payload.len());
    out.extend_from_slice(payload);
    out
}

fn header(first: u8, mask: u8, len: usize) -> Vec<u8> {
    let bytes = (len as u64).to_be_bytes();
    match len {
        0..=125 => vec![first, mask | bytes[7]],
        126..=0xffff => vec![first, mask | 0x7e, bytes[6], bytes[7]],
        _ => [&[first, mask | 0x7f], &bytes[..]].concat(),
    }
}

/// Reads all of `bytes` as one input.
pub(crate) fn feed(decoder: &mut Decoder, bytes: &[u8]) -> (Vec<Seen>, Option<Error>) {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut seen = Vec::new();
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(event)) => seen.push(event.into()),
            Ok(None) => {
                assert!(input.is_empty(), "bytes are left over without an event");
                return (seen, None);
            }
            Err(error) => return (seen, Some(error)),
        }
    }
}

/// Reads `bytes` in the pieces that `sizes` gives, over and over.
pub(crate) fn feed_cut(
    decoder: &mut Decoder,
    bytes: &[u8],
    sizes: &[usize],
) -> (Vec<Seen>, Option<Error>) {
    let mut seen = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at((*size).clamp(1, rest.len().max(1)).min(rest.len()));
        let (events, error) = feed(decoder, piece);
        seen.extend(events);
        rest = behind;
        if error.is_some() || rest.is_empty() {
            return (seen, error);
        }
    }
    (seen, None)
}

/// Reads a client's bytes whole, one by one and cut in two at every place: the outcome is the
/// same each time.
#[track_caller]
pub(crate) fn check(bytes: &[u8], events: &[Seen], error: Option<Error>) {
    check_role(Role::Server, bytes, events, error);
}

#[track_caller]
pub(crate) fn check_role(role: Role, bytes: &[u8], events: &[Seen], error: Option<Error>) {
    let expected = (events.to_vec(), error);
    let decoder = || Decoder::new(role, Limits::default());
    assert_eq!(feed(&mut decoder(), bytes), expected, "in one piece");
    assert_eq!(
        feed_cut(&mut decoder(), bytes, &[1]),
        expected,
        "byte by byte"
    );
    for place in 1..bytes.len().min(300) {
        let outcome = feed_cut(&mut decoder(), bytes, &[place, bytes.len()]);
        assert_eq!(outcome, expected, "cut at {place}");
    }
}
