//! A STOMP client on a socket.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use stompline::auth::{HmacAlgorithm, JwtSigner, Principal};
use stompline::{Realm, Transport, UserName, testing::TestClient};
use stompline_proto::{Command, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the servers sign with.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Longer than anything here may take: a client that waits in vain fails its test.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Client(TestClient<TcpStream>);

pub(crate) async fn connect(address: &str, user_type: &str, name: &str) -> Client {
    let stream = handshake(address, user_type, name).await;
    let stream = stream.expect("the node takes a client");
    let mut client = TestClient::new(stream, Transport::WebSocket);
    client.connect().await;
    Client(client)
}

/// The stream behind the handshake of WebSocket; `None` if there is no node, or it does not want anybody.
pub(crate) async fn handshake(address: &str, user_type: &str, name: &str) -> Option<TcpStream> {
    let endpoint = if user_type == "agent" {
        "agent"
    } else {
        "chat"
    };
    let token = token(user_type, name);
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "GET /ws/{endpoint} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    head.starts_with(b"HTTP/1.1 101 ").then_some(stream)
}

fn token(user_type: &str, name: &str) -> String {
    let now = SystemTime::now();
    let principal = Principal::new(Realm::new(user_type).unwrap(), UserName::new(name).unwrap())
        .with_expiry(now + Duration::from_mins(10));
    let signer = JwtSigner::new(HmacAlgorithm::Hs256, SECRET).unwrap();
    signer.sign(&principal, now).unwrap()
}

impl Client {
    pub(crate) async fn message(&mut self) -> Frame {
        tokio::time::timeout(PATIENCE, self.0.message())
            .await
            .expect("a message comes")
    }

    pub(crate) async fn send_with_receipt(&mut self, destination: &str, receipt: &str, body: &str) {
        let send = Frame::new(Command::Send)
            .header("destination", destination)
            .header("receipt", receipt)
            .body(body.to_owned());
        self.0.transmit(&send).await;
    }
}

impl Deref for Client {
    type Target = TestClient<TcpStream>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
