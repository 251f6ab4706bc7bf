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
    let (mut stream, _) = listener.accept().await.unwrap();
    for _ in 0..3 {
        client.write_all(REQUEST).await.unwrap();
        let socket = HttpSocket::new(stream);
        let (kept, ()) = tokio::join!(serve(socket, router.clone(), QUIET), greeting(&mut client),);
        stream = kept.expect("the socket comes back");
        let mut nothing = [0];
        let read = stream.try_read(&mut nothing);
        assert!(read.is_err(), "the client still has the connection");
    }
}

#[tokio::test]
async fn half_a_request_keeps_its_connection() {
    let (listener, router, server) = Server::build(&settings()).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut served = tokio::spawn(serve(HttpSocket::new(stream), router, QUIET));
    client.write_all(REQUEST).await.unwrap();
    greeting(&mut client).await;
    let (begin, end) = REQUEST.split_at(10);
    client.write_all(begin).await.unwrap();
    // Ten times as long as quiet takes.
    let silence = tokio::time::timeout(10 * QUIET, &mut served).await;
    assert!(silence.is_err(), "the connection was let go: {silence:?}");
    client.write_all(end).await.unwrap();
    greeting(&mut client).await;
}
