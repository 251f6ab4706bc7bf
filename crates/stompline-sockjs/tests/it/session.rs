//! How sessions over HTTP begin, whom they belong to, and how they end (SockJS protocol, "Protocol and framing", "Handling close",
//! "JSESSIONID cookie").

use std::time::Duration;

use crate::{
    client::{Answer, get, post},
    server::{Server, settings},
};

const OCCUPIED: &str = "c[2010,\"Another connection still open\"]\n";

async fn stream(server: &Server, path: &str) -> Answer {
    let start = format!("POST {path}/xhr_streaming HTTP/1.1");
    let mut answer = Answer::to(server.address, &start, "").await;
    assert_eq!(answer.chunk().await.unwrap().len(), 2049);
    answer
}

#[tokio::test]
async fn second_receiver_is_turned_away() {
    for mut server in [
        Server::start().await,
        Server::with_takeover(settings()).await,
    ] {
        let mut first = stream(&server, "/echo/0/two").await;
        first.expect("o\n").await;
        let mut second = stream(&server, "/echo/0/two").await;
        second.expect(OCCUPIED).await;
        second.expect_end().await;
        let polled = post(server.address, "/echo/0/two/xhr", "").await;
        assert_eq!(polled, (200, OCCUPIED.to_owned()));
        // The first one lives.
        post(server.address, "/echo/0/two/xhr_send", "[\"x\"]").await;
        first.expect("a[\"x\"]\n").await;

        // A receiver that breaks off ends the session; the next one begins anew.
        drop(first);
        assert_eq!(server.end().await, "nobody xhr-streaming Lost");
        let mut third = stream(&server, "/echo/0/two").await;
        third.expect("o\n").await;
    }
}

#[tokio::test]
async fn broken_poll_ends_the_session() {
    let mut server = Server::start().await;
    post(server.address, "/echo/0/broken/xhr", "").await;
    let poll = Answer::sent(server.address, "POST /echo/0/broken/xhr HTTP/1.1", "").await;
    while post(server.address, "/echo/0/broken/xhr", "").await.1 != OCCUPIED {
        // The first poll has not got there yet, and this one was answered by it.
        post(server.address, "/echo/0/broken/xhr_send", "[\"x\"]").await;
    }
    drop(poll);
    assert_eq!(server.end().await, "nobody xhr-polling Lost");
    let polled = post(server.address, "/echo/0/broken/xhr", "").await;
    assert_eq!(polled.1, "o\n");
}

#[tokio::test]
async fn session_that_nobody_receives_for_ends() {
    let settings = settings().disconnect_delay(Duration::from_millis(60));
    let mut server = Server::with(settings).await;
    assert_eq!(post(server.address, "/echo/0/gone/xhr", "").await.1, "o\n");
    assert_eq!(server.end().await, "nobody xhr-polling Lost");
    // It is forgotten.
    let (mut status, mut polled) = (0, String::new());
    while status != 404 {
        (status, _) = post(server.address, "/echo/0/gone/xhr_send", "[\"x\"]").await;
    }
    while polled != "o\n" {
        polled = post(server.address, "/echo/0/gone/xhr", "").await.1;
    }
    assert_eq!(server.end().await, "nobody xhr-polling Lost");
}

#[tokio::test]
async fn closed_session_repeats_its_close_frame() {
    let settings = settings().disconnect_delay(Duration::from_millis(300));
    let mut server = Server::with(settings).await;
    let xhr = "/close/0/again/xhr";
    assert_eq!(post(server.address, xhr, "").await.1, "o\n");
    for _ in 0..3 {
        let polled = post(server.address, xhr, "").await;
        assert_eq!(polled, (200, "c[3000,\"Go away!\"]\n".to_owned()));
    }
    assert_eq!(server.end().await, "nobody xhr-polling Ours");
    // What is still sent goes nowhere, and is no error that would hide the close from the client.
    let sent = post(server.address, "/close/0/again/xhr_send", "[\"x\"]").await;
    assert_eq!(sent.0, 204);
    let jsonp = get(server.address, "/close/0/script/jsonp?c=x").await;
    assert_eq!(jsonp.1, "/**/x(\"o\");\r\n");
    for _ in 0..2 {
        let jsonp = get(server.address, "/close/0/script/jsonp?c=x").await;
        assert_eq!(jsonp.1, "/**/x(\"c[3000,\\\"Go away!\\\"]\");\r\n");
    }
    // After the delay it is forgotten.
    while post(server.address, "/close/0/again/xhr_send", "[]")
        .await
        .0
        != 404
    {}
}

#[tokio::test]
async fn what_waits_comes_before_the_close() {
    let mut server = Server::start().await;
    post(server.address, "/echo/0/last/xhr", "").await;
    post(
        server.address,
        "/echo/0/last/xhr_send",
        r#"["a","b","leave"]"#,
    )
    .await;
    let polls = [
        post(server.address, "/echo/0/last/xhr", "").await.1,
        post(server.address, "/echo/0/last/xhr", "").await.1,
    ];
    assert_eq!(polls, ["a[\"a\",\"b\"]\n", "c[1001,\"bye\"]\n"]);
    assert_eq!(server.end().await, "nobody xhr-polling Ours");
}

#[tokio::test]
async fn session_of_another_owner_is_unknown() {
    let server = Server::start().await;
    let (xhr, send) = ("/echo/0/same/xhr", "/echo/0/same/xhr_send");
    let anna = |path: &str| format!("{path}?user=anna");
    let eve = |path: &str| format!("{path}?user=eve");
    assert_eq!(post(server.address, &anna(xhr), "").await.1, "o\n");
    let refused = post(server.address, &eve(send), "[\"x\"]").await;
    let unknown = post(server.address, "/echo/0/none/xhr_send?user=eve", "[\"x\"]").await;
    assert_eq!((refused.0, &refused), (404, &unknown));
    // Under the same id she gets a session of her own.
    assert_eq!(post(server.address, &eve(xhr), "").await.1, "o\n");
    assert_eq!(post(server.address, &eve(send), "[\"e\"]").await.0, 204);
    assert_eq!(post(server.address, &anna(send), "[\"a\"]").await.0, 204);
    assert_eq!(post(server.address, &anna(xhr), "").await.1, "a[\"a\"]\n");
    assert_eq!(post(server.address, &eve(xhr), "").await.1, "a[\"e\"]\n");
}

#[tokio::test]
async fn strangers_are_refused_before_anything_else() {
    let server = Server::start().await;
    for path in ["xhr", "xhr_streaming", "xhr_send"] {
        let path = format!("/echo/0/s/{path}?user=stranger");
        let (status, body) = post(server.address, &path, "[\"x\"]").await;
        assert_eq!(status, 401);
        assert_eq!(body, r#"{"code":"stranger","message":"not known here"}"#);
    }
}

#[tokio::test]
async fn posts_wait_for_a_connection_that_does_not_read() {
    let server = Server::start().await;
    let mut receiver = stream(&server, "/echo/0/slow").await;
    receiver.expect("o\n").await;
    let send = "/echo/0/slow/xhr_send";
    assert_eq!(post(server.address, send, "[\"stop\"]").await.0, 204);
    let large = format!("[\"{}\"]", "x".repeat(100_000));
    for _ in 0..2 {
        assert_eq!(post(server.address, send, &large).await.0, 204);
    }
    // The third has no room; it is let go when the session ends.
    let mut waiting = Answer::sent(server.address, &format!("POST {send} HTTP/1.1"), &large).await;
    drop(receiver);
    waiting.read_head().await;
    assert_eq!(waiting.status(), 404);
}

#[tokio::test]
async fn other_methods_are_named() {
    let server = Server::start().await;
    for (start, allowed) in [
        ("POST /echo/info HTTP/1.1", "OPTIONS, GET"),
        ("GET /echo/0/m/xhr HTTP/1.1", "OPTIONS, POST"),
        ("PUT /echo/0/m/xhr_send HTTP/1.1", "OPTIONS, POST"),
        ("POST /echo/0/m/eventsource HTTP/1.1", "OPTIONS, GET"),
        ("POST /echo/0/m/websocket HTTP/1.1", "GET"),
    ] {
        let mut answer = Answer::to(server.address, start, "").await;
        assert_eq!(answer.status(), 405, "{start}");
        assert_eq!(answer.header("allow"), Some(&*allowed.to_ascii_lowercase()));
        assert_eq!(answer.header("content-type"), None);
        assert_eq!(answer.body().await, "");
    }
}

#[tokio::test]
async fn preflights_are_answered_for_a_year() {
    let server = Server::start().await;
    for (path, methods) in [
        ("/echo/info", "OPTIONS, GET"),
        ("/echo/0/p/xhr", "OPTIONS, POST"),
        ("/echo/0/p/xhr_send", "OPTIONS, POST"),
        ("/echo/0/p/xhr_streaming", "OPTIONS, POST"),
    ] {
        for origin in ["test", "null"] {
            let start = format!(
                "OPTIONS {path} HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Headers: a, b"
            );
            let mut answer = Answer::to(server.address, &start, "").await;
            assert_eq!(answer.status(), 204);
            assert_eq!(
                answer.header("cache-control"),
                Some("public, max-age=31536000")
            );
            assert!(answer.header("expires").unwrap().ends_with(" gmt"));
            assert_eq!(answer.header("access-control-max-age"), Some("31536000"));
            assert_eq!(
                answer.header("access-control-allow-methods"),
                Some(&*methods.to_ascii_lowercase())
            );
            assert_eq!(answer.header("access-control-allow-headers"), Some("a, b"));
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.body().await, "");
        }
    }
}

#[tokio::test]
async fn headers_that_are_asked_for_are_allowed() {
    let server = Server::start().await;
    for start in ["OPTIONS /echo/0", "POST /echo/0", "GET /echo/info?"] {
        for (session, asked, allowed) in [("s", "x-a, x-b", Some("x-a, x-b")), ("t", "", None)] {
            let start = format!(
                "{start}/{session}/xhr HTTP/1.1\r\nAccess-Control-Request-Headers: {asked}"
            );
            let answer = Answer::to(server.address, &start, "").await;
            assert_eq!(answer.header("access-control-allow-headers"), allowed);
        }
    }
}

#[tokio::test]
async fn session_urls_set_the_cookie_if_it_is_needed() {
    let server = Server::with(settings().cookie_needed(true)).await;
    for (start, cookie) in [
        (
            "POST /echo/0/a/xhr HTTP/1.1",
            Some("jsessionid=dummy; path=/"),
        ),
        (
            "POST /echo/0/b/xhr HTTP/1.1\r\nCookie: a=b; JSESSIONID=abcdef",
            Some("jsessionid=abcdef; path=/"),
        ),
        (
            "POST /echo/0/e/xhr HTTP/1.1\r\nCookie: JSESSIONID=; b=c",
            Some("jsessionid=dummy; path=/"),
        ),
        (
            "OPTIONS /echo/0/b/xhr HTTP/1.1",
            Some("jsessionid=dummy; path=/"),
        ),
        (
            "OPTIONS /echo/info HTTP/1.1",
            Some("jsessionid=dummy; path=/"),
        ),
        (
            "GET /echo/0/c/eventsource HTTP/1.1",
            Some("jsessionid=dummy; path=/"),
        ),
        (
            "GET /echo/0/d/jsonp?c=x HTTP/1.1",
            Some("jsessionid=dummy; path=/"),
        ),
        ("GET /echo HTTP/1.1", None),
        ("GET /echo/info HTTP/1.1", None),
    ] {
        let answer = Answer::to(server.address, start, "").await;
        assert_eq!(answer.header("set-cookie"), cookie, "{start}");
    }
    let info = get(server.address, "/echo/info").await.1;
    assert!(info.contains("\"cookie_needed\":true"), "{info}");
}

#[tokio::test]
async fn websocket_path_says_what_it_wants() {
    let server = Server::start().await;
    for (headers, text) in [
        ("", "Can \"Upgrade\" only to \"WebSocket\"."),
        (
            "\r\nUpgrade: WebSocket\r\nConnection: close",
            "\"Connection\" must be \"Upgrade\".",
        ),
    ] {
        let start = format!("GET /echo/0/0/websocket HTTP/1.1{headers}");
        let mut answer = Answer::to(server.address, &start, "").await;
        assert_eq!(
            (answer.status(), answer.body().await),
            (400, text.to_owned())
        );
    }
}
