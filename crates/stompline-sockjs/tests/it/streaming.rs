//! xhr_streaming, eventsource and htmlfile (SockJS protocol, the sections of these names).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    client::{Answer, assert_not_cached, post},
    server::{Server, settings},
};

/// A streaming transport: its request, its prelude and its frames.
struct Way {
    start: &'static str,
    kind: &'static str,
    prelude: fn(&str) -> bool,
    wrap: fn(&str) -> String,
}

const WAYS: [Way; 3] = [
    Way {
        start: "POST /echo/0/SESSION/xhr_streaming HTTP/1.1",
        kind: "application/javascript; charset=utf-8",
        prelude: |text| text.len() == 2049 && text.trim_end_matches('\n') == "h".repeat(2048),
        wrap: |frame| format!("{frame}\n"),
    },
    Way {
        start: "GET /echo/0/SESSION/eventsource HTTP/1.1",
        kind: "text/event-stream",
        prelude: |text| text == "\r\n",
        wrap: |frame| format!("data: {frame}\r\n\r\n"),
    },
    Way {
        start: "GET /echo/0/SESSION/htmlfile?c=%63allback HTTP/1.1",
        kind: "text/html; charset=utf-8",
        prelude: |text| {
            text.len() > 1024
                && text.starts_with("<!doctype html>\n<html><head>\n  <meta http-equiv")
                && text.contains("var c = parent.callback;\n    c.start();\n")
                && text
                    .trim_end()
                    .ends_with("window.onload = function() {c.stop();};\n  </script>")
        },
        wrap: |frame| {
            let text = frame.replace('\\', "\\\\").replace('"', "\\\"");
            format!("<script>\np(\"{text}\");\n</script>\r\n")
        },
    },
];

impl Way {
    async fn open(&self, server: &Server, session: &str) -> Answer {
        let start = self.start.replace("SESSION", session);
        let mut answer = Answer::to(server.address, &start, "").await;
        assert_eq!(answer.status(), 200);
        let prelude = answer.chunk().await.unwrap();
        assert!((self.prelude)(&prelude), "{prelude}");
        answer
    }

    async fn opened(&self, server: &Server, session: &str) -> Answer {
        let mut answer = self.open(server, session).await;
        answer.expect(&(self.wrap)("o")).await;
        answer
    }
}

/// The same through the HTTP server, and on sockets that responses take over.
async fn both() -> [Server; 2] {
    [
        Server::start().await,
        Server::with_takeover(settings()).await,
    ]
}

async fn send(server: &Server, session: &str, body: &str) {
    let path = format!("/echo/0/{session}/xhr_send");
    assert_eq!(post(server.address, &path, body).await.0, 204);
}

#[tokio::test]
async fn each_frame_is_a_chunk() {
    for server in both().await {
        for (n, way) in WAYS.iter().enumerate() {
            let session = &format!("chunk{n}");
            let mut answer = way.opened(&server, session).await;
            assert_eq!(answer.header("content-type"), Some(way.kind));
            assert_eq!(answer.header("x-accel-buffering"), Some("no"));
            assert_not_cached(&answer);
            send(&server, session, r#"["x"]"#).await;
            answer.expect(&(way.wrap)(r#"a["x"]"#)).await;
            send(&server, session, r#"["  \u0000\n\r "]"#).await;
            answer.expect(&(way.wrap)(r#"a["  \u0000\n\r "]"#)).await;
            send(&server, session, r#"["close"]"#).await;
            answer.expect(&(way.wrap)(r#"c[3000,"Go away!"]"#)).await;
            answer.expect_end().await;
            let mut again = way.open(&server, session).await;
            again.expect(&(way.wrap)(r#"c[3000,"Go away!"]"#)).await;
            again.expect_end().await;
        }
    }
}

#[tokio::test]
async fn response_ends_after_the_frame_that_passes_the_limit() {
    for server in both().await {
        let mut answer = WAYS[0].opened(&server, "limit").await;
        let message = format!("\"{}\"", "x".repeat(128));
        for _ in 0..31 {
            send(&server, "limit", &format!("[{message}]")).await;
            answer.expect(&format!("a[{message}]\n")).await;
        }
        answer.expect_end().await;
        // What is sent between two responses waits for the next.
        send(&server, "limit", "[\"between\"]").await;
        let mut answer = WAYS[0].open(&server, "limit").await;
        answer.expect("a[\"between\"]\n").await;
    }
}

#[tokio::test]
async fn frame_larger_than_the_limit_is_sent_whole() {
    for server in both().await {
        for (n, way) in WAYS.iter().enumerate() {
            let session = format!("whole{n}");
            let mut answer = way.opened(&server, &session).await;
            let text = "x".repeat(4096);
            send(&server, &session, &format!("[\"{text}\"]")).await;
            answer.expect(&(way.wrap)(&format!("a[\"{text}\"]"))).await;
            answer.expect_end().await;
        }
    }
}

#[tokio::test]
async fn many_messages_cross_many_responses_in_order() {
    for server in both().await {
        let mut answer = WAYS[0].opened(&server, "many").await;
        let messages: Vec<String> = (0..5_000).map(|n| format!("\"message {n}\"")).collect();
        send(&server, "many", &format!("[{}]", messages.join(","))).await;
        let mut received = Vec::new();
        while received.len() < messages.len() {
            match answer.chunk().await {
                Some(frame) => {
                    let frame = frame.trim_end().strip_prefix('a').unwrap();
                    received.extend(serde_json::from_str::<Vec<String>>(frame).unwrap());
                }
                None => answer = WAYS[0].open(&server, "many").await,
            }
        }
        let expected: Vec<String> = (0..5_000).map(|n| format!("message {n}")).collect();
        assert_eq!(received, expected);
    }
}

#[tokio::test]
async fn silent_receivers_get_heartbeats() {
    let server = Server::with(settings().heartbeat(Duration::from_millis(40))).await;
    for (n, way) in WAYS.iter().enumerate() {
        let mut answer = way.opened(&server, &format!("beat{n}")).await;
        answer.expect(&(way.wrap)("h")).await;
        answer.expect(&(way.wrap)("h")).await;
    }
    post(server.address, "/echo/0/poll/xhr", "").await;
    let polled = post(server.address, "/echo/0/poll/xhr", "").await;
    assert_eq!(polled.1, "h\n");
}

#[tokio::test]
async fn percent_signs_survive_event_sources() {
    for server in both().await {
        let mut answer = WAYS[1].opened(&server, "percent").await;
        send(&server, "percent", r#"["%41 100%"]"#).await;
        answer.expect("data: a[\"%2541 100%25\"]\r\n\r\n").await;
    }
}

#[tokio::test]
async fn pages_cannot_be_broken_out_of() {
    let server = Server::start().await;
    let mut answer = WAYS[2].opened(&server, "script").await;
    send(&server, "script", r#"["</script><script>\u2028"]"#).await;
    let frame = answer.chunk().await.unwrap();
    assert_eq!(
        frame,
        "<script>\np(\"a[\\\"\\u003c\\/script>\\u003cscript>\\\\u2028\\\"]\");\n</script>\r\n"
    );
}

#[tokio::test]
async fn old_http_gets_a_stream_without_chunks() {
    for server in both().await {
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        let request = "POST /close/0/old/xhr_streaming HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.contains(" 200 "), "{head}");
        assert!(
            !head.contains("transfer-encoding") && !head.contains("content-length"),
            "{head}"
        );
        let expected = format!("{}\no\nc[3000,\"Go away!\"]\n", "h".repeat(2048));
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn request_without_a_length_is_understood() {
    let server = Server::start().await;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let request = "POST /echo/0/quirk/xhr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with("\r\n\r\no\n"),
        "{text}"
    );
}
