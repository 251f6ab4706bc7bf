//! Several nodes in one process: on a bus that works, and on one that does not.

use std::{sync::Arc, time::Duration};

use stompline::{
    Limits, Message, Outgoing, Realm,
    auth::{JwtKey, JwtSettings},
    backplane::{Faults, MemoryBus, MemoryLink},
    testing::suite::{Links, TestNode, settings},
};
use stompline_proto::{Command, Frame};

use crate::support::{Client, frame, header};

struct Bus(MemoryBus);

impl Links for Bus {
    type Link = MemoryLink;

    async fn link(&self) -> MemoryLink {
        self.0.link()
    }
}

mod sound {
    use super::*;

    stompline::backplane_suite!(Bus(MemoryBus::new()), start_paused = true);
}

/// What may happen on any network without a node's fault.
mod slow_and_doubling {
    use super::*;

    fn bus() -> Bus {
        let faults = Faults::seeded(7)
            .doubling(300)
            .delaying(Duration::from_millis(3));
        Bus(MemoryBus::faulty(faults))
    }

    stompline::backplane_suite!(bus(), start_paused = true);
}

#[tokio::test(start_paused = true)]
async fn lossy_bus_keeps_order_and_doubles_nothing() {
    for seed in 0..20 {
        let faults = Faults::seeded(seed)
            .losing(200)
            .doubling(300)
            .delaying(Duration::from_millis(2));
        let bus = Bus(MemoryBus::faulty(faults));
        let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
        let mut bert = there.connect("bert").await;
        bert.subscribe("s", "/topic/open.a").await;
        let messenger = here.app.app().messenger();
        for n in 1..=500u32 {
            messenger.send("/topic/open.a", &n).await.unwrap();
        }
        let (mut last, mut count) = (0, 0);
        while let Ok(message) = tokio::time::timeout(Duration::from_secs(2), bert.message()).await {
            let n: u32 = std::str::from_utf8(&message.body).unwrap().parse().unwrap();
            assert!(n > last, "seed {seed}: {n} after {last}");
            (last, count) = (n, count + 1);
        }
        assert!((300..500).contains(&count), "seed {seed}: {count} of 500");
    }
}

async fn refusal(client: &mut Client) -> Frame {
    let message = client.message().await;
    assert_eq!(header(&message, "destination"), "/user/queue/errors");
    assert_eq!(header(&message, "code"), "cluster_unavailable");
    message
}

#[tokio::test(start_paused = true)]
async fn cut_off_node_serves_its_own_and_says_what_it_cannot() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let mut anna = here.connect("anna").await;
    let mut bert = there.connect("bert").await;
    anna.subscribe("e", "/user/queue/errors").await;
    for client in [&mut anna, &mut bert] {
        client.subscribe("s", "/topic/open.a").await;
    }
    bus.0.cut(here.app.app().node(), true);

    // A SEND reaches those who are here; its receipt is refused, and the session lives.
    let send = frame(
        Command::Send,
        &[("destination", "/topic/open.a"), ("receipt", "r-1")],
    );
    anna.transmit(&send.body("alone")).await;
    assert_eq!(anna.message().await.body, "alone");
    assert_eq!(header(&refusal(&mut anna).await, "receipt-id"), "r-1");

    // A SUBSCRIBE with a receipt is refused and undone: the id is free again.
    let subscribe = |receipt| {
        let headers = [
            ("id", "late"),
            ("destination", "/topic/open.late"),
            ("receipt", receipt),
        ];
        frame(Command::Subscribe, &headers)
    };
    anna.transmit(&subscribe("r-2")).await;
    assert_eq!(header(&refusal(&mut anna).await, "receipt-id"), "r-2");
    let presence = here.app.app().presence().online(10).await;
    assert!(presence.is_partial);

    bus.0.cut(here.app.app().node(), false);
    here.until("the node is back", || here.is_well()).await;
    anna.transmit(&subscribe("r-3")).await;
    anna.await_receipt("r-3").await;
    bert.send_and_wait("/topic/open.late", "together").await;
    assert_eq!(anna.message().await.body, "together");
    // What was said while the node was away is lost, not late.
    bert.send_and_wait("/topic/open.a", "again").await;
    assert_eq!(anna.message().await.body, "again");
    assert_eq!(bert.message().await.body, "again");
}

#[tokio::test(start_paused = true)]
async fn subscription_without_receipt_joins_when_the_cluster_is_back() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let mut anna = here.connect("anna").await;
    bus.0.cut(here.app.app().node(), true);
    let headers = [("id", "s"), ("destination", "/topic/open.a")];
    anna.transmit(&frame(Command::Subscribe, &headers)).await;
    let local = here.app.app().messenger();
    here.until("it is live here", || {
        here.app.app().stats().destinations == 1
    })
    .await;
    assert!(local.send("/topic/open.a", "here").await.is_err());
    assert_eq!(anna.message().await.body, "\"here\"");
    bus.0.cut(here.app.app().node(), false);
    here.until("the node is back", || here.is_well()).await;
    let messenger = there.app.app().messenger();
    messenger.send("/topic/open.a", "there").await.unwrap();
    assert_eq!(anna.message().await.body, "\"there\"");
}

#[tokio::test(start_paused = true)]
async fn short_absence_loses_no_session_and_tells_nobody() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let _anna = here.connect("anna").await;
    there.until_sessions("anna", 1).await;
    bus.0.cut(here.app.app().node(), true);
    here.until("the node noticed", || !here.is_well()).await;
    // One comes and one goes meanwhile.
    let bert = here.connect("bert").await;
    drop(bert);
    let _carl = here.connect("carl").await;
    bus.0.cut(here.app.app().node(), false);
    there.until_sessions("carl", 1).await;
    there.until_sessions("anna", 1).await;
    there.until_sessions("bert", 0).await;
    let told = [here.heard("online"), there.heard("online")].concat();
    assert_eq!(told, ["online customer:anna", "online customer:carl"]);
    assert_eq!(there.heard("gone"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn node_that_lost_its_lease_comes_back_whole() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let mut anna = here.connect("anna").await;
    anna.subscribe("s", "/user/queue/a").await;
    bus.0.cut(here.app.app().node(), true);
    there
        .until("anna is offline", || there.heard("offline").len() == 1)
        .await;
    assert_eq!(there.heard("gone").len(), 1);
    bus.0.cut(here.app.app().node(), false);
    there.until_sessions("anna", 1).await;
    let messenger = there.app.app().messenger();
    let sent = messenger
        .send_to_user_in(("customer", "anna"), "/queue/a", "welcome back")
        .await;
    sent.unwrap();
    assert_eq!(anna.message().await.body, "\"welcome back\"");
}

#[tokio::test(start_paused = true)]
async fn everyone_who_was_said_to_be_gone_is_said_to_be_back() {
    for seed in 0..20 {
        let faults = Faults::seeded(seed)
            .doubling(300)
            .delaying(Duration::from_millis(3));
        let bus = Bus(MemoryBus::faulty(faults));
        let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
        let both = |what: &str| [here.heard(what), there.heard(what)].concat();
        let mut clients = Vec::new();
        for name in ["anna", "joe", "joe", "both", "leaving"] {
            clients.push(here.connect(name).await);
        }
        clients.push(there.connect("both").await);
        there.until_sessions("both", 2).await;
        there.until_sessions("leaving", 1).await;

        bus.0.cut(here.app.app().node(), true);
        there
            .until("they are said to be offline", || both("offline").len() == 3)
            .await;
        assert_eq!(there.heard("gone").len(), 5);
        // One goes meanwhile, one comes.
        drop(clients.remove(4));
        here.until("one has gone", || here.heard("gone").len() == 1)
            .await;
        clients.push(here.connect("new").await);
        bus.0.cut(here.app.app().node(), false);

        for (name, count) in [
            ("anna", 1),
            ("joe", 2),
            ("both", 2),
            ("new", 1),
            ("leaving", 0),
        ] {
            there.until_sessions(name, count).await;
        }
        here.in_step_with(&there).await;
        let mut found = both("found");
        found.sort();
        found.dedup();
        assert_eq!((found.len(), both("found").len()), (4, 4), "seed {seed}");
        for (name, times) in [
            ("anna", 2),
            ("joe", 2),
            ("both", 1),
            ("new", 1),
            ("leaving", 1),
        ] {
            let line = format!("online customer:{name}");
            assert_eq!(both(&line).len(), times, "seed {seed}: {line}");
        }
        assert_eq!(both("offline").len(), 3);

        drop(clients);
        here.until("all are offline", || both("offline").len() == 7)
            .await;
        assert_eq!(both("gone").len(), 5 + 1 + 6, "seed {seed}");
        assert!(here.app.app().presence().online(10).await.value.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn node_whose_return_is_not_confirmed_comes_back_whole() {
    for seed in 0..40 {
        let bus = Bus(MemoryBus::faulty(Faults::seeded(seed)));
        let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
        let both = |what: &str| [here.heard(what), there.heard(what)].concat();
        let node = here.app.app().node();
        let anna = here.connect("anna").await;
        there.until_sessions("anna", 1).await;
        bus.0.cut(node, true);
        there
            .until("anna is offline", || both("offline").len() == 1)
            .await;
        // Some of what it does on its way back happens, and it does not know.
        bus.0.lose_answers(node, 500);
        bus.0.cut(node, false);
        tokio::time::sleep(settings().lease / 2).await;
        bus.0.lose_answers(node, 0);
        there.until_sessions("anna", 1).await;
        // Longer than anything is held.
        tokio::time::sleep(settings().lease * 3).await;
        assert_eq!(there.sessions("anna").await.len(), 1, "seed {seed}");
        let told = (both("gone").len(), both("found").len());
        assert_eq!(told, (1, 1), "seed {seed}");
        let told = (both("online").len(), both("offline").len());
        assert_eq!(told, (2, 1), "seed {seed}");
        drop(anna);
        here.until("anna is offline", || both("offline").len() == 2)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn news_whose_answer_was_lost_are_told_once() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let both = |what: &str| [here.heard(what), there.heard(what)].concat();
    let node = here.app.app().node();
    bus.0.lose_answers(node, 1_000);
    let anna = here.connect("anna").await;
    there
        .until("anna is online", || both("online").len() == 1)
        .await;
    bus.0.lose_answers(node, 0);
    here.until("the node is back", || here.is_well()).await;
    there.until_sessions("anna", 1).await;
    // Longer than anything is held.
    tokio::time::sleep(settings().lease * 3).await;
    assert_eq!((both("online").len(), both("offline").len()), (1, 0));
    drop(anna);
    here.until("anna is offline", || !both("offline").is_empty())
        .await;
    tokio::time::sleep(settings().lease * 3).await;
    assert_eq!((both("online").len(), both("offline").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn lost_directory_is_filled_again_without_announcements() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let mut clients = Vec::new();
    for n in 0..600 {
        let node = if n % 2 == 0 { &here } else { &there };
        clients.push(node.connect(&format!("user-{n}")).await);
    }
    for n in [0, 1, 598, 599] {
        here.until_sessions(&format!("user-{n}"), 1).await;
    }
    let both = |what: &str| [here.heard(what), there.heard(what)].concat();
    here.until("all are online", || both("online").len() == 600)
        .await;
    bus.0.forget();
    for n in 0..600 {
        here.until_sessions(&format!("user-{n}"), 1).await;
    }
    assert_eq!(both("online").len(), 600);
    assert_eq!((both("gone").len(), both("offline").len()), (0, 0));
    drop(clients);
    here.until("all are offline", || both("offline").len() == 600)
        .await;
    assert_eq!(both("gone").len(), 600);
}

#[tokio::test(start_paused = true)]
async fn failed_join_that_nobody_awaited_is_tried_again() {
    let bus = Bus(MemoryBus::new());
    let here = TestNode::start(&bus).await;
    let (mut anna, mut bert) = (here.connect("anna").await, here.connect("bert").await);
    bus.0.cut(here.app.app().node(), true);
    // Without a receipt nobody waits for the join.
    let headers = [("id", "s"), ("destination", "/topic/open.late")];
    anna.transmit(&frame(Command::Subscribe, &headers)).await;
    anna.send("/topic/open.late", "fence").await;
    assert_eq!(anna.message().await.body, "fence");
    bus.0.cut(here.app.app().node(), false);
    bert.subscribe("s", "/topic/open.late").await;
}

#[tokio::test(start_paused = true)]
async fn deaf_node_confirms_nothing_that_it_joined_before() {
    let bus = Bus(MemoryBus::new());
    let here = TestNode::start(&bus).await;
    let (mut anna, mut bert) = (here.connect("anna").await, here.connect("bert").await);
    anna.subscribe("s", "/topic/open.a").await;
    bert.subscribe("e", "/user/queue/errors").await;
    bus.0.cut(here.app.app().node(), true);
    let headers = [
        ("id", "s"),
        ("destination", "/topic/open.a"),
        ("receipt", "r"),
    ];
    bert.transmit(&frame(Command::Subscribe, &headers)).await;
    assert_eq!(header(&refusal(&mut bert).await, "receipt-id"), "r");
    bus.0.cut(here.app.app().node(), false);
    bert.subscribe("s", "/topic/open.a").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_published_here_stays_here() {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (TestNode::start(&bus).await, TestNode::start(&bus).await);
    let mut sessions = [here.connect("anna").await, there.connect("anna").await];
    for session in &mut sessions {
        session.subscribe("n", "/user/queue/notes").await;
    }
    let note = |text: &str| {
        let message = Message::new("text/plain", text.to_owned());
        Outgoing::user("customer", "anna", "/queue/notes", message)
    };
    let messenger = here.app.app().messenger();
    assert_eq!(messenger.publish_here(&note("here")).unwrap(), 1);
    messenger.publish(note("everywhere")).await.unwrap();
    let [mut first, mut second] = sessions;
    assert_eq!(first.message().await.body, "here");
    assert_eq!(first.message().await.body, "everywhere");
    assert_eq!(second.message().await.body, "everywhere");
    let topic = Outgoing::topic("/topic/open.a", Message::new("text/plain", "no"));
    assert!(messenger.publish_here(&topic).is_err());
}

#[tokio::test(start_paused = true)]
async fn realm_of_an_endpoint_is_known_before_anybody_came() {
    let bus = Bus(MemoryBus::new());
    let node = TestNode::start(&bus).await;
    let endpoint = node.app.app().endpoint("/ws/chat");
    assert!(node.app.app().presence().realms().is_empty());
    let key = JwtKey::secret("a secret that is long enough for a key").unwrap();
    let jwt = JwtSettings::new([key]).build().unwrap();
    let _router: axum::Router = endpoint
        .authenticate(jwt)
        .require_type("customer")
        .into_router()
        .unwrap();
    let realms = node.app.app().presence().realms();
    assert_eq!(realms, [Realm::new("customer").unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn session_too_many_ends_the_longest_idle_one_of_a_node() {
    let bus = Bus(MemoryBus::new());
    let mut limits = Limits::default();
    limits.sessions_per_user_max = 2;
    let node = TestNode::start_with(&bus, |builder| builder.limits(limits)).await;
    let app = node.app.app();
    let sessions = || app.sessions("customer", "anna").unwrap();
    let mut oldest = node.connect("anna").await;
    let used = Arc::clone(&sessions()[0]);
    let mut idle = node.connect("anna").await;
    node.until_sessions("anna", 2).await;
    // As soon as the clock shows a difference.
    let is_idlest = || {
        // Looking at one after the other takes time, too.
        let idle = used.idle() + Duration::from_millis(2);
        sessions()
            .iter()
            .all(|other| Arc::ptr_eq(other, &used) || other.idle() <= idle)
    };
    while is_idlest() {
        oldest.send_and_wait("/topic/open.a", "still here").await;
    }
    let mut newest = node.connect("anna").await;
    assert_eq!(idle.closed().await, Some(4409));
    node.until_sessions("anna", 2).await;
    for session in [&mut oldest, &mut newest] {
        session.send_and_wait("/topic/open.a", "and here").await;
    }
}
