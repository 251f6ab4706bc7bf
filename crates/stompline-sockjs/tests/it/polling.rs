//! xhr, xhr_send, jsonp and jsonp_send (SockJS protocol, "XhrPolling" and "JsonpPolling").

use std::time::Duration;

use crate::{
    client::{Answer, assert_not_cached, get, post},
    server::{Server, settings},
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[tokio::test]
async fn polling_carries_messages_both_ways() {
    let server = Server::start().await;
    let start = |path: &str| format!("POST /echo/000/poll/{path} HTTP/1.1\r\nOrigin: http://a.b");
    let mut answer = Answer::to(server.address, &start("xhr"), "").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/javascript; charset=utf-8")
    );
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://a.b")
    );
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_not_cached(&answer);
    assert_eq!(answer.body().await, "o\n");

    let mut sent = Answer::to(server.address, &start("xhr_send"), r#"["x","y"]"#).await;
    assert_eq!(sent.status(), 204);
    assert_eq!(
        sent.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_not_cached(&sent);
    assert_eq!(sent.body().await, "");

    // The server segment is for load balancers alone.
    let polled = post(server.address, "/echo/999/poll/xhr", "").await;
    assert_eq!(polled, (200, "a[\"x\",\"y\"]\n".to_owned()));
}

#[tokio::test]
async fn poll_waits_for_a_message() {
    let server = Server::start().await;
    post(server.address, "/echo/0/wait/xhr", "").await;
    let mut poll = Answer::sent(server.address, "POST /echo/0/wait/xhr HTTP/1.1", "").await;
    let sent = post(server.address, "/echo/0/wait/xhr_send", r#"["late"]"#).await;
    assert_eq!(sent.0, 204);
    poll.read_head().await;
    assert_eq!(poll.body().await, "a[\"late\"]\n");
}

#[tokio::test]
async fn bad_posts_get_the_texts_of_the_protocol() {
    let server = Server::start().await;
    let send = "/echo/0/bad/xhr_send";
    assert_eq!(post(server.address, send, r#"["x"]"#).await.0, 404);
    post(server.address, "/echo/0/bad/xhr", "").await;
    for (body, status, text) in [
        (r#"["x"#, 500, "Broken JSON encoding."),
        (r"[1]", 500, "Broken JSON encoding."),
        ("", 500, "Payload expected."),
        ("{}", 500, "Payload expected."),
        (r#""x""#, 500, "Payload expected."),
        ("[]", 204, ""),
        (r#"["a"]"#, 204, ""),
    ] {
        let answer = post(server.address, send, body).await;
        assert_eq!(answer, (status, text.to_owned()), "{body}");
    }
    // The session lives, and what was broken has left nothing.
    let polled = post(server.address, "/echo/0/bad/xhr", "").await;
    assert_eq!(polled.1, "a[\"a\"]\n");
}

#[tokio::test]
async fn any_content_type_will_do() {
    let server = Server::start().await;
    post(server.address, "/echo/0/types/xhr", "").await;
    let kinds = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "application/json; charset=utf-8",
        "text/xml",
    ];
    for kind in kinds {
        let start = format!("POST /echo/0/types/xhr_send HTTP/1.1\r\nContent-Type: {kind}");
        let answer = Answer::to(server.address, &start, r#"["a"]"#).await;
        assert_eq!(answer.status(), 204, "{kind}");
    }
    let polled = post(server.address, "/echo/0/types/xhr", "").await;
    assert_eq!(polled.1, format!("a[{}]\n", ["\"a\""; 7].join(",")));
}

#[tokio::test]
async fn message_over_the_limit_is_refused_and_the_session_lives() {
    let server = Server::with(settings().message_bytes_max(1000)).await;
    post(server.address, "/echo/0/large/xhr", "").await;
    let send = "/echo/0/large/xhr_send";
    let (status, text) = post(server.address, send, &format!("[\"{}\"]", "x".repeat(1000))).await;
    assert_eq!(
        (status, text.contains("larger than this server takes")),
        (413, true)
    );
    // Many messages together may be larger than one may be.
    let many = format!("[{}]", ["\"0123456789\""; 500].join(","));
    assert_eq!(post(server.address, send, &many).await.0, 204);
    let mut received = String::new();
    while received.matches("0123456789").count() < 500 {
        received += &post(server.address, "/echo/0/large/xhr", "").await.1;
    }
    assert_eq!(received.matches("0123456789").count(), 500);
}

#[tokio::test]
async fn what_is_not_fetched_is_bounded() {
    let outbox_bytes_max = 16 * 1024;
    let settings = settings().outbox_bytes_max(outbox_bytes_max);
    let server = Server::with(settings.disconnect_delay(Duration::from_mins(1))).await;
    let xhr = "/echo/0/bounded/xhr";
    post(server.address, xhr, "").await;
    let message = format!("\"{}\"", "x".repeat(1000));
    let messages = format!("[{},\"close\"]", vec![message; 60].join(","));
    let sent = post(server.address, "/echo/0/bounded/xhr_send", &messages).await;
    assert_eq!(sent.0, 204);
    let mut received = String::new();
    while !received.ends_with("c[3000,\"Go away!\"]\n") {
        received += &post(server.address, xhr, "").await.1;
    }
    assert!((outbox_bytes_max / 2..outbox_bytes_max).contains(&received.len()));
}

#[tokio::test]
async fn unreadable_characters_arrive_as_they_are() {
    let server = Server::start().await;
    post(server.address, "/echo/0/escape/xhr", "").await;
    let killers: String = (0x200c..=0x200f)
        .chain(0x2028..=0x202f)
        .chain(0x2060..=0x206f)
        .chain(0xfff0..=0xffff)
        .filter_map(char::from_u32)
        .collect();
    let body = format!("[\"{killers}\"]");
    assert_eq!(
        post(server.address, "/echo/0/escape/xhr_send", &body)
            .await
            .0,
        204
    );
    let expected = killers.chars().fold(String::new(), |text, one| {
        text + &format!("\\u{:04x}", u32::from(one))
    });
    let polled = post(server.address, "/echo/0/escape/xhr", "").await;
    assert_eq!(polled.1, format!("a[\"{expected}\"]\n"));
}

#[tokio::test]
async fn jsonp_calls_back() {
    let server = Server::start().await;
    let poll = "/echo/0/jsonp/jsonp?c=%63allback";
    let mut opened = Answer::to(server.address, &format!("GET {poll} HTTP/1.1"), "").await;
    assert_eq!(
        opened.header("content-type"),
        Some("application/javascript; charset=utf-8")
    );
    assert_eq!(opened.header("x-content-type-options"), Some("nosniff"));
    assert_not_cached(&opened);
    assert_eq!(opened.body().await, "/**/callback(\"o\");\r\n");

    let send = "POST /echo/0/jsonp/jsonp_send HTTP/1.1";
    for (start, body) in [
        (format!("{send}\r\n{FORM}"), "d=%5B%22abc%22%5D"),
        (format!("{send}\r\nContent-Type: text/plain"), "[\"%61bc\"]"),
    ] {
        let mut sent = Answer::to(server.address, &start, body).await;
        assert_eq!((sent.status(), sent.body().await), (200, "ok".to_owned()));
        assert_eq!(
            sent.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
    let polled = get(server.address, poll).await;
    assert_eq!(
        polled.1,
        "/**/callback(\"a[\\\"abc\\\",\\\"%61bc\\\"]\");\r\n"
    );
}

#[tokio::test]
async fn bad_jsonp_posts_get_the_texts_of_the_protocol() {
    let server = Server::start().await;
    get(server.address, "/echo/0/jbad/jsonp?c=x").await;
    for (body, text) in [
        ("d=%5B%22x", "Broken JSON encoding."),
        ("", "Payload expected."),
        ("d=", "Payload expected."),
        ("p=p", "Payload expected."),
    ] {
        let start = format!("POST /echo/0/jbad/jsonp_send HTTP/1.1\r\n{FORM}");
        let mut answer = Answer::to(server.address, &start, body).await;
        assert_eq!(
            (answer.status(), answer.body().await),
            (500, text.to_owned())
        );
    }
}

#[tokio::test]
async fn callbacks_are_names_and_nothing_else() {
    let server = Server::start().await;
    for transport in ["jsonp", "htmlfile"] {
        let path = |query: &str| format!("/echo/0/cb/{transport}{query}");
        let required = "\"callback\" parameter required";
        for query in ["", "?c=", "?x=c"] {
            let answer = get(server.address, &path(query)).await;
            assert_eq!(answer, (500, required.to_owned()), "{transport}{query}");
        }
        let long = format!("?c={}", "x".repeat(33));
        for query in [
            "?c=%20",
            "?c=*",
            "?c=abc(",
            "?callback=abc%28",
            "?c=%C3%A4",
            &long,
        ] {
            let answer = get(server.address, &path(query)).await;
            assert_eq!(
                answer,
                (500, "invalid \"callback\" parameter".to_owned()),
                "{transport}{query}"
            );
        }
    }
}

#[tokio::test]
async fn callback_is_the_one_that_the_client_added() {
    let server = Server::start().await;
    let queries = [
        "c=7&token=x&c=added",
        "callback=own&c=added",
        "c=added&callback=own",
        "callback=own&callback=added",
    ];
    for (n, query) in queries.iter().enumerate() {
        let path = format!("/echo/0/{n}/jsonp?{query}");
        let answer = get(server.address, &path).await;
        assert_eq!(answer.1, "/**/added(\"o\");\r\n", "{query}");
    }
}

#[tokio::test]
async fn jsonp_can_be_switched_off() {
    let server = Server::with(settings().jsonp(false)).await;
    assert_eq!(get(server.address, "/echo/0/off/jsonp?c=x").await.0, 404);
    let sent = post(server.address, "/echo/0/off/jsonp_send", "d=[]").await;
    assert_eq!(sent.0, 404);
}
