//! What every [`Backplane`] must do, as tests that each implementation runs.
//!
//! [`backplane_suite!`](crate::backplane_suite) turns each into a test of its own. They use no clock of their own, so that an in-process
//! backplane runs them in virtual time.

#![expect(
    clippy::missing_panics_doc,
    reason = "a test panics when it fails, and each of these is one"
)]

mod directory;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::io::DuplexStream;

use super::{TestApp, TestClient};
use crate::{
    AskError, Builder, ClusterSettings, DestinationPattern, Limits, Message, Outgoing, Prefixes,
    PresenceEvent, Realm, SessionEvent, Stompline, UserKey, UserName,
    access::{AccessRule, AccessRules, Action, Target, Who},
    backplane::Backplane,
};
pub use directory::{
    claims_last_as_long_as_their_member, news_that_nobody_told_are_told_by_another,
    sessions_end_under_any_incarnation, sessions_taken_out_are_found_again,
};

/// How long a cluster may take for anything here.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes links to one and the same cluster.
pub trait Links {
    /// The backplane.
    type Link: Backplane;

    /// The link of one more node.
    fn link(&self) -> impl Future<Output = Self::Link> + Send;
}

/// A node under test, and everything that its listeners heard.
pub struct TestNode {
    /// The node.
    pub app: TestApp,
    heard: Arc<Mutex<Vec<String>>>,
}

/// Times that make a test short and leave room for a busy machine.
pub fn settings() -> ClusterSettings {
    ClusterSettings {
        lease: Duration::from_secs(4),
        renew_every: Duration::from_millis(300),
        tick: Duration::from_millis(50),
        grace: Duration::from_millis(200),
        leave_after: Duration::from_millis(100),
        ..ClusterSettings::default()
    }
}

impl TestNode {
    /// One more node of the cluster, once it is a member.
    ///
    /// # Panics
    ///
    /// If it does not become one.
    pub async fn start<L: Links>(links: &L) -> Self {
        Self::start_with(links, |builder| builder).await
    }

    /// The same with more in it.
    ///
    /// # Panics
    ///
    /// If it cannot be built.
    pub async fn start_with<L: Links>(
        links: &L,
        more: impl FnOnce(Builder<()>) -> Builder<()>,
    ) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (presence, sessions) = (Arc::clone(&heard), Arc::clone(&heard));
        let builder = open_builder()
            .cluster(settings())
            .presence(move |event: &PresenceEvent| {
                let line = match event {
                    PresenceEvent::Online(user) => format!("online {user}"),
                    PresenceEvent::Offline(user) => format!("offline {user}"),
                    PresenceEvent::SessionLost(entry) => format!("gone {}", entry.id),
                    PresenceEvent::SessionFound(entry) => format!("found {}", entry.id),
                };
                note(&presence, line);
            })
            .listener(move |event: &SessionEvent| {
                if let SessionEvent::Disconnected { session, .. } = event {
                    note(&sessions, format!("gone {}", session.id()));
                }
            })
            .answer("echo", echo)
            .backplane(links.link().await);
        let app = more(builder).build().expect("the application is one");
        let node = Self {
            app: TestApp::new(app),
            heard,
        };
        node.until("the node is a member", || node.is_well()).await;
        node
    }

    /// A connected customer.
    pub async fn connect(&self, name: &str) -> TestClient<DuplexStream> {
        self.app.connect("customer", name).await
    }

    /// What was heard so far that begins with `what`.
    pub fn heard(&self, what: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .iter()
            .filter(|line| line.starts_with(what))
            .cloned()
            .collect()
    }

    /// Waits until `other` has taken in everything that this node has sent.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub async fn in_step_with(&self, other: &Self) {
        let node = other.app.app().node();
        if self.app.app().node() != node {
            let answer = self.app.app().ask(node, "echo", b"").await;
            answer.expect("the other node answers");
        }
    }

    /// Whether everything works, as this node sees it.
    pub fn is_well(&self) -> bool {
        self.app
            .app()
            .cluster_status()
            .is_some_and(|status| status.is_well())
    }

    /// Waits until `condition` holds.
    ///
    /// # Panics
    ///
    /// If it does not within a bounded time.
    pub async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let holds = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, holds).await;
        assert!(waited.is_ok(), "{what}: not within {PATIENCE:?}");
    }

    /// The ids of the sessions of a customer, on whatever node.
    ///
    /// # Panics
    ///
    /// If the cluster does not answer.
    pub async fn sessions(&self, name: &str) -> Vec<String> {
        let user = customer(name);
        let answer = self
            .app
            .app()
            .presence()
            .sessions(std::slice::from_ref(&user))
            .await;
        assert!(!answer.is_partial, "the cluster answers");
        let mut ids: Vec<String> = answer.value[&user]
            .iter()
            .map(|entry| entry.id.to_string())
            .collect();
        ids.sort();
        ids
    }

    /// Waits until a customer has so many sessions in the cluster.
    ///
    /// # Panics
    ///
    /// If that does not come.
    pub async fn until_sessions(&self, name: &str, count: usize) {
        let holds = async {
            while self.sessions(name).await.len() != count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, holds).await;
        assert!(waited.is_ok(), "{name} has {count} sessions: not in time");
    }
}

async fn echo(question: Bytes) -> Bytes {
    [b"re: ", &*question].concat().into()
}

fn open_builder() -> Builder<()> {
    let pattern = DestinationPattern::parse("/topic/open.*").expect("it is a pattern");
    let rule = AccessRule::allow(Who::Anyone, Target::Pattern(pattern.clone()));
    let access = AccessRules::builder(&Prefixes::default())
        .first(rule.on(Action::Send))
        .first(AccessRule::allow(Who::Anyone, Target::Pattern(pattern)).on(Action::Subscribe))
        .build();
    // A test reads one client after the other, and some only at its end.
    let limits = Limits {
        outbox_bytes_max: 64 * 1024 * 1024,
        ..Limits::default()
    };
    Stompline::builder().access(access).limits(limits)
}

/// A customer's key.
///
/// # Panics
///
/// If the name is none.
pub fn customer(name: &str) -> UserKey {
    let realm = Realm::new("customer").expect("it is a realm");
    UserKey::new(realm, UserName::new(name).expect("a test names a user"))
}

/// Messages of one publisher cross in order, and a subscriber at home gets each once.
pub async fn topic_crosses_in_order<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let (mut anna, mut bert) = (here.connect("anna").await, there.connect("bert").await);
    anna.subscribe("s", "/topic/open.a").await;
    bert.subscribe("s", "/topic/open.a").await;
    let messenger = here.app.app().messenger();
    for n in 0..300 {
        let sent = messenger.send("/topic/open.a", &n).await;
        assert_eq!(sent.expect("the cluster takes it"), 1);
    }
    for n in 0..300 {
        assert_eq!(bert.message().await.body, n.to_string());
        assert_eq!(anna.message().await.body, n.to_string());
    }
    // Nothing more came to either.
    bert.send_and_wait("/topic/open.a", "last").await;
    assert_eq!(anna.message().await.body, "last");
    assert_eq!(bert.message().await.body, "last");
}

/// The RECEIPT of a SUBSCRIBE means that a publish on another node arrives, again and again.
pub async fn receipt_means_that_others_reach_it<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut anna = here.connect("anna").await;
    let messenger = there.app.app().messenger();
    for n in 0..30 {
        let (id, destination) = (n.to_string(), format!("/topic/open.{}", n % 3));
        anna.subscribe(&id, &destination).await;
        let sent = messenger.send(&destination, &n).await;
        sent.expect("the cluster takes it");
        assert_eq!(anna.message().await.body, n.to_string());
        let leave = stompline_proto::Frame::new(stompline_proto::Command::Unsubscribe)
            .header("id", &id)
            .header("receipt", "left");
        anna.transmit(&leave).await;
        anna.await_receipt("left").await;
    }
}

/// A pattern and a name on the same node get each message once.
pub async fn pattern_and_name_get_each_once<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut lin = here.app.connect("agent", "lin").await;
    lin.subscribe("pattern", "/topic/open.*").await;
    lin.subscribe("name", "/topic/open.a").await;
    let messenger = there.app.app().messenger();
    for n in 0..20 {
        let sent = messenger.send("/topic/open.a", &n).await;
        sent.expect("the cluster takes it");
    }
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for _ in 0..40 {
        let message = lin.message().await;
        let id = message.headers.find("subscription").unwrap_or_default();
        let body = String::from_utf8_lossy(&message.body).into_owned();
        *counts.entry((id.to_owned(), body)).or_default() += 1;
    }
    assert_eq!(counts.len(), 40, "{counts:?}");
}

/// What a header holds looks the same on every node, whatever version its client speaks.
pub async fn headers_cross_for_every_version<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut clients = Vec::new();
    for version in ["1.0", "1.1", "1.2"] {
        let mut client = here.app.open("customer", version);
        let headers = [("accept-version", version), ("heart-beat", "0,0")];
        client.connect_with(&headers).await;
        client.subscribe("s", "/topic/open.a").await;
        clients.push(client);
    }
    let message = Message::new("text/plain", "hello").header("note", "a:b\\c");
    let sent = there
        .app
        .app()
        .messenger()
        .publish(Outgoing::topic("/topic/open.a", message))
        .await;
    sent.expect("the cluster takes it");
    for client in &mut clients {
        let message = client.message().await;
        assert_eq!(message.headers.find("note"), Some("a:b\\c"));
        assert_eq!(message.body, "hello");
    }
}

/// A message for a user reaches all sessions of that user and nobody else's.
pub async fn user_is_reached_on_every_node<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let third = TestNode::start(links).await;
    let mut own = here.connect("joe").await;
    let mut far = there.connect("joe").await;
    let mut agent = there.app.connect("agent", "joe").await;
    for client in [&mut own, &mut far, &mut agent] {
        client.subscribe("s", "/user/queue/a").await;
    }
    for from in [&here, &there] {
        for to in [&here, &there, &third] {
            from.in_step_with(to).await;
        }
    }
    for (from, n) in [(&here, 1), (&there, 2), (&third, 3), (&third, 4)] {
        let messenger = from.app.app().messenger();
        let sent = messenger
            .send_to_user_in(("customer", "joe"), "/queue/a", &n)
            .await;
        sent.expect("the cluster takes it");
    }
    for client in [&mut own, &mut far] {
        let mut bodies = Vec::new();
        for _ in 0..4 {
            bodies.push(client.message().await.body);
        }
        bodies.sort();
        assert_eq!(bodies, ["1", "2", "3", "4"]);
    }
    let messenger = third.app.app().messenger();
    let sent = messenger
        .send_to_user_in(("agent", "joe"), "/queue/a", "agent only")
        .await;
    sent.expect("the cluster takes it");
    assert_eq!(agent.message().await.body, "\"agent only\"");
}

/// A node that asked where a user is learns of changes: the RECEIPT of the new session's SUBSCRIBE is enough.
pub async fn user_that_moves_is_found_again<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let messenger = here.app.app().messenger();
    let send = async |n: i32| {
        let sent = messenger
            .send_to_user_in(("customer", "joe"), "/queue/a", &n)
            .await;
        sent.expect("the cluster takes it");
    };
    // Now it is cached that the user is nowhere.
    send(0).await;
    let mut joe = there.connect("joe").await;
    joe.subscribe("s", "/user/queue/a").await;
    there.in_step_with(&here).await;
    send(1).await;
    assert_eq!(joe.message().await.body, "1");
    drop(joe);
    here.until_sessions("joe", 0).await;
    let mut joe = here.connect("joe").await;
    joe.subscribe("s", "/user/queue/a").await;
    send(2).await;
    assert_eq!(joe.message().await.body, "2");
}

/// The limit of sessions holds across nodes; the oldest goes.
pub async fn session_limit_spans_nodes<L: Links>(links: &L) {
    let few = |builder: Builder<()>| {
        builder.limits(Limits {
            sessions_per_user_max: 2,
            ..Limits::default()
        })
    };
    let here = TestNode::start_with(links, few).await;
    let there = TestNode::start_with(links, few).await;
    let mut first = here.connect("joe").await;
    here.until_sessions("joe", 1).await;
    let mut second = there.connect("joe").await;
    here.until_sessions("joe", 2).await;
    let mut third = there.connect("joe").await;
    // Either of the older two: they were opened in the same millisecond, or nearly so.
    let code = tokio::select! {
        code = first.closed() => code,
        code = second.closed() => code,
    };
    assert_eq!(code, Some(4409));
    here.until_sessions("joe", 2).await;
    third.send_and_wait("/topic/open.a", "still here").await;
}

/// A session or a user is sent away from any node, and the client gets 4409.
pub async fn kick_reaches_any_node<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut joe = there.connect("joe").await;
    here.until_sessions("joe", 1).await;
    let presence = here.app.app().presence();
    let id = here.sessions("joe").await.remove(0);
    assert_eq!(presence.kick_session(&id, "enough").await, Ok(true));
    assert_eq!(joe.closed().await, Some(4409));
    drop(joe);
    here.until_sessions("joe", 0).await;
    assert_eq!(presence.kick_session(&id, "enough").await, Ok(false));
    let (mut one, mut two) = (here.connect("joe").await, there.connect("joe").await);
    here.until_sessions("joe", 2).await;
    assert_eq!(presence.kick_user(&customer("joe"), "out").await, Ok(2));
    assert_eq!(one.closed().await, Some(4409));
    assert_eq!(two.closed().await, Some(4409));
}

/// Online is said once and offline once, and a short absence is not spoken of.
pub async fn presence_is_told_once<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let both = |what: &str| [here.heard(what), there.heard(what)].concat();
    let one = here.connect("joe").await;
    here.until_sessions("joe", 1).await;
    let two = there.connect("joe").await;
    here.until_sessions("joe", 2).await;
    assert_eq!(both("online"), ["online customer:joe"]);
    drop(one);
    drop(two);
    here.until_sessions("joe", 0).await;
    let back = there.connect("joe").await;
    here.until_sessions("joe", 1).await;
    let online = here.app.app().presence().online(10).await;
    assert_eq!(online.value, [customer("joe")]);
    assert!(!online.is_partial);
    drop(back);
    here.until("joe is said to be offline", || !both("offline").is_empty())
        .await;
    assert_eq!(both("online"), ["online customer:joe"]);
    assert_eq!(both("offline"), ["offline customer:joe"]);
    assert_eq!(both("gone").len(), 3);
    assert!(here.app.app().presence().online(10).await.value.is_empty());
}

/// The sessions of a node that died are announced once each, and its users are offline.
pub async fn dead_node_is_mourned_once<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let dying = TestNode::start(links).await;
    let mut clients = Vec::new();
    for n in 0..5 {
        clients.push(dying.connect(&format!("user-{n}")).await);
    }
    for n in 0..5 {
        here.until_sessions(&format!("user-{n}"), 1).await;
    }
    dying.app.crash().await;
    let both = |what: &str| [here.heard(what), there.heard(what)].concat();
    here.until("all are said to be offline", || both("offline").len() == 5)
        .await;
    let mut gone = both("gone");
    gone.sort();
    gone.dedup();
    assert_eq!((gone.len(), both("gone").len()), (5, 5));
    for n in 0..5 {
        assert!(here.sessions(&format!("user-{n}")).await.is_empty());
    }
}

/// A node that leaves in good order takes its sessions with it, without a word of loss.
pub async fn departed_node_leaves_nothing<L: Links>(links: &L) {
    let (here, leaving) = (TestNode::start(links).await, TestNode::start(links).await);
    let client = leaving.connect("joe").await;
    here.until_sessions("joe", 1).await;
    drop(client);
    leaving.app.app().shutdown(Duration::ZERO).await;
    here.until_sessions("joe", 0).await;
    here.until("joe is offline", || {
        [here.heard("offline"), leaving.heard("offline")]
            .concat()
            .len()
            == 1
    })
    .await;
    assert_eq!(
        (here.heard("gone").len(), leaving.heard("gone").len()),
        (0, 1)
    );
}

/// A node answers another's question; one that nobody answers has its own error.
pub async fn question_is_answered<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let (asker, node) = (here.app.app(), there.app.app().node());
    let answer = asker.ask(node, "echo", b"hello").await;
    assert_eq!(answer, Ok(Bytes::from_static(b"re: hello")));
    let none = asker.ask(node, "weather", b"").await;
    assert_eq!(none, Err(AskError::Unanswerable));
}

fn note(log: &Mutex<Vec<String>>, line: String) {
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}

/// What one node tells the others reaches all that listen, in order, and no subscriber.
pub async fn told_nodes_hear_in_order<L: Links>(links: &L) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut lin = there.app.connect("agent", "lin").await;
    lin.subscribe("pattern", "/topic/**").await;
    for node in [&here, &there] {
        let heard = Arc::clone(&node.heard);
        let hearer = move |body: Bytes| note(&heard, String::from_utf8_lossy(&body).into_owned());
        let joined = node.app.app().hear_nodes("weather", hearer).await;
        joined.expect("the cluster takes the interest");
    }
    for n in 0..100 {
        let body = format!("weather {n}").into();
        let told = here.app.app().tell_nodes("weather", &body);
        let other = here.app.app().tell_nodes("elsewhere", &body);
        told.await.expect("the cluster takes it");
        other.await.expect("the cluster takes it");
    }
    here.app
        .app()
        .messenger()
        .send("/topic/open.a", "after it")
        .await
        .expect("the cluster takes it");
    let expected: Vec<String> = (0..100).map(|n| format!("weather {n}")).collect();
    there
        .until("all is heard", || there.heard("weather").len() >= 100)
        .await;
    assert_eq!(there.heard("weather"), expected);
    assert!(
        here.heard("weather").is_empty(),
        "a node does not hear itself"
    );
    assert_eq!(lin.message().await.body, "\"after it\"");
}

/// Makes a test of each of the suite's functions. Takes an expression that makes the [`Links`](crate::testing::suite::Links), then
/// `name` or `name = start_paused` for tests in virtual time.
#[macro_export]
macro_rules! backplane_suite {
    ($links:expr $(, $option:ident = $value:expr)*) => {
        $crate::backplane_suite!(@ $links, [$($option = $value),*],
            topic_crosses_in_order, receipt_means_that_others_reach_it, pattern_and_name_get_each_once,
            headers_cross_for_every_version, user_is_reached_on_every_node, user_that_moves_is_found_again,
            session_limit_spans_nodes, kick_reaches_any_node, presence_is_told_once, dead_node_is_mourned_once,
            departed_node_leaves_nothing, sessions_taken_out_are_found_again, sessions_end_under_any_incarnation,
            claims_last_as_long_as_their_member, news_that_nobody_told_are_told_by_another,
            question_is_answered, told_nodes_hear_in_order);
    };
    (@ $links:expr, $options:tt, $($test:ident),+) => {
        $($crate::backplane_suite!(@@ $links, $options, $test);)+
    };
    (@@ $links:expr, [$($option:ident = $value:expr),*], $test:ident) => {
        #[tokio::test($($option = $value),*)]
        async fn $test() {
            let links = $links;
            let test = $crate::testing::suite::$test(&links);
            let minute = std::time::Duration::from_mins(1);
            tokio::time::timeout(minute, test).await.expect("the cluster does it in time");
        }
    };
}
