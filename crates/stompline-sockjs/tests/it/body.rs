//! Bodies that do not come as they should.

use std::time::Duration;

use stompline_sockjs::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{
    client::{Answer, post},
    server::{Server, settings},
};

/// Much longer than anything here takes, and much shorter than a body may take by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// Settings with which sessions outlive late bodies.
fn patient(body_timeout: Duration) -> Settings {
    let settings = settings().body_timeout(body_timeout);
    settings.disconnect_delay(Duration::from_mins(1))
}

#[tokio::test]
async fn body_that_does_not_come_is_answered() {
    let server = Server::with(patient(Duration::from_millis(100))).await;
    assert_eq!(post(server.address, "/echo/0/late/xhr", "").await.0, 200);
    for path in [
        "/echo/0/late/xhr_send",
        "/echo/0/late/xhr",
        "/echo/0/new/xhr_streaming",
    ] {
        let start = format!("POST {path} HTTP/1.1");
        let mut late = Answer::begun(server.address, &start, 100, "[\"a").await;
        tokio::time::timeout(PATIENCE, late.read_head())
            .await
            .expect("an answer");
        assert_eq!(late.status(), 408, "{path}");
        assert_eq!(late.header("access-control-allow-origin"), Some("*"));
    }
    // Neither message nor session came of it.
    assert_eq!(
        post(server.address, "/echo/0/new/xhr_send", "[]").await.0,
        404
    );
}

#[tokio::test]
async fn trickling_body_has_no_more_time_than_a_silent_one() {
    let server = Server::with(patient(Duration::from_millis(300))).await;
    assert_eq!(post(server.address, "/echo/0/slow/xhr", "").await.0, 200);
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /echo/0/slow/xhr_send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = client.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"1\r\n \r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut status = [0; 12];
    let answered = tokio::time::timeout(PATIENCE, reader.read_exact(&mut status));
    answered.await.expect("an answer").unwrap();
    assert_eq!(status, *b"HTTP/1.1 408");
    drop(reader);
    trickle.await.unwrap();
}

#[tokio::test]
async fn broken_chunks_open_no_session() {
    let server = Server::start().await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let request =
        "POST /echo/0/broken/xhr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(
        post(server.address, "/echo/0/broken/xhr_send", "[]")
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn posts_in_line_end_with_their_session() {
    let server = Server::start().await;
    let start = "POST /echo/0/line/xhr_streaming HTTP/1.1";
    let mut receiver = Answer::to(server.address, start, "").await;
    assert_eq!(
        receiver.chunk().await.map(|prelude| prelude.len()),
        Some(2049)
    );
    receiver.expect("o\n").await;
    let send = "POST /echo/0/line/xhr_send HTTP/1.1";
    // One is read, the other waits for its turn.
    let mut slow = Answer::begun(server.address, send, 100, "[").await;
    let mut behind = Answer::begun(server.address, send, 100, "[").await;
    // The session ends, and nothing more comes of the bodies.
    drop(receiver);
    for post in [&mut slow, &mut behind] {
        tokio::time::timeout(PATIENCE, post.read_head())
            .await
            .expect("an answer");
        assert_eq!(post.status(), 404);
    }
}
