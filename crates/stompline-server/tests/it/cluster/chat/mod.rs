//! Conversations over several processes while one of them, Redis or the network goes away: every message that was
//! confirmed is there once, and in one order for everybody.

mod participant;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Node, proxy::Proxy, redis::Redis};
use crate::client::Client;
use crate::postgres::Postgres;
use participant::{Addresses, Participant, Phase, Progress, Record};

/// Longer than any fault here lasts.
const PATIENCE: Duration = Duration::from_mins(1);

/// What everybody says and hears at least before the next thing happens.
const STEPS: usize = 5;

/// A conversation that goes on, on whichever nodes there are.
struct Talk {
    addresses: Addresses,
    /// One for each conversation.
    phases: Vec<watch::Sender<Phase>>,
    people: Vec<Person>,
}

struct Person {
    name: String,
    talks: bool,
    progress: watch::Receiver<Progress>,
    record: JoinHandle<Record>,
}

impl Node {
    fn with_chat(redis_url: &str, postgres: &Postgres) -> Self {
        Self::start_with(
            redis_url,
            &[
                ("STOMPLINE_STORE__URL", &postgres.url()),
                ("STOMPLINE_CHAT__RATE__CUSTOMER_PER_S", "0"),
                ("STOMPLINE_CHAT__RATE__AGENT_PER_S", "0"),
                ("STOMPLINE_SHUTDOWN__DRAIN_S", "1"),
            ],
        )
    }
}

impl Talk {
    /// Two conversations, each with a customer, an agent on the next node, and the customer again on the one after.
    async fn start(nodes: &[&Node]) -> Self {
        let addresses = nodes.iter().map(|node| node.server.address.clone());
        let mut talk = Self {
            addresses: Arc::new(Mutex::new(addresses.collect())),
            phases: Vec::new(),
            people: Vec::new(),
        };
        for (home, node) in nodes.iter().take(2).enumerate() {
            let (customer, agent) = (format!("c{home}"), format!("a{home}"));
            let conversation = meet(node, &customer, &agent).await;
            talk.phases.push(watch::Sender::new(Phase::Talk));
            let people = [
                ("customer", &customer, true),
                ("agent", &agent, true),
                ("customer", &customer, false),
            ];
            for (place, (user_type, name, talks)) in people.into_iter().enumerate() {
                talk.join((user_type, name), talks, home + place, &conversation);
            }
        }
        talk
    }

    fn join(
        &mut self,
        (user_type, name): (&'static str, &str),
        talks: bool,
        home: usize,
        conversation: &str,
    ) {
        let (progress, seen) = watch::channel(Progress::default());
        let participant = Participant {
            user_type,
            name: name.to_owned(),
            conversation: conversation.to_owned(),
            talks,
            addresses: Arc::clone(&self.addresses),
            home,
            phase: self.phases.last().expect("it has begun").subscribe(),
            progress,
        };
        self.people.push(Person {
            name: name.to_owned(),
            talks,
            progress: seen,
            record: tokio::spawn(participant.run()),
        });
    }

    /// Waits until everybody has said and heard more than now.
    async fn goes_on(&mut self, when: &str) {
        for person in &mut self.people {
            let Progress {
                confirmed, heard, ..
            } = *person.progress.borrow_and_update();
            let confirmed = confirmed + if person.talks { STEPS } else { 0 };
            let goes_on = person
                .progress
                .wait_for(|now| now.confirmed >= confirmed && now.heard >= heard + STEPS);
            let gone_on = timeout(PATIENCE, goes_on).await;
            assert!(
                matches!(gone_on, Ok(Ok(_))),
                "{} does not go on {when}",
                person.name
            );
        }
    }

    /// Everybody finishes, and has the same to tell.
    async fn ends(mut self) {
        for phase in &self.phases {
            phase.send_replace(Phase::Hush);
        }
        for person in &mut self.people {
            let quiet = person.progress.wait_for(|now| now.is_silent);
            let quiet = timeout(PATIENCE, quiet).await;
            assert!(matches!(quiet, Ok(Ok(_))), "{} is not heard", person.name);
        }
        // Both conversations are of the same three people, and each began with two messages.
        for (people, phase) in self.people.chunks_mut(3).zip(&self.phases) {
            let said: usize = people
                .iter()
                .map(|one| one.progress.borrow().confirmed)
                .sum();
            phase.send_replace(Phase::Leave(said + 2));
            let mut orders = Vec::new();
            for person in people {
                let record = timeout(PATIENCE, &mut person.record).await;
                let name = &person.name;
                let record = record.unwrap_or_else(|_| panic!("{name} does not hear it all"));
                let Record { said, heard } = record.unwrap();
                let prefix = format!("{name}-");
                let own = heard.iter().filter(|id| id.starts_with(&prefix));
                let is_whole = !person.talks || own.eq(&said);
                assert!(is_whole, "{name} does not hear what they said");
                orders.push(heard);
            }
            let is_one = orders.iter().all(|order| *order == orders[0]);
            assert!(is_one, "everybody hears one order");
        }
    }

    fn set_nodes(&self, nodes: &[&Node]) {
        let addresses = nodes.iter().map(|node| node.server.address.clone());
        *self.addresses.lock().unwrap() = addresses.collect();
    }
}

/// A customer begins a conversation and an agent takes it by answering. Gives its name.
async fn meet(node: &Node, customer: &str, agent: &str) -> String {
    let mut conversation = None;
    for (user_type, name) in [("customer", customer), ("agent", agent)] {
        let mut client = node.connect(user_type, name).await;
        client.subscribe("acks", "/user/queue/acks").await;
        let body = json!({"conversationId": conversation, "clientId": format!("{name}:hello"), "text": "hello"});
        client.send("/app/send", body.to_string()).await;
        let ack: Value = serde_json::from_slice(&client.message().await.body).unwrap();
        assert_eq!(ack["ok"], true, "{ack}");
        conversation = Some(ack["conversationId"].as_str().unwrap().to_owned());
    }
    conversation.unwrap()
}

/// Everybody is there, each as often as there are sessions, on each of these nodes.
fn everybody_is_there(nodes: &[&Node]) {
    for node in nodes {
        node.until("it is well", Node::is_well);
    }
    for node in nodes {
        node.until("each customer has two sessions", |node| {
            node.sessions(&["c0", "c1"]) == Some(vec![2, 2])
        });
    }
}

/// Somebody on a node who hears which customers come and go.
async fn porter(node: &Node) -> Client {
    let mut porter = node.connect("agent", "porter").await;
    porter
        .subscribe("presence", "/topic/presence.customer")
        .await;
    porter
}

/// Waits until it is told that this customer has gone: then all that was lost with a node has been reported.
async fn is_told_gone(porter: &mut Client, customer: &str) {
    loop {
        let news: Value = serde_json::from_slice(&porter.message().await.body).unwrap();
        if news["userId"] == customer && news["online"] == false {
            return;
        }
    }
}

/// The sessions that these nodes reported as lost with another one; each may be reported once.
fn lost_sessions(nodes: impl IntoIterator<Item = Node>) -> usize {
    let logs: Vec<String> = nodes
        .into_iter()
        .map(|node| node.server.stop().stderr)
        .collect();
    let lines = logs.iter().flat_map(|log| log.lines());
    let mut sessions: Vec<&str> = lines
        .filter(|line| line.contains("node-lost"))
        .map(|line| {
            let (_, session) = line.split_once("session=").expect("it names the session");
            session.split(' ').next().unwrap_or_default()
        })
        .collect();
    let count = sessions.len();
    sessions.sort_unstable();
    sessions.dedup();
    assert_eq!(
        sessions.len(),
        count,
        "a session is reported once: {logs:?}"
    );
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_costs_no_message() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let start = || Node::with_chat(&redis.url(), &postgres);
    let (one, dying, other) = (start(), start(), start());
    let mut talk = Talk::start(&[&one, &dying, &other]).await;
    talk.goes_on("at first").await;
    everybody_is_there(&[&one, &other]);
    let mut porter = porter(&one).await;
    let _victim = dying.connect("customer", "victim").await;
    one.until("the victim is there", |one| {
        one.sessions(&["victim"]) == Some(vec![1])
    });
    talk.set_nodes(&[&one, &other]);
    // SIGKILL, in the middle of whatever it does.
    drop(dying);
    talk.goes_on("after a node was killed").await;
    everybody_is_there(&[&one, &other]);
    is_told_gone(&mut porter, "victim").await;
    talk.ends().await;
    assert_eq!(lost_sessions([one, other]), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_that_fails_in_every_way_costs_no_message() {
    let (mut redis, postgres) = (Redis::start(), Postgres::start());
    let start = || Node::with_chat(&redis.url(), &postgres);
    let (one, other) = (start(), start());
    let nodes = [&one, &other];
    let mut talk = Talk::start(&nodes).await;
    let dark = |what: &str| {
        for node in nodes {
            node.until(what, |node| !node.is_well());
        }
    };
    talk.goes_on("at first").await;
    redis.signal("-STOP");
    dark("a frozen Redis is noticed");
    talk.goes_on("while Redis is frozen").await;
    redis.signal("-CONT");
    everybody_is_there(&nodes);
    talk.goes_on("after Redis was frozen").await;

    redis.save();
    redis.kill();
    dark("a dead Redis is noticed");
    talk.goes_on("while Redis is dead").await;
    redis.start_again();
    everybody_is_there(&nodes);
    talk.goes_on("after Redis came back as it was").await;

    redis.kill();
    dark("a dead Redis is noticed");
    redis.forget();
    redis.start_again();
    everybody_is_there(&nodes);
    talk.goes_on("after Redis came back empty").await;
    talk.ends().await;
    assert_eq!(lost_sessions([one, other]), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_link_costs_no_message() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let proxy = Proxy::start(redis.address());
    let cut = Node::with_chat(&format!("redis://{}", proxy.address()), &postgres);
    let sound = Node::with_chat(&redis.url(), &postgres);
    let mut talk = Talk::start(&[&cut, &sound]).await;
    talk.goes_on("at first").await;
    everybody_is_there(&[&cut, &sound]);
    let mut porter = porter(&sound).await;
    proxy.cut(true);
    cut.until("it is noticed", |cut| !cut.is_well());
    talk.goes_on("while a node is cut off").await;
    // To the others, who sits there is gone.
    sound.until("its sessions are gone", |sound| {
        sound.sessions(&["c0", "c1"]) == Some(vec![0, 2])
    });
    is_told_gone(&mut porter, "c0").await;
    proxy.cut(false);
    everybody_is_there(&[&cut, &sound]);
    talk.goes_on("after it came back").await;
    talk.ends().await;
    assert_eq!(lost_sessions([cut, sound]), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart_under_load_costs_no_message() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let start = || Node::with_chat(&redis.url(), &postgres);
    let mut nodes = [start(), start()];
    let mut talk = Talk::start(&[&nodes[0], &nodes[1]]).await;
    talk.goes_on("at first").await;
    for turn in 0..2 {
        talk.set_nodes(&[&nodes[1 - turn]]);
        let old = std::mem::replace(&mut nodes[turn], start());
        let outcome = old.server.stop();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(!outcome.stderr.contains("node-lost"), "{outcome:?}");
        talk.set_nodes(&[&nodes[0], &nodes[1]]);
        talk.goes_on("after a restart").await;
        everybody_is_there(&[&nodes[0], &nodes[1]]);
    }
    talk.ends().await;
    assert_eq!(lost_sessions(nodes), 0);
}
