use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use bytes::Bytes;
use http::StatusCode;
use stompline_sockjs::{
    Close, Connection, Endpoint, Purpose, Refusal, Request, Service, Settings, websocket::Opcode,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use crate::socket::Socket;

/// Sends every message back, and closes when it is told to.
struct Echo;

impl Service for Echo {
    type Message = Bytes;
    type Admission = ();
    type Owner = ();

    async fn admit(&self, request: Request<'_>) -> Result<(), Refusal> {
        let refused = request.purpose() == Purpose::Info && request.uri().query() == Some("refuse");
        let refusal = || {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "later")
                .retry_after(Duration::from_millis(1_500))
        };
        if refused { Err(refusal()) } else { Ok(()) }
    }

    async fn open(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn identify(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn serve(self: Arc<Self>, (): (), mut connection: Connection<Bytes>) {
        let outbox = Arc::clone(connection.outbox());
        std::future::poll_fn(|context| {
            if connection.poll_flush(context).is_ready() {
                return std::task::Poll::Ready(());
            }
            let received = connection.poll_receive(context, &mut |incoming| {
                if incoming.bytes() == b"close" {
                    outbox.close(Close::new(3000, "Go away!"));
                } else {
                    outbox.push(Bytes::copy_from_slice(incoming.bytes()));
                }
            });
            match received {
                std::task::Poll::Ready(Ok(())) => {
                    context.waker().wake_by_ref();
                    std::task::Poll::Pending
                }
                std::task::Poll::Ready(Err(_)) => std::task::Poll::Ready(()),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        })
        .await;
        // No test may pass by waiting for the end of this.
        connection.finish(Duration::from_mins(5)).await;
    }
}

pub(crate) async fn start() -> SocketAddr {
    let settings = Settings::default()
        .sockjs(true)
        .protocols(["v12.stomp", "v11.stomp"]);
    let endpoint = Endpoint::new("/echo", Arc::new(Echo), settings, TaskTracker::new());
    let router: Router = Router::new().merge(endpoint);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// One request; gives head and body.
async fn request(address: SocketAddr, text: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = format!("{text}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn greeting_and_info_are_as_clients_expect() {
    let address = start().await;
    for path in ["/echo", "/echo/", "/echo?a=b"] {
        let (head, body) = request(address, &format!("GET {path} HTTP/1.1")).await;
        assert!(
            head.contains(" 200 ") && head.contains("text/plain; charset=utf-8"),
            "{head}"
        );
        assert_eq!(body, "Welcome to SockJS!\n");
    }
    let mut entropies = Vec::new();
    for _ in 0..2 {
        let (head, body) = request(address, "GET /echo/info HTTP/1.1\r\nOrigin: null").await;
        assert!(head.contains("access-control-allow-origin: null"), "{head}");
        assert!(
            head.contains("access-control-allow-credentials: true"),
            "{head}"
        );
        assert!(head.contains("no-store"), "{head}");
        let info: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&info["websocket"], &info["origins"][0]),
            (&true.into(), &"*:*".into())
        );
        entropies.push(info["entropy"].as_u64().unwrap());
    }
    assert_ne!(entropies[0], entropies[1]);
}

#[tokio::test]
async fn refusals_have_status_and_headers() {
    let address = start().await;
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for (text, status, also) in [
        ("POST /echo HTTP/1.1".to_owned(), " 405 ", "allow: get"),
        (
            "GET /echo/none HTTP/1.1".to_owned(),
            " 404 ",
            "access-control-allow-origin: *",
        ),
        ("GET /echo/a.b/c/websocket HTTP/1.1".to_owned(), " 404 ", ""),
        ("GET /echo/websocket HTTP/1.1".to_owned(), " 400 ", ""),
        (
            format!("GET /echo/websocket HTTP/1.1\r\nSec-WebSocket-Version: 13\r\n{upgrade}"),
            " 400 ",
            "",
        ),
        (
            "GET /echo/info?refuse HTTP/1.1".to_owned(),
            " 503 ",
            "retry-after: 2",
        ),
        (
            "OPTIONS /echo/info HTTP/1.1".to_owned(),
            " 204 ",
            "access-control-max-age: 31536000",
        ),
    ] {
        let (head, _) = request(address, &text).await;
        assert!(
            head.contains(status) && head.contains(also),
            "{text}: {head}"
        );
    }
}

#[tokio::test]
async fn raw_websocket_keeps_the_opcode() {
    let address = start().await;
    for path in ["/echo", "/echo/websocket"] {
        let mut socket = Socket::open(address, path).await;
        socket.send(Opcode::Text, "text ü".as_bytes()).await;
        socket.expect('t', "text ü").await;
        socket.send(Opcode::Binary, &[0xff]).await;
        assert_eq!(socket.next().await, ('b', vec![0xff]));
        socket.send(Opcode::Ping, b"p").await;
        socket.expect('!', "p").await;
        socket.send(Opcode::Close, &[0x0b, 0xb9]).await;
        socket.expect('x', "3001").await;
        socket.expect('-', "").await;
    }
}

#[tokio::test]
async fn framed_websocket_speaks_sockjs() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo/000/abcdefgh/websocket").await;
    socket.expect('t', "o").await;
    socket.send(Opcode::Text, b"").await;
    socket.send(Opcode::Text, b"[]").await;
    socket.send(Opcode::Text, br#"["a","b\u2028"]"#).await;
    socket.expect('t', r#"a["a"]"#).await;
    socket.expect('t', r#"a["b\u2028"]"#).await;
    socket.send(Opcode::Text, br#""c""#).await;
    socket.expect('t', r#"a["c"]"#).await;
    socket.send(Opcode::Text, br#"["close"]"#).await;
    socket.expect('t', r#"c[3000,"Go away!"]"#).await;
    socket.expect('x', "3000").await;
}

#[tokio::test]
async fn broken_framing_closes() {
    let address = start().await;
    for payload in [&br#"["a"#[..], b"{}"] {
        let mut socket = Socket::open(address, "/echo/000/x/websocket").await;
        socket.expect('t', "o").await;
        socket.send(Opcode::Text, payload).await;
        socket.expect('x', "3000").await;
    }
}

#[tokio::test]
async fn closing_client_is_answered_with_a_close_alone() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo/000/x/websocket").await;
    socket.expect('t', "o").await;
    socket.send(Opcode::Close, &[0x03, 0xe8]).await;
    socket.expect('x', "1000").await;
    socket.expect('-', "").await;
}

#[tokio::test]
async fn many_large_messages_arrive_in_order() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo").await;
    for round in 0..20_u8 {
        for n in 0..8_u8 {
            socket.send(Opcode::Binary, &vec![n + round; 40_000]).await;
        }
        for n in 0..8_u8 {
            let (_, payload) = socket.next().await;
            assert!(payload.len() == 40_000 && payload.iter().all(|byte| *byte == n + round));
        }
    }
}

#[tokio::test]
async fn message_over_the_limit_is_too_big() {
    let address = start().await;
    let mut socket = Socket::open(address, "/echo").await;
    socket.send(Opcode::Text, &vec![b'x'; 200_000]).await;
    socket.expect('x', "1009").await;
}
