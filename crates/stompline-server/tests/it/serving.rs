use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use crate::binary::{Server, exchange, get, run, stompline};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const API_KEY: &str = "an-api-key-of-good-length";

#[test]
fn running_server_is_healthy_and_ready() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--demo"]);
    for path in ["/healthz", "/readyz"] {
        let answer = server.request(path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    assert!(server.request("/nowhere", "").starts_with("HTTP/1.1 404 "));
}

#[test]
fn metrics_need_a_key_outside_a_demo() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("STOMPLINE_AUTH__SECRETS", SECRET)
        .env("STOMPLINE_API__KEYS", API_KEY);
    let server = Server::spawn(&mut command);
    let answer = server.request("/metrics", "");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let wrong = server.request("/metrics", "Authorization: Bearer another\r\n");
    assert!(wrong.starts_with("HTTP/1.1 401 "), "{wrong}");
    let answer = server.request("/metrics", &format!("Authorization: Bearer {API_KEY}\r\n"));
    assert!(answer.contains("stompline_build_info{"), "{answer}");
}

#[test]
fn demo_and_private_address_show_metrics() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Server::start(dir.path(), &["--demo"]);
    assert!(demo.request("/metrics", "").contains("# EOF"));
    // One process at a time has the store of a data directory.
    demo.stop();

    let mut command = stompline(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = Server::spawn(command.env("STOMPLINE_API__METRICS_LISTEN", "127.0.0.1:0"));
    let line = server.logged("address of their own");
    let address = line.rsplit_once("address=").unwrap().1.trim();
    assert!(get(address, "/metrics", "").contains("# EOF"));
    assert!(server.request("/metrics", "").starts_with("HTTP/1.1 401 "));
}

#[test]
fn told_to_stop_it_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = Server::start(dir.path(), &["--demo"]).stop();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "nothing after the address");
    assert!(outcome.stderr.contains("stopping"), "{outcome:?}");
}

#[test]
fn polling_clients_hear_the_end_of_a_drain() {
    const CLIENTS: usize = 8;
    let dir = tempfile::tempdir().unwrap();
    let token = ["token", "--user", "c1", "--type", "customer"];
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let mut server = Server::spawn(command.env("STOMPLINE_SHUTDOWN__DRAIN_S", "8"));
    let token = run(dir.path(), &token).succeeded();
    let address = server.address.clone();
    let post = |session: &str, action: &str, body: &str| {
        let path = format!(
            "POST /ws/chat/000/{session}/{action}?token={}",
            token.trim()
        );
        exchange(&address, &path, "", body)
    };
    for n in 0..CLIENTS {
        let session = format!("s{n}");
        assert!(post(&session, "xhr", "").ends_with("o\n"));
        let connect = r#"["CONNECT\naccept-version:1.2\n\n\u0000"]"#;
        assert!(post(&session, "xhr_send", connect).starts_with("HTTP/1.1 204 "));
        assert!(post(&session, "xhr", "").contains("CONNECTED"));
    }
    // Nobody asks at the moment.
    server.terminate();
    server.logged("stopping");
    let refused = post("new", "xhr", "");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(server.request("/readyz", "").starts_with("HTTP/1.1 503 "));
    let heard: Vec<String> = std::thread::scope(|scope| {
        let post = &post;
        let ask = |n| scope.spawn(move || post(&format!("s{n}"), "xhr", ""));
        let asking: Vec<_> = (0..CLIENTS).map(ask).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // A machine that is too busy to let the first of them ask in time is no fault.
    let told = heard.iter().filter(|heard| heard.contains("c[1001,"));
    assert!(told.count() > CLIENTS / 2, "{heard:?}");
    let outcome = server.end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stderr.contains("before every client had left"));
}

#[test]
fn content_rules_of_the_configuration_hold() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("rules.toml");
    let rules = "[endpoints.chat]\nsockjs_disconnect_s = 60\n[[limits.content]]\ndestination = '/app/send'\nwords = ['casino']\njson_depth = 3\n";
    std::fs::write(&config, rules).unwrap();
    let config = config.to_string_lossy().into_owned();
    let args = ["--demo", "--config", &config];
    let server = Server::start(dir.path(), &args);
    let token = run(dir.path(), &["token", "--user", "c1", "--type", "customer"]).succeeded();
    let post = |action: &str, frame: &str| {
        let path = format!("POST /ws/chat/000/s/{action}?token={}", token.trim());
        let body = match frame {
            "" => String::new(),
            frame => serde_json::to_string(&[format!("{frame}\0")]).unwrap(),
        };
        exchange(&server.address, &path, "", &body)
    };
    post("xhr", "");
    post("xhr_send", "CONNECT\naccept-version:1.2\n\n");
    post("xhr", "");
    post(
        "xhr_send",
        "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n",
    );
    for (body, code) in [
        (r#"{"text":"to the CASINO"}"#, "code:content"),
        (r#"{"text":[[[["x"]]]]}"#, "code:too_deep"),
    ] {
        post(
            "xhr_send",
            &format!("SEND\ndestination:/app/send\n\n{body}"),
        );
        let told = post("xhr", "").replace("\\n", "\n");
        assert!(told.contains(code), "{told}");
    }
}

#[test]
fn log_can_be_json_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let outcome = Server::spawn(command.env("STOMPLINE_LOG__FORMAT", "json")).stop();
    assert!(outcome.stderr.lines().count() >= 2, "{outcome:?}");
    for line in outcome.stderr.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(
            event["message"].is_string() && event["level"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn client_without_a_request_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command.env("STOMPLINE_LIMITS__CONNECT_TIMEOUT_S", "1"));
    let mut idle = TcpStream::connect(&server.address).unwrap();
    idle.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest)
        .expect("the server closes in good order");
}
