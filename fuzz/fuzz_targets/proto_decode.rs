//! Any octets, cut anywhere: the decoder reads the same as in one piece, holds no more than its
//! limit, and what it read survives being written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stompline_proto::{DecodeError, DecodeLimits, Decoded, Decoder, Frame, Side, Version, encode};

const FRAME_BYTES_MAX: usize = 512;
const HEADERS_MAX: usize = 8;

/// Octets that the decoder may hold for its list of headers.
const LIST_BYTES_MAX: usize = 24 * HEADERS_MAX;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (setting, cut, octets) = input;
    let version = [
        None,
        Some(Version::V1_0),
        Some(Version::V1_1),
        Some(Version::V1_2),
    ][usize::from(setting % 4)];
    let side = if setting & 4 == 0 {
        Side::Server
    } else {
        Side::Client
    };

    let whole = read(decoder(side, version), &[octets]);
    let pieces: Vec<_> = octets.chunks(usize::from(cut).max(1)).collect();
    assert_eq!(read(decoder(side, version), &pieces), whole);
    if version == Some(Version::V1_2) {
        whole
            .0
            .iter()
            .for_each(|frame| check_round_trip(frame, side));
    }
});

type Reading = (Vec<Frame>, Option<DecodeError>, Option<String>);

fn decoder(side: Side, version: Option<Version>) -> Decoder {
    let limits = DecodeLimits::default()
        .frame_bytes_max(FRAME_BYTES_MAX)
        .frame_bytes_max_before_connect(FRAME_BYTES_MAX)
        .headers_max(HEADERS_MAX)
        .header_name_bytes_max(32)
        .header_value_bytes_max(64);
    let mut decoder = Decoder::new(side, limits);
    if let Some(version) = version {
        decoder.set_version(version);
    }
    decoder
}

fn read(mut decoder: Decoder, pieces: &[&[u8]]) -> Reading {
    let mut frames = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(Decoded::Frame(frame))) => frames.push(frame),
                Ok(Some(Decoded::Heartbeat)) => {}
                Ok(None) => break,
                Err(error) => {
                    return (
                        frames,
                        Some(error),
                        decoder.failed_receipt().map(str::to_owned),
                    );
                }
            }
        }
        assert!(decoder.held_bytes() <= FRAME_BYTES_MAX + LIST_BYTES_MAX);
    }
    (frames, None, None)
}

fn check_round_trip(frame: &Frame, side: Side) {
    let mut octets = Vec::new();
    encode(frame, Version::V1_2, &mut octets);
    let mut decoder = Decoder::new(side, DecodeLimits::default());
    decoder.set_version(Version::V1_2);
    let decoded = decoder.decode(&mut &octets[..]);
    assert_eq!(decoded, Ok(Some(Decoded::Frame(frame.clone()))));
}
