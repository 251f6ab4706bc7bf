//! What holds for every stream, not only for those that somebody thought of.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use stompline_proto::{
    Command, DecodeError, DecodeLimits, Decoded, Decoder, Frame, Headers, Side, Version, encode,
    needs_escape, write_header,
};

const FRAME_BYTES_MAX: usize = 600;
const HEADERS_MAX: usize = 12;

fn limits() -> DecodeLimits {
    DecodeLimits::default()
        .frame_bytes_max(FRAME_BYTES_MAX)
        .frame_bytes_max_before_connect(FRAME_BYTES_MAX)
        .headers_max(HEADERS_MAX)
        .header_name_bytes_max(40)
        .header_value_bytes_max(120)
}

/// All that a decoder makes of a stream.
#[derive(Debug, PartialEq)]
struct Reading {
    frames: Vec<Frame>,
    error: Option<DecodeError>,
    receipt: Option<String>,
    idle: bool,
}

fn read<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let mut frames = Vec::new();
    let mut error = None;
    for mut piece in pieces {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(Decoded::Frame(frame))) => frames.push(frame),
                Ok(Some(Decoded::Heartbeat)) => {}
                Ok(None) => break,
                Err(found) => {
                    assert!(
                        error.is_none_or(|before| before == found),
                        "an error is for good"
                    );
                    error = Some(found);
                    break;
                }
            }
        }
        assert!(piece.is_empty(), "the input is used up");
        let bound = FRAME_BYTES_MAX + 24 * HEADERS_MAX;
        assert!(
            decoder.held_bytes() <= bound,
            "{} octets held",
            decoder.held_bytes()
        );
    }
    let receipt = decoder.failed_receipt().map(str::to_owned);
    Reading {
        frames,
        error,
        receipt,
        idle: decoder.is_idle(),
    }
}

fn decoder(version: Option<Version>) -> Decoder {
    let mut decoder = Decoder::new(Side::Server, limits());
    if let Some(version) = version {
        decoder.set_version(version);
    }
    decoder
}

fn version() -> impl Strategy<Value = Version> {
    select(Version::ALL.to_vec())
}

/// Text of what matters to the codec: escapes, line ends, separators, NUL, blanks, long characters.
fn text(bytes_max: usize) -> impl Strategy<Value = String> {
    vec(
        select(vec![
            'a', 'n', 'r', 'c', '\\', ':', '\n', '\r', '\0', ' ', 'é', '値',
        ]),
        0..12,
    )
    .prop_map(move |chars| {
        let mut text = String::from_iter(chars);
        while text.len() > bytes_max {
            text.pop();
        }
        text
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = select(vec!["destination", "receipt", "id", "ack"]).prop_map(str::to_owned);
    let any = text(10).prop_map(|text| format!("x{text}"));
    prop_oneof![known, any]
}

fn frame() -> impl Strategy<Value = Frame> {
    let command = select(Command::ALL.to_vec());
    let headers = vec((name(), text(30)), 0..6);
    let body = vec(prop_oneof![Just(0), any::<u8>()], 0..40);
    (command, headers, body).prop_map(|(command, headers, body)| Frame {
        command,
        headers: Headers::from_iter(headers),
        body: if command.allows_body() {
            body.into()
        } else {
            Bytes::new()
        },
    })
}

/// Frames as they come over the wire, with blank lines between, and then damaged in a few places.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let frames = vec(
        (
            frame(),
            version(),
            select(vec!["", "\n", "\r\n", "\n\r\n\n"]),
        ),
        0..5,
    );
    let damage = vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..4);
    (frames, damage).prop_map(|(frames, damage)| {
        let mut octets = Vec::new();
        for (frame, version, gap) in frames {
            encode(&frame, version, &mut octets);
            octets.extend(gap.as_bytes());
        }
        for (index, kind, octet) in damage {
            if octets.is_empty() {
                break;
            }
            let at = index.index(octets.len());
            match kind {
                0 => octets[at] = octet,
                1 => octets.insert(at, octet),
                2 => octets.insert(at, b"\r\n:\\\0"[usize::from(octet) % 5]),
                _ => {
                    octets.remove(at);
                }
            }
        }
        octets
    })
}

/// What decoding must give back: without what the version can not write.
fn expressible(frame: &Frame, version: Version) -> Frame {
    let version = if frame.command.escapes_headers() {
        version
    } else {
        Version::V1_0
    };
    let lost = |text: &str, instead: &str, colon: bool| {
        let mut kept = text.replace('\0', instead);
        if version < Version::V1_2 {
            kept = kept.replace('\r', instead);
        }
        if version < Version::V1_1 {
            kept = kept.replace('\n', instead);
        }
        if version < Version::V1_1 && colon {
            kept = kept.replace(':', instead);
        }
        kept
    };
    let headers = frame
        .headers
        .iter()
        .map(|(name, value)| (lost(name, "_", true), lost(value, " ", false)))
        .collect();
    Frame {
        headers,
        ..frame.clone()
    }
}

fn trimmed(frame: Frame) -> Frame {
    let headers = frame
        .headers
        .iter()
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    Frame { headers, ..frame }
}

proptest! {
    #[test]
    fn any_cut_reads_the_same(
        stream in stream(),
        version in prop::option::of(version()),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let whole = read(&mut decoder(version), [&stream[..]]);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(&read(&mut decoder(version), pieces), &whole);
        prop_assert_eq!(&read(&mut decoder(version), stream.chunks(1)), &whole);
    }

    #[test]
    fn decode_undoes_encode(frame in frame(), version in version()) {
        let mut octets = Vec::new();
        encode(&frame, version, &mut octets);
        let reading = read(&mut decoder(Some(version)), [&octets[..]]);
        prop_assert_eq!(reading.error, None);
        let mut expected = expressible(&frame, version);
        if version == Version::V1_0 {
            expected = trimmed(expected);
        }
        prop_assert_eq!(reading.frames, [expected]);
    }

    #[test]
    fn escaping_distributes_over_concatenation(
        one in text(40),
        other in text(40),
        version in version(),
    ) {
        let written = |value: &str| {
            let mut line = Vec::new();
            write_header(&mut line, version, "n", value);
            line[2..line.len() - 1].to_vec()
        };
        let joined = format!("{one}{other}");
        prop_assert_eq!(written(&joined), [written(&one), written(&other)].concat());
        prop_assert_eq!(needs_escape(&joined), needs_escape(&one) || needs_escape(&other));
        if !needs_escape(&joined) {
            prop_assert_eq!(written(&joined), joined.into_bytes());
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(
        octets in vec(any::<u8>(), 0..2000),
        version in prop::option::of(version()),
        chunk in 1..64_usize,
    ) {
        // What is asserted on the way is in `read`.
        read(&mut decoder(version), octets.chunks(chunk));
    }

    #[test]
    fn endless_frames_are_bounded(
        start in select(vec![
            "SEND\n\n",
            "SEND\ncontent-length:590\n\n",
            "SEND\nn:",
            "SEND\nn",
            "SEND\nn:v\n",
            "S",
            "\n",
        ]),
        rest in select(vec!["x", "n:v\n", "\\n", "n:\n"]),
        chunk in 1..700_usize,
    ) {
        let stream = start.to_owned() + &rest.repeat(1000);
        let reading = read(&mut decoder(Some(Version::V1_2)), stream.as_bytes().chunks(chunk));
        prop_assert!(reading.error.is_some());
    }
}
