//! Several processes on one Redis, and what happens when one of them, Redis or the network goes away.

mod chat;
mod proxy;
mod redis;

use std::{fs, path::Path, time::Duration};

use serde_json::Value;

use crate::binary::{Server, exchange, run, stompline, until};
use crate::client::{self, Client, SECRET};
use proxy::Proxy;
use redis::Redis;

const API_KEY: &str = "an-api-key-of-good-length";

/// Presence has to be right again within 15 s of whatever happened: a lease, and a look at what is due. A machine that is busy with other
/// tests has four times as long, since time decides nothing here; what never comes right fails.
const CONVERGENCE: Duration = Duration::from_mins(1);

const CONFIG: &str = r#"
[[access.rules]]
effect = "allow"
action = "any"
who = "anyone"
destination = "/topic/open.*"
"#;

/// One process, with a directory of its own: what they share is Redis.
struct Node {
    server: Server,
    dir: tempfile::TempDir,
}

impl Node {
    fn start(redis_url: &str) -> Self {
        Self::start_with(redis_url, &[])
    }

    /// With more variables of the environment.
    fn start_with(redis_url: &str, more: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = serve(dir.path(), redis_url, more);
        let node = Self { server, dir };
        node.until("it is a member", Node::is_well);
        node
    }

    async fn connect(&self, user_type: &str, name: &str) -> Client {
        client::connect(&self.server.address, user_type, name).await
    }

    fn ask(&self, request: &str, body: &str) -> Value {
        let key = format!("Authorization: Bearer {API_KEY}\r\n");
        let answer = exchange(&self.server.address, request, &key, body);
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("the API answers in JSON")
    }

    fn is_well(&self) -> bool {
        self.server
            .request("/readyz?strict", "")
            .starts_with("HTTP/1.1 200 ")
    }

    /// How many sessions each of `users` has, as this node sees it; `None` if it cannot tell.
    fn sessions(&self, users: &[&str]) -> Option<Vec<u64>> {
        let ids = users.join(",");
        let path = format!("GET /api/v1/users?realm=customer&ids={ids}");
        let answer = self.ask(&path, "");
        if answer["partial"] != false {
            return None;
        }
        let listed = answer["users"].as_array()?;
        listed
            .iter()
            .map(|user| user["sessions"].as_u64())
            .collect()
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        until(what, CONVERGENCE, || holds(self));
    }
}

fn serve(dir: &Path, redis_url: &str, more: &[(&str, &str)]) -> Server {
    fs::write(dir.join("s.toml"), CONFIG).unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--config", "s.toml"];
    let mut command = stompline(dir, &args);
    command
        .env("STOMPLINE_AUTH__SECRETS", SECRET)
        .env("STOMPLINE_API__KEYS", API_KEY)
        .env("STOMPLINE_REDIS__URL", redis_url)
        .env("STOMPLINE_REDIS__DEADLINE_MS", "2000")
        .env("STOMPLINE_REDIS__GRACE_S", "1")
        .env("STOMPLINE_SHUTDOWN__DRAIN_S", "0")
        .envs(more.iter().copied());
    Server::spawn(&mut command)
}

/// Both send to both, and each gets everything once and in order.
async fn talk(one: &mut Client, other: &mut Client, round: &str) {
    for n in 0..50 {
        let text = format!("{round} {n}");
        one.send_and_wait("/topic/open.a", text.as_str()).await;
    }
    for n in 0..50 {
        let text = format!("{round} {n}");
        assert_eq!(one.message().await.body, text);
        assert_eq!(other.message().await.body, text);
    }
}

async fn pair(here: &Node, there: &Node) -> (Client, Client) {
    let mut anna = here.connect("customer", "anna").await;
    let mut bert = there.connect("customer", "bert").await;
    anna.subscribe("errors", "/user/queue/errors").await;
    for client in [&mut anna, &mut bert] {
        client.subscribe("s", "/topic/open.a").await;
    }
    (anna, bert)
}

#[tokio::test]
async fn two_processes_are_one_service() {
    let redis = Redis::start();
    let (here, there) = (Node::start(&redis.url()), Node::start(&redis.url()));
    let mut lin = there.connect("agent", "lin").await;
    lin.subscribe("p", "/topic/presence.customer").await;
    let (mut anna, mut bert) = pair(&here, &there).await;
    // News of two nodes come in any order.
    let mut online = Vec::new();
    for _ in 0..2 {
        let news: Value = serde_json::from_slice(&lin.message().await.body).unwrap();
        assert_eq!(news["online"], true);
        online.push(news["userId"].as_str().unwrap().to_owned());
    }
    online.sort();
    assert_eq!(online, ["anna", "bert"]);
    talk(&mut anna, &mut bert, "hello").await;
    talk(&mut bert, &mut anna, "and back").await;

    anna.subscribe("u", "/user/queue/notes").await;
    let note = r#"{"users":["anna"],"destination":"/queue/notes","payload":"psst"}"#;
    there.until("the message finds its user", |there| {
        there.ask("POST /api/v1/users/messages", note)["deliveries"] == 0
    });
    assert_eq!(anna.message().await.body, "\"psst\"");

    let sessions = there.ask("GET /api/v1/users/anna/sessions", "");
    let id = sessions[0]["id"].as_str().unwrap();
    assert_eq!(sessions[0]["endpoint"], "/ws/chat");
    assert_eq!(
        there.ask(&format!("DELETE /api/v1/sessions/{id}"), "")["ended"],
        1
    );
    assert_eq!(anna.closed().await, Some(4409));
    drop(anna);
    let news: Value = serde_json::from_slice(&lin.message().await.body).unwrap();
    assert_eq!(
        (&news["userId"], &news["online"]),
        (&"anna".into(), &false.into())
    );
}

#[tokio::test]
async fn killed_node_leaves_no_ghost() {
    let redis = Redis::start();
    let nodes = [Node::start(&redis.url()), Node::start(&redis.url())];
    let dying = Node::start(&redis.url());
    let mut lin = nodes[0].connect("agent", "lin").await;
    lin.subscribe("p", "/topic/presence.customer").await;
    let names = ["a", "b", "c", "d", "e"];
    let mut clients = Vec::new();
    for name in names {
        clients.push(dying.connect("customer", name).await);
    }
    nodes[1].until("all are there", |node| {
        node.sessions(&names) == Some(vec![1; 5])
    });
    for _ in names {
        lin.message().await;
    }
    // SIGKILL: it says nothing more.
    drop(dying);
    nodes[1].until("all are gone", |node| {
        node.sessions(&names) == Some(vec![0; 5])
    });
    let mut offline = Vec::new();
    for _ in names {
        let news: Value = serde_json::from_slice(&lin.message().await.body).unwrap();
        assert_eq!(news["online"], false);
        offline.push(news["userId"].as_str().unwrap().to_owned());
    }
    offline.sort();
    assert_eq!(offline, names);
    drop(lin);
    let logs: String = nodes.map(|node| node.server.stop().stderr).concat();
    assert_eq!(logs.matches("node-lost").count(), 5, "{logs}");
}

#[tokio::test]
async fn redis_that_restarts_empty_is_filled_again() {
    let mut redis = Redis::start();
    let (here, there) = (Node::start(&redis.url()), Node::start(&redis.url()));
    let (mut anna, mut bert) = pair(&here, &there).await;
    talk(&mut anna, &mut bert, "before").await;
    redis.kill();
    here.until("it is noticed", |here| !here.is_well());
    there.until("it is noticed", |there| !there.is_well());
    refuse_and_live(&here, &mut anna).await;
    redis.start_again();
    recover(&[&here, &there], &["anna", "bert"]);
    talk(&mut anna, &mut bert, "after").await;
    talk(&mut bert, &mut anna, "and back").await;
    no_session_was_lost([here, there]);
}

/// What of a Redis Cluster is dark is named, to people and in the metrics.
#[tokio::test]
async fn redis_cluster_names_what_is_dark() {
    let mut redis = Redis::start_cluster();
    let url = redis.url().replace("redis://", "redis+cluster://");
    let (here, there) = (Node::start(&url), Node::start(&url));
    let (mut anna, mut bert) = pair(&here, &there).await;
    talk(&mut anna, &mut bert, "hello").await;
    redis.kill();
    let link = format!(
        "redis commands at {} (partitions 0-127, inboxes, directory)",
        redis.address()
    );
    here.until("it is named", |here| {
        let ready = here.server.request("/readyz", "");
        ready.contains(&format!("\ndark: {link}: "))
    });
    let key = format!("Authorization: Bearer {API_KEY}\r\n");
    let metrics = here.server.request("/metrics", &key);
    let series = format!("stompline_cluster_link_dark{{link=\"{link}\"}} 1\n");
    assert!(metrics.contains(&series), "{metrics}");
    refuse_and_live(&here, &mut anna).await;
}

#[test]
fn doctor_names_what_is_dark() {
    let mut redis = Redis::start();
    let node = Node::start(&redis.url());
    let url = format!("http://{}", node.server.address);
    let examine = || {
        let outcome = run(node.dir.path(), &["doctor", &url]);
        let told = outcome.succeeded();
        let line = told.lines().find(|line| line.contains(" ready "));
        line.expect("readiness is told").to_owned()
    };
    assert_eq!(examine(), "ok       ready            /readyz: ready");
    redis.kill();
    node.until("it is noticed", |node| !node.is_well());
    let line = examine();
    assert!(
        line.starts_with("warning  ready            /readyz: ready dark: redis"),
        "{line}"
    );
}

#[tokio::test]
async fn frozen_redis_holds_nobody_up() {
    let redis = Redis::start();
    let (here, there) = (Node::start(&redis.url()), Node::start(&redis.url()));
    let (mut anna, mut bert) = pair(&here, &there).await;
    redis.signal("-STOP");
    here.until("it is noticed", |here| !here.is_well());
    there.until("it is noticed", |there| !there.is_well());
    refuse_and_live(&here, &mut anna).await;
    redis.signal("-CONT");
    recover(&[&here, &there], &["anna", "bert"]);
    talk(&mut anna, &mut bert, "after").await;
    no_session_was_lost([here, there]);
}

#[tokio::test]
async fn node_whose_link_is_cut_comes_back() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.address());
    let cut = Node::start(&format!("redis://{}", proxy.address()));
    let sound = Node::start(&redis.url());
    let mut lin = sound.connect("agent", "lin").await;
    lin.subscribe("p", "/topic/presence.customer").await;
    let (mut anna, mut bert) = pair(&cut, &sound).await;
    let mut told = [news(&mut lin).await, news(&mut lin).await];
    told.sort();
    assert_eq!(told, ["anna online", "bert online"]);
    proxy.cut(true);
    cut.until("it is noticed", |cut| !cut.is_well());
    refuse_and_live(&cut, &mut anna).await;
    // To the others it is gone, and only what they can know is told.
    sound.until("anna is gone", |sound| {
        sound.sessions(&["anna", "bert"]) == Some(vec![0, 1])
    });
    assert_eq!(news(&mut lin).await, "anna offline");
    proxy.cut(false);
    recover(&[&cut, &sound], &["anna", "bert"]);
    assert_eq!(news(&mut lin).await, "anna online");
    talk(&mut anna, &mut bert, "after").await;
    talk(&mut bert, &mut anna, "and back").await;
    drop((anna, bert));
    let mut told = [news(&mut lin).await, news(&mut lin).await];
    told.sort();
    assert_eq!(told, ["anna offline", "bert offline"]);
    drop(lin);
    let log = cut.server.stop().stderr;
    assert_eq!(log.matches("session found again").count(), 1, "{log}");
    let log = sound.server.stop().stderr;
    assert_eq!(log.matches("node-lost").count(), 1, "{log}");
}

/// What an agent hears of a customer.
async fn news(agent: &mut Client) -> String {
    let news: Value = serde_json::from_slice(&agent.message().await.body).unwrap();
    let state = if news["online"] == true {
        "online"
    } else {
        "offline"
    };
    format!("{} {state}", news["userId"].as_str().unwrap())
}

#[tokio::test]
async fn rolling_restart_takes_everybody_along() {
    let redis = Redis::start();
    let (old, stays) = (Node::start(&redis.url()), Node::start(&redis.url()));
    let mut bert = stays.connect("customer", "bert").await;
    bert.subscribe("s", "/topic/open.a").await;
    let mut anna = old.connect("customer", "anna").await;
    let logs = old.server.stop().stderr;
    assert!(!logs.contains("before every client had left"), "{logs}");
    assert_eq!(anna.closed().await, Some(1001));
    let new = Node::start(&redis.url());
    let mut anna = new.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.a").await;
    talk(&mut anna, &mut bert, "after").await;
    stays.until("each is there once", |node| {
        node.sessions(&["anna", "bert"]) == Some(vec![1, 1])
    });
    no_session_was_lost([new, stays]);
}

/// A SEND reaches those who are here; its receipt is refused and the session lives.
async fn refuse_and_live(node: &Node, client: &mut Client) {
    client
        .send_with_receipt("/topic/open.a", "r-1", "alone")
        .await;
    assert_eq!(client.message().await.body, "alone");
    let refusal = client.message().await;
    let code = refusal.headers.find("code");
    assert_eq!(
        (code, refusal.headers.find("receipt-id")),
        (Some("cluster_unavailable"), Some("r-1"))
    );
    let users = node.ask("GET /api/v1/users?online", "");
    assert_eq!(users["partial"], true, "{users}");
    let ready = node.server.request("/readyz", "");
    assert!(
        ready.starts_with("HTTP/1.1 200 ") && ready.contains("dark: redis"),
        "{ready}"
    );
}

fn recover(nodes: &[&Node], users: &[&str]) {
    for node in nodes {
        node.until("it is well again", Node::is_well);
    }
    for node in nodes {
        node.until("everybody is there once", |node| {
            node.sessions(users) == Some(vec![1; users.len()])
        });
    }
}

fn no_session_was_lost(nodes: [Node; 2]) {
    let logs: String = nodes.map(|node| node.server.stop().stderr).concat();
    assert!(!logs.contains("node-lost"), "{logs}");
}
