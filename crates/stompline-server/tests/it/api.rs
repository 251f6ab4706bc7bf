use std::path::Path;

use serde_json::Value;

use crate::binary::{Server, exchange, stompline};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const API_KEY: &str = "an-api-key-of-good-length";

/// A server with a key for back ends, and none for visitors.
fn with_key(dir: &Path) -> Server {
    let mut command = stompline(dir, &["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("STOMPLINE_AUTH__SECRETS", SECRET)
        .env("STOMPLINE_API__KEYS", API_KEY);
    Server::spawn(&mut command)
}

/// Status and body of an answer.
#[track_caller]
fn ask(server: &Server, request: &str, key: Option<&str>, body: &str) -> (u16, Value) {
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n"));
    let answer = exchange(
        &server.address,
        request,
        &authorization.unwrap_or_default(),
        body,
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .expect("a status");
    if status >= 400 {
        let kind = "content-type: application/problem+json";
        assert!(head.to_lowercase().contains(kind), "{head}");
    }
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn guest_keeps_its_id_by_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--demo"]);
    let (status, first) = ask(&server, "POST /api/v1/widget/session", None, "");
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["token"].as_str().unwrap().split('.').count(), 3);
    let secret = first["deviceSecret"].as_str().unwrap();
    let body = format!(r#"{{"deviceSecret":"{secret}"}}"#);
    let (_, again) = ask(&server, "POST /api/v1/widget/session", None, &body);
    assert_eq!(again["userId"], first["userId"]);
    let (_, other) = ask(&server, "POST /api/v1/widget/session", None, "{}");
    assert_ne!(other["userId"], first["userId"]);
    let (status, refused) = ask(
        &server,
        "POST /api/v1/widget/session",
        None,
        r#"{"deviceSecret":"guess"}"#,
    );
    assert_eq!((status, &refused["code"]), (400, &"bad_request".into()));
}

#[test]
fn guests_of_one_address_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command.env("STOMPLINE_API__GUEST_PER_MINUTE", "1"));
    assert_eq!(ask(&server, "POST /api/v1/widget/session", None, "").0, 200);
    let (status, refused) = ask(&server, "POST /api/v1/widget/session", None, "");
    assert_eq!((status, &refused["code"]), (429, &"rate_limited".into()));
}

#[test]
fn demonstration_agents_sit_on_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let local = Server::start(dir.path(), &["--demo"]);
    let (status, agent) = ask(
        &local,
        "POST /demo/agent",
        None,
        r#"{"id":"a1","name":"Lin"}"#,
    );
    assert_eq!((status, &agent["userId"]), (200, &"a1".into()), "{agent}");
    local.stop();

    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "0.0.0.0:0"]);
    let mut open = Server::spawn(&mut command);
    open.address = open.address.replace("0.0.0.0", "127.0.0.1");
    assert!(exchange(&open.address, "POST /demo/agent", "", "").starts_with("HTTP/1.1 404 "));
    assert_eq!(ask(&open, "POST /api/v1/widget/session", None, "").0, 200);
}

#[test]
fn visitors_need_the_configuration_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_key(dir.path());
    let (status, refused) = ask(&server, "POST /api/v1/widget/session", None, "");
    assert_eq!((status, &refused["code"]), (403, &"forbidden".into()));
    assert!(exchange(&server.address, "POST /demo/agent", "", "").starts_with("HTTP/1.1 404 "));
    assert!(exchange(&server.address, "GET /", "", "").starts_with("HTTP/1.1 404 "));
}

#[test]
fn back_end_routes_need_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_key(dir.path());
    let message = r#"{"destination":"/topic/news","payload":{"n":1}}"#;
    for key in [None, Some("another-key-of-good-length")] {
        for request in [
            "POST /api/v1/messages",
            "GET /api/v1/users?online",
            "GET /api/v1/stats",
        ] {
            let (status, refused) = ask(&server, request, key, message);
            assert_eq!(
                (status, &refused["code"]),
                (401, &"api_key".into()),
                "{request}"
            );
        }
    }
    let (status, sent) = ask(&server, "POST /api/v1/messages", Some(API_KEY), message);
    assert_eq!((status, &sent["deliveries"]), (200, &0.into()), "{sent}");
    let (status, users) = ask(&server, "GET /api/v1/users?online", Some(API_KEY), "");
    assert_eq!(
        (status, &users["users"]),
        (200, &Value::Array(Vec::new())),
        "{users}"
    );
    assert_eq!(ask(&server, "GET /api/v1/stats", Some(API_KEY), "").0, 200);
}

#[test]
fn malformed_requests_are_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_key(dir.path());
    let rows = [
        ("POST /api/v1/messages", r#"{"destination":"#, 400),
        ("POST /api/v1/messages", r#"{"payload":1}"#, 422),
        (
            "POST /api/v1/messages",
            r#"{"destination":"news","payload":1}"#,
            400,
        ),
        (
            "POST /api/v1/users/messages",
            r#"{"users":[],"destination":"/x","payload":1}"#,
            400,
        ),
        ("DELETE /api/v1/sessions/none", "", 404),
        ("GET /api/v1/nothing", "", 404),
    ];
    for (request, body, expected) in rows {
        let (status, refused) = ask(&server, request, Some(API_KEY), body);
        assert_eq!(status, expected, "{request} {body}: {refused}");
        assert!(
            refused["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{refused}"
        );
    }
}

#[test]
fn openapi_document_lists_the_routes() {
    let dir = tempfile::tempdir().unwrap();
    let server = with_key(dir.path());
    let (status, document) = ask(&server, "GET /api/v1/openapi.json", None, "");
    assert_eq!(status, 200);
    for path in [
        "/messages",
        "/users/messages",
        "/users",
        "/users/{id}/sessions",
        "/sessions/{id}",
    ] {
        let listed = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.ends_with(path));
        assert!(listed, "{path}");
    }
}
