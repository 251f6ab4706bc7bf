//! §4: the opening handshake.

use stompline_ws::handshake::{
    ClientRequest, HandshakeError, RESPONSE_BYTES_MAX, Response, accept_key, is_valid_key, new_key,
    parse_response,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const REQUEST: ClientRequest<'static> = ClientRequest {
    host: "chat.example.com:8080",
    path: "/ws/chat/websocket?token=secret",
    key: KEY,
    protocols: &["v12.stomp", "v11.stomp"],
    headers: &[("Origin", "https://example.com"), ("Cookie", "a=b; c=d")],
};

fn upgrade(lines: &str) -> String {
    format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n")
}

fn good_lines() -> String {
    format!("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n")
}

fn refusal(answer: &str) -> HandshakeError {
    REQUEST
        .read_response(answer.as_bytes())
        .expect_err("the answer is refused")
}

fn accepted(answer: &str) -> (Response, usize) {
    REQUEST
        .read_response(answer.as_bytes())
        .expect("the answer is taken")
        .expect("the answer is complete")
}

#[test]
fn accept_key_equals_the_rfc_example() {
    assert_eq!(accept_key(KEY), ACCEPT);
}

#[test]
fn key_is_base64_of_16_bytes() {
    for key in [
        KEY,
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "x3JJHMbDL1EzLkh9GBhXDw==",
        "//////////////////////==",
    ] {
        assert!(is_valid_key(key), "{key}");
    }
    for key in [
        "",
        "AAAA",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEy",
        "dGhlIHNhbXBsZSBub25j*Q==",
        " GhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
        "世界世界世界世界",
    ] {
        assert!(!is_valid_key(key), "{key}");
    }
}

#[test]
fn fresh_keys_are_valid_and_differ() {
    let keys = [new_key(), new_key()].map(|key| key.expect("the system has randomness"));
    assert!(keys.iter().all(|key| is_valid_key(key)));
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn request_is_written_in_full() {
    let mut out = Vec::new();
    REQUEST.write(&mut out).expect("every part fits");
    let expected = "GET /ws/chat/websocket?token=secret HTTP/1.1\r\n\
        Host: chat.example.com:8080\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: v12.stomp, v11.stomp\r\n\
        Origin: https://example.com\r\n\
        Cookie: a=b; c=d\r\n\r\n";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}

#[test]
fn request_without_protocols_has_no_line() {
    let mut out = Vec::new();
    let request = ClientRequest {
        protocols: &[],
        headers: &[],
        ..REQUEST
    };
    request.write(&mut out).expect("every part fits");
    assert!(!String::from_utf8_lossy(&out).contains("Protocol"));
}

#[test]
fn request_cannot_be_broken_apart() {
    for host in ["", "a b", "a\r\nX: y"] {
        check_refused("the host", ClientRequest { host, ..REQUEST });
    }
    for path in ["", "ws", "/a b", "/a\nb", "/é"] {
        check_refused("the path", ClientRequest { path, ..REQUEST });
    }
    for key in ["", "short", "dGhlIHNhbXBsZSBub25j\r\nQ="] {
        check_refused("the key", ClientRequest { key, ..REQUEST });
    }
    for name in ["", "a,b", "a b", "a\r\n"] {
        let protocols = &["v12.stomp", name];
        check_refused(
            "a sub-protocol",
            ClientRequest {
                protocols,
                ..REQUEST
            },
        );
    }
    for header in [
        ("", "b"),
        ("A B", "c"),
        ("A:", "c"),
        ("A", "b\r\nC: d"),
        ("A", "b\0"),
    ] {
        let headers = &[header];
        check_refused("a header", ClientRequest { headers, ..REQUEST });
    }
}

#[track_caller]
fn check_refused(part: &'static str, request: ClientRequest<'_>) {
    let mut out = Vec::new();
    let refused = Err(HandshakeError::InvalidRequest(part));
    assert_eq!(request.write(&mut out), refused);
    assert!(out.is_empty(), "nothing is written");
}

#[test]
fn upgrade_is_accepted_at_its_last_byte() {
    let answer = upgrade(&(good_lines() + "Sec-WebSocket-Protocol: v11.stomp\r\nX-Node: a\r\n"));
    for place in 0..answer.len() {
        assert_eq!(
            REQUEST.read_response(&answer.as_bytes()[..place]),
            Ok(None),
            "{place}"
        );
    }
    let (response, consumed) = accepted(&(answer.clone() + "\x01frames"));
    assert_eq!(consumed, answer.len(), "frames behind the head are left");
    assert_eq!(
        (response.status, response.protocol.as_deref()),
        (101, Some("v11.stomp"))
    );
    assert_eq!(response.header("x-node"), Some("a"));
    assert_eq!(response.header("absent"), None);
}

#[test]
fn upgrade_headers_are_read_leniently() {
    let lines = format!(
        "upgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n\
         sec-websocket-accept:  {ACCEPT} \r\n"
    );
    let (response, _) = accepted(&upgrade(&lines));
    assert_eq!(response.protocol, None);
}

#[test]
fn bad_upgrade_is_refused() {
    let good = good_lines();
    let cases = [
        (
            good.replace("Upgrade: websocket", "X: y"),
            HandshakeError::MissingUpgrade,
        ),
        (
            good.replace("websocket", "h2c"),
            HandshakeError::MissingUpgrade,
        ),
        (
            good.replace("Connection: Upgrade", "Connection: close"),
            HandshakeError::MissingConnection,
        ),
        (
            good.replace(ACCEPT, &accept_key("another")),
            HandshakeError::WrongAccept,
        ),
        (
            good.replace(ACCEPT, &ACCEPT.to_lowercase()),
            HandshakeError::WrongAccept,
        ),
        (
            good.replace("Sec-WebSocket-Accept", "X"),
            HandshakeError::WrongAccept,
        ),
        (
            good.clone() + "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            HandshakeError::UnexpectedExtension,
        ),
        (
            good.clone() + "Sec-WebSocket-Protocol: v10.stomp\r\n",
            HandshakeError::UnexpectedProtocol,
        ),
        (
            good.clone() + "Sec-WebSocket-Protocol: v12.stomp, v11.stomp\r\n",
            HandshakeError::UnexpectedProtocol,
        ),
        (
            good + "Sec-WebSocket-Protocol: v12.stomp\r\nSec-WebSocket-Protocol: v11.stomp\r\n",
            HandshakeError::UnexpectedProtocol,
        ),
    ];
    for (lines, error) in cases {
        assert_eq!(refusal(&upgrade(&lines)), error, "{lines}");
    }
}

#[test]
fn other_status_is_an_answer() {
    for status in [200, 301, 400, 401, 403, 404, 426, 503] {
        let head =
            format!("HTTP/1.1 {status} Reason\r\nContent-Length: 2\r\nRetry-After: 3\r\n\r\n");
        let (response, consumed) = accepted(&(head.clone() + "no"));
        assert_eq!((response.status, consumed), (status, head.len()));
        assert_eq!(response.header("Retry-After"), Some("3"));
    }
}

#[test]
fn answer_that_is_not_http_is_refused() {
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "\x16\x03\x01",
    ] {
        assert!(
            matches!(refusal(answer), HandshakeError::NotHttp(_)),
            "{answer:?}"
        );
    }
}

#[test]
fn answer_has_bounds() {
    let many = upgrade(&"X: y\r\n".repeat(129));
    assert_eq!(refusal(&many), HandshakeError::TooManyHeaders);
    let long = format!("HTTP/1.1 101 OK\r\nX: {}", "y".repeat(RESPONSE_BYTES_MAX));
    assert_eq!(refusal(&long), HandshakeError::ResponseTooLong);
    let fits = &long[..RESPONSE_BYTES_MAX - 1];
    assert_eq!(parse_response(fits.as_bytes(), KEY), Ok(None));
}

#[test]
fn debug_shows_no_secret() {
    let request = ClientRequest {
        headers: &[("Authorization", "Bearer secret")],
        ..REQUEST
    };
    let shown = format!("{request:?}");
    assert!(shown.contains("/ws/chat/websocket\""), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    let (response, _) = accepted("HTTP/1.1 200 OK\r\nSet-Cookie: id=secret\r\n\r\n");
    let shown = format!("{response:?}");
    assert!(shown.contains("200"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}
