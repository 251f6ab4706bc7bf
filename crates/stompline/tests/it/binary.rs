//! Bodies that are not text.

use std::time::Duration;

use bytes::Bytes;
use stompline::{Message, Outgoing, Realm, Stompline, Transport, UserName, auth::Principal};
use stompline_proto::{Command, Version, encode};
use stompline_ws::{Decoder, Event, Limits, Opcode, Role};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{PATIENCE, frame, header, open, serve, test_app};

/// A WebSocket that tells what kind of message came.
struct Wire {
    stream: TcpStream,
    decoder: Decoder,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        let limits = Limits {
            message_bytes_max: 1_000_000,
            frame_bytes_max: 1_000_000,
        };
        let decoder = Decoder::new(Role::Client, limits);
        Self { stream, decoder }
    }

    async fn transmit(&mut self, command: Command, headers: &[(&str, &str)]) {
        let (mut payload, mut message) = (Vec::new(), Vec::new());
        encode(&frame(command, headers), Version::V1_2, &mut payload);
        stompline_ws::write_masked(&mut message, Opcode::Text, &payload, [1, 2, 3, 4]);
        self.stream.write_all(&message).await.unwrap();
    }

    /// The next message, which comes alone.
    async fn receive(&mut self) -> (Opcode, Vec<u8>) {
        let mut buffer = vec![0; 10_000];
        loop {
            let read = self.stream.read(&mut buffer);
            let count = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
            assert!(count > 0, "the server closes");
            match self.decoder.decode(&mut &mut buffer[..count]).unwrap() {
                Some(Event::Text(payload)) => return (Opcode::Text, payload.into_vec()),
                Some(Event::Binary(payload)) => return (Opcode::Binary, payload.into_vec()),
                // A sign of life, if the machine is that slow.
                Some(Event::Ping(_)) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_text_goes_out_as_a_binary_message() {
    const BINARY: &str = "application/octet-stream";
    let app = Stompline::builder::<()>().build().unwrap();
    let address = serve(axum::Router::new().merge(app.endpoint("/ws"))).await;
    let mut wire = Wire::new(open(address, "/ws", &[]).await.unwrap());
    let connect = [("accept-version", "1.2"), ("host", "x")];
    wire.transmit(Command::Connect, &connect).await;
    assert_eq!(wire.receive().await.0, Opcode::Text);
    let subscribe = [("id", "s"), ("destination", "/topic/x"), ("receipt", "r")];
    wire.transmit(Command::Subscribe, &subscribe).await;
    assert_eq!(wire.receive().await.0, Opcode::Text);
    for (content_type, body, opcode) in [
        ("text/plain", &b"text"[..], Opcode::Text),
        ("image/svg+xml", b"text", Opcode::Text),
        (BINARY, b"text", Opcode::Binary),
        (BINARY, b"\xff\0\xfe", Opcode::Binary),
        ("image/png", b"\x89PNG", Opcode::Binary),
        ("text/plain", b"\xe4\xf6", Opcode::Binary),
        ("text/plain", b"with a \0 in it", Opcode::Text),
    ] {
        let message = Message::new(content_type, Bytes::from_static(body));
        let messenger = app.messenger();
        let sent = messenger
            .publish(Outgoing::topic("/topic/x", message))
            .await;
        assert_eq!(sent.unwrap(), 1);
        let (kind, payload) = wire.receive().await;
        assert_eq!(kind, opcode, "{content_type} {body:?}");
        let whole = [b"\n\n", body, b"\0"].concat();
        assert!(payload.ends_with(&whole), "{content_type} {body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_sockjs_cannot_carry_is_counted_and_told_once() {
    let app = test_app(Stompline::builder());
    let anna = Principal::new(
        Realm::new("customer").unwrap(),
        UserName::new("anna").unwrap(),
    );
    let mut anna = app.open_as(anna, Transport::SockJsWebSocket);
    anna.connect().await;
    anna.subscribe("x", "/topic/x").await;
    anna.subscribe("e", "/user/queue/errors").await;
    let publish = async |body: &'static [u8]| {
        let message = Message::new("application/octet-stream", body);
        let messenger = app.app().messenger();
        let sent = messenger
            .publish(Outgoing::topic("/topic/x", message))
            .await;
        sent.unwrap()
    };
    assert_eq!(publish(b"\xff").await, 0);
    let told = anna.message().await;
    assert_eq!(header(&told, "destination"), "/user/queue/errors");
    assert_eq!(header(&told, "code"), "undeliverable");
    assert_eq!(app.app().stats().undeliverable, 1);
    assert_eq!(publish(b"\xfe").await, 0);
    // Binary by its type, and text all the same.
    assert_eq!(publish(b"text").await, 1);
    assert_eq!(anna.message().await.body, "text");
    let more = tokio::time::timeout(Duration::from_secs(10), anna.frame()).await;
    assert!(more.is_err(), "{more:?}");
    assert_eq!(app.app().stats().undeliverable, 1);
}
