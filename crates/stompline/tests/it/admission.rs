//! Handshakes whose authentication takes its time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use stompline::{
    BoxFuture, Limits, Realm, Stompline, Transport, UserName,
    auth::{AuthError, Authenticator, Credentials, Principal},
    testing::TestClient,
};
use stompline_proto::Command;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, Semaphore},
};

use crate::support::{PATIENCE, frame, header, serve};

/// Lets in whoever comes, once the test allows it.
#[derive(Clone)]
struct Slow {
    allowed: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
    heard: Arc<Notify>,
}

impl Authenticator for Slow {
    fn authenticate<'a>(
        &'a self,
        _: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.heard.notify_one();
            self.allowed.acquire().await.unwrap().forget();
            let (realm, name) = (Realm::new("customer"), UserName::new("anna"));
            Ok(Principal::new(realm.unwrap(), name.unwrap()))
        })
    }
}

impl Slow {
    fn new() -> Self {
        Self {
            allowed: Arc::new(Semaphore::new(0)),
            asked: Arc::default(),
            heard: Arc::default(),
        }
    }

    /// Waits until so many have been asked about.
    async fn asked(&self, count: usize) {
        let asked = async {
            while self.asked.load(Ordering::Relaxed) < count {
                self.heard.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap();
    }
}

struct Server {
    address: SocketAddr,
    slow: Slow,
}

impl Server {
    async fn start(set: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        set(&mut limits);
        let app = Stompline::builder::<()>().limits(limits).build().unwrap();
        let slow = Slow::new();
        let (chat, late) = (app.endpoint("/ws/chat"), app.endpoint("/ws/late"));
        let router = axum::Router::new()
            .merge(chat.sockjs().authenticate(slow.clone()))
            .merge(late.authenticate(slow.clone()).late_authentication(true));
        let address = serve(router).await;
        Self { address, slow }
    }

    /// Asks for a WebSocket.
    async fn knock(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn info(&self) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "GET /ws/chat/info?token=t HTTP/1.1\r\nHost: {}\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        head(&mut stream).await
    }
}

/// The head of the answer.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    String::from_utf8(head).unwrap()
}

/// The answer to those for whom there is no place.
fn assert_busy(head: &str) {
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let (_, after) = head.split_once("retry-after: ").expect("it says when");
    let after: u64 = after.split("\r\n").next().unwrap().parse().unwrap();
    assert!((1..=5).contains(&after), "{head}");
}

#[tokio::test]
async fn slow_authentication_keeps_few_waiting() {
    let server = Server::start(|limits| limits.authentications_max = 2).await;
    let mut first = server.knock("/ws/chat?token=t").await;
    let mut second = server.knock("/ws/chat?token=t").await;
    server.slow.asked(2).await;
    assert_busy(&head(&mut server.knock("/ws/chat?token=t").await).await);
    assert_busy(&server.info().await);
    assert_eq!(
        server.slow.asked.load(Ordering::Relaxed),
        2,
        "nobody else was asked about"
    );
    server.slow.allowed.add_permits(2);
    for stream in [&mut first, &mut second] {
        let head = head(stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    }
    server.slow.allowed.add_permits(2);
    let head = head(&mut server.knock("/ws/chat?token=t").await).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let info = server.info().await;
    assert!(info.starts_with("HTTP/1.1 200 "), "{info}");
}

#[tokio::test]
async fn client_that_goes_leaves_its_place() {
    let server = Server::start(|limits| limits.authentications_max = 1).await;
    let first = server.knock("/ws/chat?token=t").await;
    server.slow.asked(1).await;
    drop(first);
    // The server learns of it when it likes.
    let admitted = async {
        loop {
            let asked = server.slow.asked.load(Ordering::Relaxed);
            let mut stream = server.knock("/ws/chat?token=t").await;
            tokio::select! {
                head = head(&mut stream) => assert_busy(&head),
                () = server.slow.asked(asked + 1) => return stream,
            }
        }
    };
    let mut second = tokio::time::timeout(PATIENCE, admitted).await.unwrap();
    server.slow.allowed.add_permits(1);
    let head = head(&mut second).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

#[tokio::test]
async fn authentication_that_never_ends_is_given_up() {
    let limit = Duration::from_millis(200);
    let server = Server::start(|limits| limits.connect_timeout = limit).await;
    assert_busy(&head(&mut server.knock("/ws/chat?token=t").await).await);
    assert_busy(&server.info().await);
}

#[tokio::test]
async fn late_authentication_waits_for_its_place() {
    let server = Server::start(|limits| limits.authentications_max = 1).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut stream = server.knock("/ws/late").await;
        let head = head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        clients.push(TestClient::new(stream, Transport::WebSocket));
    }
    let connect = [("accept-version", "1.2"), ("token", "t")];
    for client in &mut clients {
        client.transmit(&frame(Command::Connect, &connect)).await;
    }
    server.slow.asked(1).await;
    assert_busy(&head(&mut server.knock("/ws/chat?token=t").await).await);
    server.slow.allowed.add_permits(2);
    for client in &mut clients {
        let connected = client.frame().await;
        assert_eq!(header(&connected, "user-name"), "anna");
    }
    assert_eq!(server.slow.asked.load(Ordering::Relaxed), 2);
}
