//! What the table `access` of the configuration changes.

use std::path::Path;

use serde_json::{Value, json};
use stompline_proto::{Command, Frame};

use crate::binary::{Server, exchange, stompline};
use crate::client::{Client, SECRET, connect};

const API_KEY: &str = "an-api-key-of-good-length";

fn start(dir: &Path, settings: &[(&str, &str)]) -> Server {
    let mut command = stompline(dir, &["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("STOMPLINE_AUTH__SECRETS", SECRET)
        .env("STOMPLINE_API__KEYS", API_KEY)
        .envs(settings.iter().copied());
    Server::spawn(&mut command)
}

/// How many subscriptions a message of a back end reaches.
fn deliveries(server: &Server, destination: &str) -> u64 {
    let key = format!("Authorization: Bearer {API_KEY}\r\n");
    let body = json!({"destination": destination, "payload": "news"}).to_string();
    let answer = exchange(&server.address, "POST /api/v1/messages", &key, &body);
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    body["deliveries"].as_u64().expect("a number")
}

/// An agent, since patterns are for agents.
async fn agent(server: &Server) -> Client {
    connect(&server.address, "agent", "a1").await
}

/// The code of the ERROR for a SUBSCRIBE.
async fn refusal(server: &Server, destination: &str) -> String {
    let mut agent = agent(server).await;
    let subscribe = Frame::new(Command::Subscribe)
        .header("id", "s")
        .header("destination", destination);
    agent.transmit(&subscribe).await;
    let (error, _) = agent.error().await;
    error.headers.find("code").expect("a code").to_owned()
}

#[tokio::test]
async fn patterns_can_be_switched_off_one_by_one() {
    const ONE: &str = "/topic/news/*";
    const MANY: &str = "/topic/news/**";
    for (setting, refused, allowed, elsewhere) in [
        ("STOMPLINE_ACCESS__STAR", ONE, MANY, "/topic/news/a/b"),
        ("STOMPLINE_ACCESS__DOUBLE_STAR", MANY, ONE, "/topic/news/a"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path(), &[(setting, "false")]);
        assert_eq!(refusal(&server, refused).await, "unknown_destination");
        let mut agent = agent(&server).await;
        agent.subscribe("s", allowed).await;
        assert_eq!(deliveries(&server, elsewhere), 1, "{setting}");
    }
}

#[tokio::test]
async fn separator_divides_what_a_star_stands_for() {
    for (separator, in_one, in_two) in [("/", 1, 1), (".", 1, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path(), &[("STOMPLINE_ACCESS__SEPARATOR", separator)]);
        let mut agent = agent(&server).await;
        agent.subscribe("s", "/topic/news.*").await;
        let reached = |destination| deliveries(&server, destination);
        assert_eq!(reached("/topic/news.sport"), in_one, "{separator}");
        assert_eq!(reached("/topic/news.sport.golf"), in_two, "{separator}");
        assert_eq!(reached("/topic/other.sport"), 0, "{separator}");
    }
}
