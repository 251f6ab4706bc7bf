use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// The public half of a pair whose private half was thrown away.
const SET: &str = r#"{"keys": [{"kty":"OKP","crv":"Ed25519","x":"m08lNKtN4-03tk9FHhCVgHd_eUvtmFvkuEY1AgnDUkE"}]}"#;

/// What a fetch makes of this answer; without one, the provider says nothing.
async fn fetched(answer: Option<String>, until: Instant) -> Result<JwkSet, FetchError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Address::parse(&format!("http://127.0.0.1:{port}/keys?p=a")).unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.unwrap() > 0);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("GET /keys?p=a HTTP/1.1\r\n"), "{head}");
        match answer {
            // The client leaves in the middle of an answer that is too long.
            Some(answer) => drop(stream.write_all(answer.as_bytes()).await),
            None => std::future::pending().await,
        }
        drop(stream);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        fetched = fetch(&address, until) => fetched,
        () = serve => unreachable!("it is pending"),
    }
}

fn late() -> Instant {
    Instant::now() + Duration::from_mins(5)
}

#[tokio::test]
async fn answers_are_read_in_every_framing() {
    let bytes = SET.len();
    for head in [
        format!("Content-Length: {bytes}\r\n\r\n{SET}"),
        format!("\r\n{SET}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{SET}\r\n0\r\n\r\n"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}");
        let set = fetched(Some(answer), late()).await.unwrap();
        assert_eq!(set.keys().len(), 1);
    }
}

#[tokio::test]
async fn wrong_answers_are_named() {
    let too_long = format!("200 OK\r\n\r\n{}", "x".repeat(300 << 10));
    let too_long_head = format!("200 OK\r\nX: {}\r\n\r\n{SET}", "x".repeat(20 << 10));
    for (answer, told) in [
        (
            "302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
            "redirects are not followed",
        ),
        ("500 Oh\r\n\r\n", "status 500"),
        ("204 No Content\r\n\r\n", "status 204"),
        ("200 OK\r\n\r\n<html>", "not a key set"),
        ("200 OK\r\n\r\n{\"keys\":[]}", "holds no key"),
        (
            "200 OK\r\nContent-Length: 9\r\n\r\n{",
            "the connection ended",
        ),
        ("200 OK\r\nContent-Length: x\r\n\r\n", "not a number"),
        (&too_long, "longer than 262144 bytes"),
        (&too_long_head, "longer than 16384 bytes"),
    ] {
        let answer = format!("HTTP/1.1 {answer}");
        let error = fetched(Some(answer), late()).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn silent_provider_is_given_up() {
    let until = Instant::now() + Duration::from_millis(50);
    let error = fetched(None, until).await.unwrap_err().to_string();
    assert!(error.contains("nothing came in time"), "{error}");
}
