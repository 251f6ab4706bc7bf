//! When the decoder refuses, and what it is like afterwards.

use stompline_proto::{DecodeError, DecodeLimits, Decoded, Decoder, Frame, Side, Version};

fn limits() -> DecodeLimits {
    DecodeLimits::default()
        .frame_bytes_max(40)
        .headers_max(2)
        .header_name_bytes_max(5)
        .header_value_bytes_max(6)
}

fn decoder(limits: DecodeLimits) -> Decoder {
    let mut decoder = Decoder::new(Side::Server, limits);
    decoder.set_version(Version::V1_2);
    decoder
}

fn frames(decoder: &mut Decoder, mut input: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let mut frames = Vec::new();
    while let Some(decoded) = decoder.decode(&mut input)? {
        if let Decoded::Frame(frame) = decoded {
            frames.push(frame);
        }
    }
    Ok(frames)
}

#[test]
fn faults_are_found_at_their_first_octet() {
    let table: [(&[u8], &str); 21] = [
        (b"GET ", "unknown_command"),
        (b"\x16", "unknown_command"),
        (b"SEND:", "unknown_command"),
        (b"SEN\rD", "unknown_command"),
        (b"SEN\0", "unknown_command"),
        (b"UNKNOWNUNKNOWNUNKNOWNUNKN", "unknown_command"),
        (b"SENS\n\n", "unknown_command"),
        (b"SENS\nname\n", "unknown_command"),
        (b"SEND\0", "malformed_frame"),
        (b"\rS", "malformed_frame"),
        (b"\r\r", "malformed_frame"),
        (b"SEND\n:", "malformed_frame"),
        (b"SEND\nname\n", "malformed_frame"),
        (b"SEND\nn:v\0", "malformed_frame"),
        (b"SEND\n123456", "header_too_large"),
        (b"SEND\nn:v\nn:v\nx", "too_many_headers"),
        (b"SEND\nn:v\nn:v\n\rx", "too_many_headers"),
        (
            b"SEND\n\n0123456789012345678901234567890123",
            "frame_too_large",
        ),
        (b"BEGIN\n\nx", "body_not_allowed"),
        (b"SEND\nn:\\t\n\n", "bad_escape"),
        (b"SEND\nn:\xff\n\n", "bad_utf8"),
    ];
    for (stream, code) in table {
        let mut decoder = decoder(limits());
        let (last, before) = stream.split_last().unwrap();
        for octet in before {
            let read = frames(&mut decoder, &[*octet]);
            assert_eq!(read, Ok(vec![]), "{:?}", String::from_utf8_lossy(stream));
        }
        let error = frames(&mut decoder, &[*last]).unwrap_err();
        assert_eq!(error.code(), code, "{:?}", String::from_utf8_lossy(stream));
        let whole = frames(&mut self::decoder(limits()), stream);
        assert_eq!(whole, Err(error), "{:?}", String::from_utf8_lossy(stream));
    }
}

/// A value may have one octet more until it is known whether that is the CR of the line's end.
#[test]
fn long_values_are_found_in_time() {
    let mut decoder = decoder(limits());
    assert_eq!(frames(&mut decoder, b"SEND\nn:123456\r"), Ok(vec![]));
    assert_eq!(frames(&mut decoder, b"\nn:123456"), Ok(vec![]));
    assert_eq!(frames(&mut decoder, b"7"), Ok(vec![]));
    let error = DecodeError::HeaderValueTooLong {
        line: 2,
        bytes_max: 6,
    };
    assert_eq!(frames(&mut decoder, b"8"), Err(error));
}

#[test]
fn announced_lengths_fail_with_the_head() {
    // Names of this length need a limit of their own.
    let limits = limits().header_name_bytes_max(14);
    let head = |length: usize| format!("SEND\ncontent-length:{length}\n\n");
    let fits = 40 - head(10).len() - 1;
    assert_eq!(
        frames(&mut decoder(limits), head(fits).as_bytes()),
        Ok(vec![])
    );
    let error = DecodeError::FrameTooLarge { bytes_max: 40 };
    assert_eq!(
        frames(&mut decoder(limits), head(fits + 1).as_bytes()),
        Err(error)
    );

    let error = frames(&mut decoder(limits), b"BEGIN\ncontent-length:1\n\n").unwrap_err();
    assert_eq!(error.code(), "body_not_allowed");
    let error = frames(&mut decoder(limits), b"SEND\ncontent-length:-1\n\n").unwrap_err();
    assert_eq!(error.code(), "bad_content_length");
}

#[test]
fn whole_limit_may_be_used() {
    let stream = b"SEND\n\n012345678901234567890123456789012\0";
    assert_eq!(stream.len(), 40);
    assert_eq!(frames(&mut decoder(limits()), stream).unwrap().len(), 1);
    // A head that leaves no room for the NUL.
    let limits = limits().frame_bytes_max(7);
    let error = DecodeError::FrameTooLarge { bytes_max: 7 };
    assert_eq!(frames(&mut decoder(limits), b"BEGIN\n\n"), Err(error));
}

#[test]
fn failed_decoder_stays_failed() {
    let mut decoder = decoder(DecodeLimits::default());
    assert_eq!(decoder.failed_receipt(), None);
    let mut input: &[u8] = b"SEND\nreceipt:r1\nbad\n\n\0SEND\n\n\0";
    let error = decoder.decode(&mut input).unwrap_err();
    assert_eq!(error, DecodeError::MissingColon { line: 2 });
    assert!(input.is_empty());
    assert_eq!(decoder.decode(&mut &b"SEND\n\n\0"[..]), Err(error.clone()));
    assert_eq!(decoder.failed_receipt(), Some("r1"));

    let frame = error.to_frame(decoder.failed_receipt());
    assert_eq!(frame.headers.find("code"), Some("malformed_frame"));
    assert_eq!(frame.headers.find("receipt-id"), Some("r1"));
}

#[test]
fn frame_before_the_fault_is_kept() {
    let mut decoder = decoder(DecodeLimits::default());
    let mut input: &[u8] = b"SEND\n\n\0NOPE\n\n\0";
    assert!(matches!(
        decoder.decode(&mut input),
        Ok(Some(Decoded::Frame(_)))
    ));
    assert_eq!(decoder.decode(&mut input), Err(DecodeError::UnknownCommand));
}

#[test]
fn run_of_line_ends_is_one_beat() {
    let mut decoder = decoder(DecodeLimits::default());
    let mut input: &[u8] = b"\n\r\n\n\r";
    assert_eq!(decoder.decode(&mut input), Ok(Some(Decoded::Heartbeat)));
    assert_eq!(decoder.decode(&mut input), Ok(None));
    let mut input: &[u8] = b"\nSEND\n\n\0";
    assert_eq!(decoder.decode(&mut input), Ok(Some(Decoded::Heartbeat)));
    assert!(matches!(
        decoder.decode(&mut input),
        Ok(Some(Decoded::Frame(_)))
    ));
    assert_eq!(decoder.decode(&mut input), Ok(None));
}

#[test]
fn client_reads_large_frames_from_the_start() {
    let limits = DecodeLimits::default().frame_bytes_max_before_connect(10);
    let mut decoder = Decoder::new(Side::Client, limits);
    let stream = b"CONNECTED\nversion:1.1\nsession:a\\nb\n\n\0MESSAGE\nn:a\\nb\n\n\0";
    let read = frames(&mut decoder, stream).unwrap();
    assert_eq!(decoder.version(), Version::V1_1);
    assert_eq!(read[0].headers.find("session"), Some("a\\nb"));
    assert_eq!(read[1].headers.find("n"), Some("a\nb"));
}

#[test]
fn version_follows_the_first_connect_only() {
    let mut decoder = Decoder::new(Side::Server, DecodeLimits::default());
    assert_eq!(decoder.version(), Version::V1_0);
    for (offered, version) in [("1.1", Version::V1_1), ("1.2", Version::V1_1)] {
        let connect = format!("CONNECT\naccept-version:{offered}\n\n\0");
        frames(&mut decoder, connect.as_bytes()).unwrap();
        assert_eq!(decoder.version(), version);
    }
    decoder.set_version(Version::V1_2);
    assert_eq!(decoder.version(), Version::V1_2);
}

#[test]
fn texts_name_limits_and_no_input() {
    let stream = b"SEND\nsecret:secret-value\n\n\0";
    let error = frames(&mut decoder(limits()), stream).unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "the name in header line 1 is too long, at most 5 octets are allowed"
    );
    let frame = format!("{:?}", error.to_frame(None));
    assert!(!frame.contains("secret"), "{frame}");
}
