//! Connections that are kept for a next request.

use std::time::Duration;

use stompline_sockjs::HttpSocket;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::server::{Server, serve, settings};

const REQUEST: &[u8] = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n";
const QUIET: Duration = Duration::from_millis(20);

/// Reads one greeting.
async fn greeting(client: &mut TcpStream) {
    let mut answer = String::new();
    while !answer.ends_with("Welcome to SockJS!\n") {
        answer.push(char::from(client.read_u8().await.unwrap()));
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn quiet_connection_is_let_go_and_goes_on() {
    let (listener, router, server) = Server::build(&settings()).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = HttpSocket::new(stream);
    for _ in 0..3 {
        client.write_all(REQUEST).await.unwrap();
        let (kept, ()) = tokio::join!(serve(socket, router.clone(), QUIET), greeting(&mut client),);
        socket = kept.expect("the socket comes back");
        let mut nothing = [0];
        let read = client.try_read(&mut nothing);
        assert!(read.is_err(), "the client still has the connection");
    }
}

#[tokio::test]
async fn half_a_request_behind_another_is_kept() {
    let (listener, router, server) = Server::build(&settings()).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (begin, end) = REQUEST.split_at(10);
    client.write_all(&[REQUEST, begin].concat()).await.unwrap();
    let (kept, ()) = tokio::join!(
        serve(HttpSocket::new(stream), router.clone(), QUIET),
        greeting(&mut client)
    );
    let kept = kept.expect("the socket comes back");
    kept.readable().await.unwrap();
    client.write_all(end).await.unwrap();
    tokio::join!(serve(kept, router, QUIET), greeting(&mut client));
}

#[tokio::test]
async fn client_that_takes_nothing_is_noticed() {
    let (listener, router, server) = Server::build(&settings()).await;
    let client = TcpStream::connect(server.address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let socket = HttpSocket::new(stream);
    let handle = socket.handle();
    let served = tokio::spawn(serve(socket, router, Duration::from_mins(1)));
    // Requests without end, and answers that nobody reads.
    let (_reader, mut writer) = client.into_split();
    let asking = tokio::spawn(async move { while writer.write_all(REQUEST).await.is_ok() {} });
    let noticed = tokio::time::timeout(Duration::from_mins(1), handle.stalled(QUIET));
    noticed.await.expect("nobody reads");
    assert!(!served.is_finished(), "whoever drives it decides");
    served.abort();
    asking.abort();
}
