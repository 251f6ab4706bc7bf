//! How WebSockets end (RFC 6455, section 7). The services here would wait for minutes before they give a connection up.

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use stompline_sockjs::{Connection, Settings, Transport, websocket::Opcode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    endpoint::start,
    socket::{Socket, masked},
};

const FRAMED: &str = "/echo/000/abcdefgh/websocket";

/// A frame with a reserved opcode.
const BAD_OPCODE: &[u8] = &[0x83, 0x80, 1, 2, 3, 4];
/// A text that is not UTF-8, in one frame.
const BAD_TEXT: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, 0xff];
/// A Close with one byte.
const BAD_CLOSE: &[u8] = &[0x88, 0x81, 0, 0, 0, 0, 3];

#[tokio::test]
async fn messages_before_a_close_are_answered() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo").await;
    let large = vec![b'x'; 60_000];
    let mut sent = masked(Opcode::Text, b"first");
    for _ in 0..6 {
        sent.extend(masked(Opcode::Binary, &large));
    }
    sent.extend(masked(Opcode::Text, b"last"));
    sent.extend(masked(Opcode::Close, &1000_u16.to_be_bytes()));
    socket.send_raw(&sent).await;
    socket.expect('t', "first").await;
    for _ in 0..6 {
        let (_, payload) = socket.next().await;
        assert!(payload == large, "{} bytes", payload.len());
    }
    socket.expect('t', "last").await;
    socket.expect('x', "1000").await;
    socket.expect('-', "").await;
}

#[tokio::test]
async fn messages_before_a_violation_are_answered() {
    let address = start().await;
    for (fault, code) in [
        (BAD_OPCODE, "1002"),
        (BAD_TEXT, "1007"),
        (BAD_CLOSE, "1002"),
    ] {
        let mut socket = Socket::open(address, "/echo").await;
        socket
            .send_raw(&[&masked(Opcode::Text, b"before"), fault].concat())
            .await;
        socket.expect('t', "before").await;
        socket.expect('x', code).await;
    }
}

#[tokio::test]
async fn messages_before_broken_framing_are_answered() {
    let address = start().await;
    let mut socket = Socket::open(address, FRAMED).await;
    socket.expect('t', "o").await;
    let sent = [
        masked(Opcode::Text, br#"["before"]"#),
        masked(Opcode::Text, b"{"),
    ];
    socket.send_raw(&sent.concat()).await;
    socket.expect('t', r#"a["before"]"#).await;
    socket.expect('x', "3000").await;
}

#[tokio::test]
async fn server_ends_tcp_first_after_a_violation() {
    let address = start().await;
    for fault in [BAD_OPCODE, BAD_TEXT, BAD_CLOSE] {
        let mut socket = Socket::open(address, "/echo").await;
        socket.send_raw(fault).await;
        assert_eq!(socket.next().await.0, 'x');
        socket.expect('-', "").await;
    }
}

#[tokio::test]
async fn what_follows_a_close_is_ignored() {
    let address = start().await;
    for first in [masked(Opcode::Close, &[]), BAD_OPCODE.to_vec()] {
        let mut socket = Socket::open(address, "/echo").await;
        socket.send_raw(&first).await;
        // More than anybody buffers: a socket that is closed over unread bytes is reset, and takes our Close with it.
        for _ in 0..64 {
            socket
                .send_raw(&masked(Opcode::Binary, &vec![7; 100_000]))
                .await;
        }
        assert_eq!(socket.next().await.0, 'x');
        socket.expect('-', "").await;
    }
}

#[tokio::test]
async fn close_is_answered_with_its_own_code() {
    let address = start().await;
    for path in ["/echo", FRAMED] {
        for code in [1000, 1001, 1003, 1014, 3000, 4999] {
            let mut socket = Socket::open(address, path).await;
            if path == FRAMED {
                socket.expect('t', "o").await;
            }
            let body = [&u16::to_be_bytes(code)[..], "tschüß".as_bytes()].concat();
            socket.send(Opcode::Close, &body).await;
            socket.expect('x', &code.to_string()).await;
            socket.expect('-', "").await;
        }
    }
}

#[tokio::test]
async fn close_without_code_is_answered_without() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo").await;
    socket.send(Opcode::Close, &[]).await;
    socket.expect('x', "0").await;
    socket.expect('-', "").await;
}

#[tokio::test]
async fn own_close_ends_with_the_answer() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo").await;
    socket.send(Opcode::Text, b"close").await;
    socket.expect('x', "3000").await;
    // What was under way is not answered any more.
    socket.send(Opcode::Text, b"late").await;
    socket.send(Opcode::Close, &3000_u16.to_be_bytes()).await;
    socket.expect('-', "").await;
}

#[tokio::test]
async fn other_streams_end_the_same_way() {
    let (mut client, stream) = tokio::io::duplex(1024);
    let settings = Settings::default();
    let mut connection = Connection::<Bytes>::over(stream, Transport::WebSocket, &settings);
    let server = tokio::spawn(async move {
        let mut messages = 0;
        while poll_fn(|context| connection.poll_receive(context, &mut |_| messages += 1))
            .await
            .is_ok()
        {}
        connection.finish(Duration::from_mins(5)).await;
        messages
    });
    let sent = [&masked(Opcode::Text, b"before"), BAD_OPCODE].concat();
    client.write_all(&sent).await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!((received[0], &received[2..4]), (0x88, &[0x03, 0xea][..]));
    drop(client);
    assert_eq!(server.await.unwrap(), 1);
}
