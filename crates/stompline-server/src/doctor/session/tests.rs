use stompline_proto::{Headers, Heartbeat, Version};
use stompline_ws::handshake::HandshakeError;

use super::*;
use crate::doctor::report::Verdict::{self, Failed, Ok as Fine, Warning};

const TOOK: Duration = Duration::from_millis(7);

#[track_caller]
fn check(found: &Finding, verdict: Verdict, told: &str) {
    assert_eq!(found.verdict, verdict, "{found:?}");
    assert!(format!("{found:?}").contains(told), "{told}: {found:?}");
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status(Box::new(Answer {
        status,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    }))
}

fn error(code: &str) -> Fault {
    Fault::Error {
        code: code.to_owned(),
        message: "no".to_owned(),
    }
}

fn closed(code: u16) -> Fault {
    Fault::Closed {
        code,
        reason: String::new(),
    }
}

fn connected(user_name: Option<&str>, send_ms: u32) -> Connected {
    Connected {
        version: Version::V1_2,
        heartbeat: Heartbeat {
            send_ms,
            receive_ms: 45_000,
        },
        session: None,
        server: Some("stompline/1".to_owned()),
        user_name: user_name.map(str::to_owned),
        headers: Headers::default(),
    }
}

fn message(destination: &str, body: &'static str) -> Message {
    Message {
        destination: destination.to_owned(),
        subscription: None,
        message_id: "m".to_owned(),
        ack: None,
        headers: Headers::default(),
        body: body.as_bytes().into(),
    }
}

#[test]
fn websockets_are_judged() {
    let (plain, framed) = (Way::WebSocket, Way::SockJsWebSocket);
    let rows = [
        (plain, status(200, "Welcome to SockJS!\n"), "Upgrade"),
        (plain, status(426, ""), "Upgrade"),
        (
            framed,
            status(400, r#"{"code":"bad_handshake"}"#),
            "Upgrade",
        ),
        (
            framed,
            status(400, "Can \"Upgrade\" only to \"WebSocket\"."),
            "proxy_set_header",
        ),
        (
            framed,
            status(400, "\"Connection\" must be \"Upgrade\"."),
            "proxy_set_header",
        ),
        (framed, status(400, "Bad Request"), "status 400"),
        (framed, status(404, ""), "sockjs_websocket"),
        (
            plain,
            status(401, r#"{"code":"token_expired"}"#),
            "new token",
        ),
        (
            plain,
            status(403, r#"{"code":"origin_forbidden"}"#),
            "origins",
        ),
        (plain, status(502, ""), "upstream"),
        (plain, Fault::Timeout { doing: "opening" }, "swallows"),
        (
            plain,
            Fault::Handshake(HandshakeError::WrongAccept),
            "untouched",
        ),
        (framed, closed(4408), "holds messages back"),
        (plain, Fault::Ended { doing: "opening" }, "log"),
    ];
    for (way, fault, told) in rows {
        check(&judge_socket(way, Err(&fault)), Failed, told);
    }
    check(&judge_socket(plain, Ok(TOOK)), Fine, "7 ms");
}

#[test]
fn identity_is_judged() {
    let rows = [
        (Some("u1"), Some("u1"), Fine, "user-name u1"),
        (None, None, Fine, "user-name missing"),
        (None, Some("u1"), Failed, "does not know"),
        (Some("u2"), Some("u1"), Failed, "that of u1"),
    ];
    for (name, sub, verdict, told) in rows {
        check(
            &judge_connected(Ok(&connected(name, 20_000)), sub),
            verdict,
            told,
        );
    }
    let rows = [
        (error("token_expired"), "new token"),
        (error("who_knows"), "docs/wire.md"),
        (closed(4401), "new token"),
        (
            Fault::Timeout {
                doing: "waiting for CONNECTED",
            },
            "waiting for CONNECTED",
        ),
        (Fault::Stomp("bad".to_owned()), "something else"),
    ];
    for (fault, told) in rows {
        check(&judge_connected(Err(&fault), Some("u1")), Failed, told);
    }
}

#[test]
fn heartbeats_are_judged() {
    let rows = [
        (20_000, Fine, "beats every 20 s, the client every 45 s"),
        (0, Warning, "beats never"),
        (120_000, Warning, "every 120 s"),
    ];
    for (send_ms, verdict, told) in rows {
        check(&judge_heartbeat(&connected(None, send_ms)), verdict, told);
    }
}

#[test]
fn messages_are_judged() {
    let place = "/app/bootstrap";
    let mine = [message(place, r#"{"me":{"id":"u1"}}"#)];
    let other = [message("/topic/x", "{}")];
    let foreign = [message(place, "hello")];
    check(
        &judge_round_trip(place, Ok((&mine, TOOK)), Some("u1")),
        Fine,
        "in 7 ms",
    );
    check(
        &judge_round_trip(place, Ok((&mine, TOOK)), None),
        Fine,
        "in 7 ms",
    );
    check(
        &judge_round_trip(place, Ok((&mine, TOOK)), Some("u2")),
        Failed,
        "that of u2",
    );
    check(
        &judge_round_trip(place, Ok((&other, TOOK)), None),
        Failed,
        "no MESSAGE",
    );
    check(
        &judge_round_trip(place, Ok((&foreign, TOOK)), None),
        Warning,
        "not the chat",
    );
    let fault = error("unavailable");
    check(
        &judge_round_trip(place, Err(&fault), None),
        Failed,
        "/readyz",
    );
    let fault = error("forbidden");
    check(
        &judge_subscribe("/user/queue/messages", Err(&fault)),
        Failed,
        "access",
    );
    check(
        &judge_subscribe("/user/queue/messages", Ok(TOOK)),
        Fine,
        "confirmed",
    );
}

#[test]
fn quiet_and_goodbye_are_judged() {
    let time = Duration::from_secs(70);
    check(&judge_idle(time, None), Fine, "alive after 70 s");
    let rows = [
        (Fault::Ended { doing: "resting" }, "proxy_read_timeout"),
        (Fault::Timeout { doing: "resting" }, "stay away"),
        (closed(4409), "sessions_per_user"),
        (closed(1001), "stopping"),
    ];
    for (fault, told) in rows {
        check(&judge_idle(time, Some(&fault)), Failed, told);
    }
    check(&judge_goodbye(None), Fine, "closed");
    check(
        &judge_goodbye(Some(&closed(1011))),
        Warning,
        "nothing is lost",
    );
}
