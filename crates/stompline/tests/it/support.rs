//! What several tests need.

use std::{net::SocketAddr, time::Duration};

use stompline::{
    Builder, DestinationPattern, Prefixes, Stompline,
    access::{AccessRule, AccessRules, Action, Target, Who},
    testing::{TestApp, TestClient},
};
use stompline_proto::{Command, Frame};
use stompline_ws::handshake::ClientRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpStream},
};

/// Longer than anything here takes: a test that waits for it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Client = TestClient<DuplexStream>;

/// The status of an answer that is no upgrade, and all of its text.
pub(crate) type Refused = (u16, String);

/// Serves `router` on a free port.
pub(crate) async fn serve(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Opens a WebSocket.
pub(crate) async fn open(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<TcpStream, Refused> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let host = address.to_string();
    let key = stompline_ws::handshake::new_key().unwrap();
    let request = ClientRequest {
        host: &host,
        path,
        key: &key,
        protocols: &["v12.stomp"],
        headers,
    };
    let mut bytes = Vec::new();
    request.write(&mut bytes).unwrap();
    stream.write_all(&bytes).await.unwrap();
    let text = tokio::time::timeout(PATIENCE, answer(&mut stream))
        .await
        .unwrap();
    match text.get(9..12).unwrap().parse().unwrap() {
        101 => Ok(stream),
        status => Err((status, text)),
    }
}

/// A head and as much of a body as it says.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let length = head.split_once("content-length: ");
    let length = length.map_or(0, |(_, rest)| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    answer.append(&mut body);
    String::from_utf8(answer).unwrap()
}

/// An application in which everybody may SEND to `/topic/open.*`.
pub(crate) fn open_broker() -> Builder<()> {
    let target = Target::Pattern(DestinationPattern::parse("/topic/open.*").unwrap());
    let rule = AccessRule::allow(Who::Anyone, target).on(Action::Send);
    let access = AccessRules::builder(&Prefixes::default())
        .first(rule)
        .build();
    Stompline::builder().access(access)
}

pub(crate) fn test_app(builder: Builder<()>) -> TestApp {
    TestApp::new(builder.build().unwrap())
}

pub(crate) fn frame(command: Command, headers: &[(&str, &str)]) -> Frame {
    headers
        .iter()
        .fold(Frame::new(command), |frame, (name, value)| {
            frame.header(name, value)
        })
}

pub(crate) fn header<'a>(frame: &'a Frame, name: &str) -> &'a str {
    frame
        .headers
        .find(name)
        .unwrap_or_else(|| panic!("{name} in {frame:?}"))
}
