//! Two nodes without stickiness: any request of a session may come to either.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use stompline_sockjs::{Claim, Line, Relay, Responder, Settings, Unanswered};

use crate::{
    client::{Answer, post},
    server::{Server, settings},
};

type Key = (String, Box<str>);

/// What the nodes share.
#[derive(Default)]
struct Net {
    claims: Mutex<HashMap<Key, String>>,
    responders: Mutex<HashMap<String, Responder<String>>>,
    /// Questions get there, and no answer comes back.
    mute: AtomicBool,
}

impl Net {
    fn ask(self: &Arc<Self>, node: &str, key: &Key, question: Bytes) -> BoxFuture<'static, Bytes> {
        let responder = self.responders.lock().unwrap()[node].clone();
        responder.answer(key.0.clone(), &key.1, question)
    }
}

/// The end of one node.
struct End {
    net: Arc<Net>,
    node: String,
}

impl Relay<String> for End {
    fn locate(&self, owner: &String, id: &str) -> BoxFuture<'_, Option<Arc<dyn Line>>> {
        let key = (owner.clone(), id.into());
        let node = self.net.claims.lock().unwrap().get(&key).cloned();
        let line = node.filter(|node| *node != self.node).map(|node| {
            let net = Arc::clone(&self.net);
            Arc::new(Wire { net, node, key }) as Arc<dyn Line>
        });
        Box::pin(async move { line })
    }

    fn claim(
        &self,
        owner: &String,
        id: &str,
        despite: Option<&str>,
    ) -> BoxFuture<'_, Option<Claim>> {
        let key: Key = (owner.clone(), id.into());
        let mut claims = self.net.claims.lock().unwrap();
        let held = claims.get(&key);
        let is_free = held.is_none_or(|node| *node == self.node || Some(node.as_str()) == despite);
        let claim = is_free.then(|| {
            claims.insert(key.clone(), self.node.clone());
            let (net, node) = (Arc::clone(&self.net), self.node.clone());
            Box::new(Held { net, node, key }) as Claim
        });
        drop(claims);
        Box::pin(async move { claim })
    }

    fn attend(&self, responder: Responder<String>) {
        let mut responders = self.net.responders.lock().unwrap();
        responders.insert(self.node.clone(), responder);
    }
}

struct Held {
    net: Arc<Net>,
    node: String,
    key: Key,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut claims = self.net.claims.lock().unwrap();
        if claims.get(&self.key) == Some(&self.node) {
            claims.remove(&self.key);
        }
    }
}

struct Wire {
    net: Arc<Net>,
    node: String,
    key: Key,
}

impl Line for Wire {
    fn node(&self) -> &str {
        &self.node
    }

    fn ask(
        &self,
        question: Bytes,
        within: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unanswered>> {
        let answer = self.net.ask(&self.node, &self.key, question);
        let net = Arc::clone(&self.net);
        Box::pin(async move {
            let answer = tokio::time::timeout(within, answer).await;
            if net.mute.load(Ordering::Relaxed) {
                return Err(Unanswered);
            }
            answer.map_err(|_| Unanswered)
        })
    }

    fn tell(&self, question: Bytes) {
        if !self.net.mute.load(Ordering::Relaxed) {
            tokio::spawn(self.net.ask(&self.node, &self.key, question));
        }
    }
}

/// Two nodes: the first of each pair opens sessions in these tests.
struct Pair {
    net: Arc<Net>,
    one: Server,
    other: Server,
}

/// Asks for frames of the session `s`.
const STREAMING: &str = "POST /echo/0/s/xhr_streaming HTTP/1.1";

impl Pair {
    async fn start() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: Settings) -> Self {
        let net = Arc::<Net>::default();
        let node = async |name: &str| {
            let end = End {
                net: Arc::clone(&net),
                node: name.to_owned(),
            };
            Server::with_relay(settings.clone(), Arc::new(end)).await
        };
        let (one, other) = (node("one").await, node("other").await);
        Self { net, one, other }
    }

    async fn open(&self, session: &str) {
        let opened = post(self.one.address, &format!("/echo/0/{session}/xhr"), "").await;
        assert_eq!(opened, (200, "o\n".to_owned()));
    }

    /// Opens the session `s` by a response that is over.
    async fn open_streaming(&self) {
        let mut opening = Answer::to(self.one.address, STREAMING, "").await;
        opening.chunk().await;
        opening.expect("o\n").await;
        self.fill(&mut opening).await;
    }

    /// A response of the session `s` ends at its size, and the client asks for the next.
    async fn fill(&self, stream: &mut Answer) {
        let filler = format!("[\"{}\"]", "x".repeat(5_000));
        assert_eq!(self.send("s", &filler).await, 204);
        stream.expect(&format!("a{filler}\n")).await;
        stream.expect_end().await;
    }

    async fn send(&self, session: &str, body: &str) -> u16 {
        let path = format!("/echo/0/{session}/xhr_send");
        post(self.other.address, &path, body).await.0
    }

    async fn poll(&self, session: &str) -> String {
        let path = format!("/echo/0/{session}/xhr");
        let (status, body) = post(self.other.address, &path, "").await;
        assert_eq!(status, 200);
        body
    }
}

#[tokio::test]
async fn any_node_sends_and_polls() {
    let pair = Pair::start().await;
    pair.open("s").await;
    for n in 0..50 {
        let body = format!("[\"{n}\",\"{n}\"]");
        assert_eq!(pair.send("s", &body).await, 204);
        let expected = format!("a[\"{n}\",\"{n}\"]\n");
        if n % 2 == 0 {
            assert_eq!(pair.poll("s").await, expected);
        } else {
            // Where the session is, right after a poll that went elsewhere.
            let polled = post(pair.one.address, "/echo/0/s/xhr", "").await;
            assert_eq!(polled, (200, expected));
        }
    }
}

#[tokio::test]
async fn poll_waits_on_any_node() {
    let pair = Pair::start().await;
    pair.open("s").await;
    for _ in 0..3 {
        let mut poll = Answer::sent(pair.other.address, "POST /echo/0/s/xhr HTTP/1.1", "").await;
        assert_eq!(pair.send("s", r#"["late"]"#).await, 204);
        poll.read_head().await;
        assert_eq!(poll.body().await, "a[\"late\"]\n");
    }
}

#[tokio::test]
async fn bad_posts_are_refused_where_they_come() {
    let pair = Pair::with(settings().message_bytes_max(1000)).await;
    assert_eq!(pair.send("s", r#"["x"]"#).await, 404);
    pair.open("s").await;
    assert_eq!(pair.send("s", r#"["x"#).await, 500);
    assert_eq!(pair.send("s", "").await, 500);
    let large = format!("[\"{}\"]", "x".repeat(1000));
    assert_eq!(pair.send("s", &large).await, 413);
    assert_eq!(pair.send("s", r#"["fine"]"#).await, 204);
    assert_eq!(pair.poll("s").await, "a[\"fine\"]\n");
}

#[tokio::test]
async fn large_posts_cross_whole_and_in_order() {
    let pair = Pair::start().await;
    pair.open("s").await;
    let messages: Vec<String> = (0..6_000).map(|n| format!("\"{n:030}\"")).collect();
    let posted = format!("[{}]", messages.join(","));
    let (sent, received) = tokio::join!(pair.send("s", &posted), async {
        let mut received = Vec::new();
        while received.len() < messages.len() {
            let polled = pair.poll("s").await;
            let batch = polled.trim_start_matches("a[").trim_end_matches("]\n");
            received.extend(batch.split(',').map(str::to_owned));
        }
        received
    });
    assert_eq!(sent, 204);
    assert!(received == messages, "each once and in order");
}

#[tokio::test]
async fn streams_run_on_any_node() {
    let pair = Pair::start().await;
    pair.open_streaming().await;
    for round in 0..3 {
        let mut stream = Answer::to(pair.other.address, STREAMING, "").await;
        assert_eq!(stream.chunk().await.unwrap().len(), 2_049);
        for n in 0..10 {
            assert_eq!(pair.send("s", &format!("[\"{round} {n}\"]")).await, 204);
            stream.expect(&format!("a[\"{round} {n}\"]\n")).await;
        }
        pair.fill(&mut stream).await;
    }
}

#[tokio::test]
async fn second_receiver_is_turned_away_on_any_node() {
    let pair = Pair::start().await;
    pair.open("s").await;
    let mut first = Answer::to(pair.other.address, STREAMING, "").await;
    first.chunk().await;
    let occupied = "c[2010,\"Another connection still open\"]\n";
    assert_eq!(pair.poll("s").await, occupied);
    let here = post(pair.one.address, "/echo/0/s/xhr", "").await;
    assert_eq!(here.1, occupied);
    assert_eq!(pair.send("s", r#"["x"]"#).await, 204);
    first.expect("a[\"x\"]\n").await;
}

#[tokio::test]
async fn others_find_nothing_on_any_node() {
    let pair = Pair::start().await;
    let opened = post(pair.one.address, "/echo/0/s/xhr?user=anna", "").await;
    assert_eq!(opened.1, "o\n");
    let sent = post(pair.other.address, "/echo/0/s/xhr_send?user=bert", "[]").await;
    assert_eq!(sent.0, 404);
    let stranger = post(pair.other.address, "/echo/0/s/xhr?user=stranger", "").await;
    assert_eq!(stranger.0, 401);
    // Bert's session of that name is his own.
    let opened = post(pair.other.address, "/echo/0/s/xhr?user=bert", "").await;
    assert_eq!(opened.1, "o\n");
    let sent = post(pair.one.address, "/echo/0/s/xhr_send?user=bert", "[\"b\"]").await;
    assert_eq!(sent.0, 204);
    let sent = post(
        pair.other.address,
        "/echo/0/s/xhr_send?user=anna",
        "[\"a\"]",
    )
    .await;
    assert_eq!(sent.0, 204);
    for (user, expected) in [("anna", "a[\"a\"]\n"), ("bert", "a[\"b\"]\n")] {
        for address in [pair.one.address, pair.other.address] {
            let path = format!("/echo/0/s/xhr_send?user={user}");
            let body = expected.trim_start_matches('a').trim_end();
            post(address, &path, body).await;
            let path = format!("/echo/0/s/xhr?user={user}");
            let polled = post(address, &path, "").await.1;
            assert!(polled.starts_with(&expected[..5]), "{polled}");
        }
    }
}

#[tokio::test]
async fn receiver_that_breaks_off_ends_the_session() {
    let mut pair = Pair::start().await;
    pair.open_streaming().await;
    let mut stream = Answer::to(pair.other.address, STREAMING, "").await;
    stream.chunk().await;
    assert_eq!(pair.send("s", r#"["x"]"#).await, 204);
    stream.expect("a[\"x\"]\n").await;
    drop(stream);
    assert_eq!(pair.one.end().await, "nobody xhr-streaming Lost");
    // Its name is free again, on whatever node.
    assert_eq!(pair.poll("s").await, "o\n");
}

#[tokio::test]
async fn close_is_heard_on_any_node() {
    let pair = Pair::start().await;
    pair.open("s").await;
    assert_eq!(pair.send("s", r#"["close"]"#).await, 204);
    for _ in 0..3 {
        assert_eq!(pair.poll("s").await, "c[3000,\"Go away!\"]\n");
    }
}

#[tokio::test]
async fn silent_node_ends_the_session_at_once() {
    let mut pair = Pair::start().await;
    pair.open("s").await;
    assert_eq!(pair.send("s", r#"["lost"]"#).await, 204);
    pair.net.mute.store(true, Ordering::Relaxed);
    let interrupted = "c[1001,\"Connection interrupted\"]\n";
    assert_eq!(pair.poll("s").await, interrupted);
    assert_eq!(pair.send("s", r#"["x"]"#).await, 503);
    pair.net.mute.store(false, Ordering::Relaxed);
    // What was given may be lost, so nobody goes on as if nothing had been.
    assert_eq!(pair.poll("s").await, "o\n");
    assert_eq!(pair.one.end().await, "nobody xhr-polling Lost");
}
