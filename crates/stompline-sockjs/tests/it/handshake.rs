//! What a request needs to become a WebSocket (RFC 6455, section 4.2.1).

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::endpoint::start;

const HEADERS: [&str; 5] = [
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

/// The head of the answer to a request with `headers` in place of the usual one that begins with `replaced`.
async fn ask(address: SocketAddr, start: &str, replaced: &str, headers: &[&str]) -> String {
    let kept = HEADERS.iter().filter(|line| !line.starts_with(replaced));
    let lines: Vec<&str> = kept.chain(headers).copied().collect();
    let request = format!("{start}\r\n{}\r\n\r\n", lines.join("\r\n"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(stream.read_u8().await.unwrap()));
    }
    head.to_ascii_lowercase()
}

const GET: &str = "GET /echo/websocket HTTP/1.1";

#[tokio::test]
async fn lists_and_cases_are_understood() {
    let address = start().await;
    for (replaced, headers) in [
        ("Connection", &["Connection: keep-alive, Upgrade"][..]),
        (
            "Connection",
            &["connection: keep-alive", "Connection: UPGRADE"],
        ),
        ("Upgrade", &["Upgrade: WebSocket"]),
        ("Upgrade", &["Upgrade: h2c, websocket"]),
        (
            "Sec-WebSocket-Key",
            &["Sec-WebSocket-Key: \t dGhlIHNhbXBsZSBub25jZQ== \t "],
        ),
        (
            "-",
            &["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
        ),
        ("-", &["Sec-WebSocket-Protocol: unknown"]),
    ] {
        let head = ask(address, GET, replaced, headers).await;
        assert!(head.starts_with("http/1.1 101 "), "{headers:?}: {head}");
        let accept = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n";
        assert!(head.contains(accept), "{headers:?}: {head}");
        for unasked in ["sec-websocket-extensions", "sec-websocket-protocol"] {
            assert!(!head.contains(unasked), "{headers:?}: {head}");
        }
    }
}

#[tokio::test]
async fn first_known_protocol_is_chosen() {
    let address = start().await;
    for (headers, chosen) in [
        (&["v11.stomp, v12.stomp"][..], "v11.stomp"),
        (&["unknown", ",, v12.stomp ,v11.stomp"], "v12.stomp"),
        (&["v12.stomp2,v11.stomp"], "v11.stomp"),
    ] {
        let lines: Vec<String> = headers
            .iter()
            .map(|value| format!("Sec-WebSocket-Protocol: {value}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let head = ask(address, GET, "-", &lines).await;
        let line = format!("sec-websocket-protocol: {chosen}\r\n");
        assert!(head.contains(&line), "{headers:?}: {head}");
        assert_eq!(head.matches("sec-websocket-protocol").count(), 1, "{head}");
    }
}

#[tokio::test]
async fn faulty_handshakes_are_refused() {
    let address = start().await;
    let second_key = "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==";
    for (replaced, headers, status) in [
        ("Upgrade", &[][..], "400"),
        ("Upgrade", &["Upgrade: websocket2"], "400"),
        ("Connection", &["Connection: keep-alive"], "400"),
        ("Sec-WebSocket-Key", &[], "400"),
        ("Sec-WebSocket-Key", &["Sec-WebSocket-Key: abc"], "400"),
        ("-", &[second_key], "400"),
        ("-", &[HEADERS[3]], "400"),
        ("Host", &[], "400"),
        ("-", &["Host: other"], "400"),
        ("Sec-WebSocket-Version", &[], "426"),
        (
            "Sec-WebSocket-Version",
            &["Sec-WebSocket-Version: 8"],
            "426",
        ),
        (
            "Sec-WebSocket-Version",
            &["Sec-WebSocket-Version: 13, 8"],
            "426",
        ),
        ("-", &["Sec-WebSocket-Version: 8"], "426"),
    ] {
        let head = ask(address, GET, replaced, headers).await;
        assert_eq!(&head[9..12], status, "{replaced} {headers:?}: {head}");
        let names_version = head.contains("sec-websocket-version: 13\r\n");
        assert_eq!(names_version, status == "426", "{head}");
    }
    for start in [
        "POST /echo/websocket HTTP/1.1",
        "GET /echo/websocket HTTP/1.0",
    ] {
        let head = ask(address, start, "-", &[]).await;
        assert!(!head[9..].starts_with("101"), "{start}: {head}");
    }
}
