use stompline::{DecodeLimits, Json, Limits, Stompline};
use stompline_proto::{Command, Frame};

use crate::support::{frame, header, open_broker, test_app};

/// Each of these frames ends the session with an ERROR of that code and that close code.
#[tokio::test]
async fn faults_end_the_session_with_error() {
    let cases: &[(Frame, &str, u16)] = &[
        (
            frame(Command::Send, &[("destination", "/topic/n")]),
            "forbidden",
            1008,
        ),
        (
            frame(Command::Send, &[("destination", "/user/joe/queue/a")]),
            "forbidden",
            1008,
        ),
        (
            frame(Command::Send, &[("destination", "nowhere")]),
            "unknown_destination",
            1002,
        ),
        (
            frame(Command::Send, &[("destination", "/other/x")]),
            "unknown_destination",
            1002,
        ),
        (
            frame(Command::Send, &[("destination", "/topic/a.*")]),
            "unknown_destination",
            1002,
        ),
        (
            frame(
                Command::Subscribe,
                &[("id", "1"), ("destination", "/user/joe/queue/a")],
            ),
            "unknown_destination",
            1002,
        ),
        (
            frame(
                Command::Subscribe,
                &[("id", "1"), ("destination", "/topic/**")],
            ),
            "forbidden",
            1008,
        ),
        (
            frame(
                Command::Subscribe,
                &[("id", "1"), ("destination", "/topic/{t:a}")],
            ),
            "unknown_destination",
            1002,
        ),
        (
            frame(
                Command::Subscribe,
                &[("id", "1"), ("destination", "/app/none")],
            ),
            "no_handler",
            1002,
        ),
        (
            frame(
                Command::Subscribe,
                &[("id", "1"), ("destination", "/app/agent.x")],
            ),
            "forbidden",
            1008,
        ),
        (
            frame(Command::Ack, &[("id", "never-sent")]),
            "unknown_ack",
            1002,
        ),
    ];
    let app = test_app(Stompline::builder());
    for (sent, code, close) in cases {
        let mut anna = app.connect("customer", "anna").await;
        anna.transmit(&sent.clone().header("receipt", "r")).await;
        let (error, closed) = anna.error().await;
        assert_eq!(
            (header(&error, "code"), closed),
            (*code, Some(*close)),
            "{sent:?}"
        );
        assert_eq!(header(&error, "receipt-id"), "r", "{sent:?}");
    }
}

#[tokio::test]
async fn malformed_frames_are_named() {
    let app = test_app(Stompline::builder());
    let long = format!("SEND\nx:{}\n\n\0", "y".repeat(5_000));
    let big = format!("SEND\ndestination:/app/x\ncontent-length:{}\n\n", 70_000);
    for (raw, code, close) in [
        ("NONSENSE\n\n\0", "unknown_command", 1002),
        ("send\n\n\0", "unknown_command", 1002),
        ("SEND\nno colon\n\n\0", "malformed_frame", 1002),
        ("SEND\na:\\t\n\n\0", "bad_escape", 1002),
        (long.as_str(), "header_too_large", 1002),
        (big.as_str(), "frame_too_large", 1009),
        ("CONNECT\n\n\0", "already_connected", 1002),
    ] {
        let mut anna = app.connect("customer", "anna").await;
        anna.transmit_raw(raw.as_bytes()).await;
        let (error, closed) = anna.error().await;
        assert_eq!(
            (header(&error, "code"), closed),
            (code, Some(close)),
            "{raw:.40}"
        );
    }
}

#[tokio::test]
async fn raised_limit_admits_larger_frames() {
    let mut limits = Limits::default();
    limits.frame = DecodeLimits::default().frame_bytes_max(300 * 1024);
    limits.outbox_bytes_max = 1024 * 1024;
    let app = test_app(open_broker().limits(limits));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    anna.send("/topic/open.x", "x".repeat(250 * 1024)).await;
    assert_eq!(anna.message().await.body.len(), 250 * 1024);
}

#[tokio::test]
async fn soft_refusal_is_a_message_if_heard() {
    let app = test_app(Stompline::builder().message("/number", async |Json(_): Json<u32>| {}));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("e", "/user/queue/errors").await;
    for (destination, code) in [("/app/number", "bad_request"), ("/app/none", "no_handler")] {
        let send = frame(
            Command::Send,
            &[("destination", destination), ("receipt", "r")],
        );
        anna.transmit(&send.body("not a number")).await;
        let message = anna.message().await;
        assert_eq!(
            (header(&message, "code"), header(&message, "receipt-id")),
            (code, "r")
        );
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(
            (&body["code"], &body["destination"], &body["receipt"]),
            (&code.into(), &destination.into(), &"r".into())
        );
    }
    anna.send_and_wait("/app/number", "7").await;
}

#[tokio::test]
async fn unheard_refusal_with_receipt_is_an_error() {
    let app = test_app(Stompline::builder());
    let mut anna = app.connect("customer", "anna").await;
    anna.send("/app/none", "without a receipt nothing happens")
        .await;
    let send = frame(
        Command::Send,
        &[("destination", "/app/none"), ("receipt", "r")],
    );
    anna.transmit(&send).await;
    let (error, closed) = anna.error().await;
    assert_eq!(
        (header(&error, "code"), header(&error, "receipt-id"), closed),
        ("no_handler", "r", Some(1002))
    );
}

#[tokio::test]
async fn frame_before_connect_is_refused() {
    let app = test_app(open_broker());
    let mut anna = app.open("customer", "anna");
    anna.transmit(&frame(Command::Send, &[("destination", "/topic/open.x")]))
        .await;
    let (error, closed) = anna.error().await;
    assert_eq!(
        (header(&error, "code"), closed),
        ("not_connected", Some(1002))
    );
}

#[tokio::test]
async fn unsupported_version_lists_ours() {
    let app = test_app(open_broker());
    let mut anna = app.open("customer", "anna");
    anna.transmit(&frame(Command::Connect, &[("accept-version", "9.9")]))
        .await;
    let (error, _) = anna.error().await;
    assert!(header(&error, "version").contains("1.2"), "{error:?}");
}

#[tokio::test]
async fn subscription_id_in_use_is_refused() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    anna.transmit(&frame(
        Command::Subscribe,
        &[("id", "s"), ("destination", "/topic/open.y")],
    ))
    .await;
    assert_eq!(header(&anna.error().await.0, "code"), "subscription_in_use");
}

#[tokio::test]
async fn one_too_many_subscriptions_is_refused() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    for n in 0..128 {
        anna.subscribe(&n.to_string(), "/topic/open.x").await;
    }
    anna.transmit(&frame(
        Command::Subscribe,
        &[("id", "one more"), ("destination", "/topic/open.x")],
    ))
    .await;
    let (error, _) = anna.error().await;
    assert!(header(&error, "message").contains("128"), "{error:?}");
}

#[tokio::test]
async fn results_of_earlier_frames_precede_the_error() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.transmit_raw(b"SEND\ndestination:/topic/open.x\nreceipt:r\n\n\0BAD\n\n\0")
        .await;
    anna.await_receipt("r").await;
    assert_eq!(header(&anna.error().await.0, "code"), "unknown_command");
}
