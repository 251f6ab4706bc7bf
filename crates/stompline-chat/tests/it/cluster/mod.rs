//! Several nodes of one chat in one process, on a bus that crosses and loses what they tell each other.

mod ledger;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stompline::backplane::{Faults, MemoryBus};
use stompline::testing::{TestApp, TestClient};
use stompline::{Limits, Stompline};
use stompline_chat::app::{Chat, ChatSettings};
use stompline_chat::event::{Batch, Event};
use stompline_chat::id::ConversationId;
use stompline_chat::person::Person;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::desk::{agent, customer};
use ledger::Ledger;

/// One node, and the way by which the test lets it commit.
struct Node {
    app: TestApp,
    chat: Chat,
    committed: mpsc::Sender<Batch>,
}

/// Somebody's session.
struct Participant(TestClient<DuplexStream>);

impl Node {
    async fn start(bus: &MemoryBus, ledger: &Arc<Ledger>) -> Self {
        let chat = Chat::new(Arc::clone(ledger) as _, ChatSettings::default());
        // A test reads one participant after the other.
        let mut limits = Limits::default();
        limits.outbox_bytes_max = 64 * 1024 * 1024;
        let builder = chat
            .install(Stompline::builder())
            .limits(limits)
            .backplane(bus.link())
            .with_state(chat.clone());
        let app = builder.build().unwrap();
        let (committed, batches) = mpsc::channel(1_024);
        chat.start(&app, batches);
        let node = Self {
            app: TestApp::new(app),
            chat,
            committed,
        };
        node.is_member().await;
        node.chat.in_step().await;
        node
    }

    async fn is_member(&self) {
        while !self.app.app().cluster_status().unwrap().is_well() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn connect(&self, who: &Person) -> Participant {
        let realm = who.role().as_str();
        let mut client = self.app.connect(realm, &who.user.id).await;
        client.subscribe("m", "/user/queue/messages").await;
        client.subscribe("s", "/user/queue/signals").await;
        Participant(client)
    }

    /// This node is the one that committed these.
    fn commit(&self, events: Vec<Event>) {
        let batch = Batch {
            events,
            queue: None,
        };
        self.committed.try_send(batch).unwrap();
    }
}

impl Participant {
    /// The stamps of the next events. Checkpoints may come at any time between them.
    async fn revs(&mut self, count: usize) -> Vec<u64> {
        let mut revs = Vec::with_capacity(count);
        while revs.len() < count {
            let message = self.0.message().await;
            if message.headers.find("event") != Some("checkpoint") {
                revs.push(message.headers.find("rev").unwrap().parse().unwrap());
            }
        }
        revs
    }

    /// The first checkpoint that names this stamp of the conversation comes before any event.
    async fn checkpoint(&mut self, id: ConversationId, rev: u64) {
        loop {
            let message = self.0.message().await;
            assert_eq!(message.headers.find("event"), Some("checkpoint"));
            let signal: Value = serde_json::from_slice(&message.body).unwrap();
            if signal["heads"][id.to_string()] == rev {
                return;
            }
        }
    }

    /// Nothing comes for a while.
    async fn is_quiet_for(&mut self, time: Duration) {
        if let Ok(received) = timeout(time, self.0.receive()).await {
            panic!("nothing should come, not {received:?}");
        }
    }
}

/// Three nodes; a customer on the first with a second session on the last, and an agent on the second.
async fn people(nodes: &[Node]) -> Vec<Participant> {
    vec![
        nodes[0].connect(&customer("7")).await,
        nodes[1].connect(&agent("7")).await,
        nodes[2].connect(&customer("7")).await,
    ]
}

async fn start(bus: &MemoryBus, ledger: &Arc<Ledger>) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::start(bus, ledger).await);
    }
    nodes
}

/// A sequence that looks like chance, and is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn crossed_events_reach_everybody_once_and_in_order() {
    for seed in 0..20 {
        let faults = Faults::seeded(seed)
            .doubling(200)
            .delaying(Duration::from_millis(5));
        let (bus, ledger) = (MemoryBus::faulty(faults), Arc::new(Ledger::default()));
        let nodes = start(&bus, &ledger).await;
        let mut people = people(&nodes).await;
        let mut dice = Dice(seed);
        let who = [customer("7"), agent("7")];
        let (id, met) = ledger.meet(&who[0], &who[1]);
        // Others talk as well, so that the stamps of this conversation are not dense.
        let (other, others_met) = ledger.meet(&customer("8"), &agent("8"));
        nodes[dice.below(3)].commit([met, others_met].concat());
        let mut expected = vec![1, 2];
        for _ in 0..100 {
            let mut batch = Vec::new();
            for _ in 0..=dice.below(3) {
                if dice.below(4) == 0 {
                    batch.push(ledger.say(other, &customer("8")));
                }
                let said = ledger.say(id, &who[dice.below(2)]);
                expected.push(said.rev);
                batch.push(said);
            }
            nodes[dice.below(3)].commit(batch);
        }
        for (person, first) in people.iter_mut().zip([0, 1, 0]) {
            // The agent hears of it from when it is theirs.
            let expected = &expected[first..];
            assert_eq!(person.revs(expected.len()).await, expected, "seed {seed}");
        }
        for person in &mut people {
            let more = timeout(Duration::from_secs(3), person.revs(1)).await;
            assert!(more.is_err(), "seed {seed}: {more:?} came twice");
        }
        let gaps: u64 = nodes.iter().map(|node| node.chat.snapshot().gaps).sum();
        assert_eq!(gaps, 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn event_that_nobody_published_holds_up_its_conversation_for_a_bounded_time() {
    let (bus, ledger) = (MemoryBus::new(), Arc::new(Ledger::default()));
    let nodes = start(&bus, &ledger).await;
    let mut people = people(&nodes).await;
    let (id, met) = ledger.meet(&customer("7"), &agent("7"));
    nodes[0].commit(met);
    for (person, count) in people.iter_mut().zip([2, 1, 2]) {
        person.revs(count).await;
    }
    // The node that committed this died before it could say so.
    ledger.say(id, &agent("7"));
    let said = ledger.say(id, &customer("7"));
    let start = Instant::now();
    nodes[0].commit(vec![said]);
    for person in &mut people {
        assert_eq!(person.revs(1).await, [4]);
    }
    let held = start.elapsed();
    let bound = ChatSettings::default().hold_max;
    assert!(held >= bound && held < bound * 2, "{held:?}");
    for person in &mut people {
        person.checkpoint(id, 4).await;
    }
    // What comes too late still comes, and everything else is as before.
    let next = ledger.say(id, &agent("7"));
    nodes[1].commit(vec![next]);
    for person in &mut people {
        assert_eq!(person.revs(1).await, [5]);
    }
}

#[tokio::test(start_paused = true)]
async fn node_that_hears_nothing_tells_its_own_to_ask_the_store() {
    let (bus, ledger) = (MemoryBus::new(), Arc::new(Ledger::default()));
    let nodes = start(&bus, &ledger).await;
    let mut people = people(&nodes).await;
    let mut stranger = nodes[1].connect(&customer("9")).await;
    let (id, met) = ledger.meet(&customer("7"), &agent("7"));
    nodes[0].commit(met);
    for (person, count) in people.iter_mut().zip([2, 1, 2]) {
        person.revs(count).await;
    }
    let node = nodes[1].app.app().node();
    bus.cut(node, true);
    let said = (0..3).map(|_| ledger.say(id, &customer("7"))).collect();
    let start = Instant::now();
    nodes[0].commit(said);
    assert_eq!(people[0].revs(3).await, [3, 4, 5]);
    assert_eq!(people[2].revs(3).await, [3, 4, 5]);
    people[1].checkpoint(id, 5).await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    // It goes on with its own, and waits for nothing while it is cut off.
    let start = Instant::now();
    let answered = ledger.say(id, &agent("7"));
    nodes[1].commit(vec![answered]);
    assert_eq!(people[1].revs(1).await, [6]);
    assert!(start.elapsed() < Duration::from_millis(100));
    people[0].checkpoint(id, 6).await;
    people[2].checkpoint(id, 6).await;
    bus.cut(node, false);
    nodes[1].is_member().await;
    let said = ledger.say(id, &customer("7"));
    nodes[0].commit(vec![said]);
    for person in &mut people {
        assert_eq!(person.revs(1).await, [7]);
    }
    stranger.is_quiet_for(Duration::from_secs(3)).await;
}

#[tokio::test(start_paused = true)]
async fn checkpoints_come_on_nodes_that_commit_nothing() {
    let (bus, ledger) = (MemoryBus::new(), Arc::new(Ledger::default()));
    let nodes = start(&bus, &ledger).await;
    let mut people = people(&nodes).await;
    let (id, met) = ledger.meet(&customer("7"), &agent("7"));
    nodes[2].commit(met);
    for (person, count) in people.iter_mut().zip([2, 1, 2]) {
        person.revs(count).await;
        let checkpoint = timeout(Duration::from_secs(32), person.checkpoint(id, 2));
        assert_eq!(checkpoint.await, Ok(()));
    }
}
