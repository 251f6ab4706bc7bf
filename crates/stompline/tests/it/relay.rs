//! SockJS over HTTP on several nodes without stickiness.

use std::time::{Duration, SystemTime};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Method, Request};
use stompline::{
    Realm, SockJsSettings, UserName,
    auth::{JwtKey, JwtSettings, Principal},
    backplane::{Faults, MemoryBus, MemoryLink},
    testing::suite::{Links, TestNode},
};
use tower::ServiceExt;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// Much longer than a session lives whose client asks for nothing, so that what ends one here is something else.
const ABSENCE: Duration = Duration::from_mins(2);

struct Bus(MemoryBus);

impl Links for Bus {
    type Link = MemoryLink;

    async fn link(&self) -> MemoryLink {
        self.0.link()
    }
}

/// A node with an endpoint.
struct Node {
    node: TestNode,
    router: Router,
}

fn settings() -> JwtSettings {
    JwtSettings::new([JwtKey::secret(SECRET).unwrap()])
}

fn token(name: &str) -> String {
    let user = Principal::new(
        Realm::new("customer").unwrap(),
        UserName::new(name).unwrap(),
    );
    let now = SystemTime::now();
    let signer = settings().signer().unwrap();
    let token = signer.sign(&user.with_expiry(now + Duration::from_hours(1)), now);
    token.unwrap()
}

impl Node {
    async fn start(bus: &Bus) -> Self {
        let node = TestNode::start(bus).await;
        let sockjs = SockJsSettings::new().disconnect_delay(ABSENCE);
        let endpoint = node
            .app
            .app()
            .endpoint("/ws")
            .sockjs_with(sockjs)
            .authenticate(settings().build().unwrap());
        let router = endpoint.into_router().unwrap();
        Self { node, router }
    }

    async fn post(&self, who: &str, action: &str, body: String) -> (u16, String) {
        let uri = format!("/ws/000/session/{action}?token={}", token(who));
        let request = Request::builder().method(Method::POST).uri(uri);
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap())
    }

    async fn send(&self, who: &str, frame: &str) -> u16 {
        let body = serde_json::to_string(&[frame]).unwrap();
        self.post(who, "xhr_send", body).await.0
    }

    async fn poll(&self, who: &str) -> String {
        let (status, body) = self.post(who, "xhr", String::new()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The frames of one poll.
    async fn frames(&self, who: &str) -> Vec<String> {
        let polled = self.poll(who).await;
        let array = polled
            .strip_prefix('a')
            .unwrap_or_else(|| panic!("{polled}"));
        serde_json::from_str(array).unwrap()
    }

    fn cut(&self, bus: &Bus, cut: bool) {
        bus.0.cut(self.node.app.app().node(), cut);
    }
}

async fn pair() -> (Bus, Node, Node) {
    let bus = Bus(MemoryBus::new());
    let (here, there) = (Node::start(&bus).await, Node::start(&bus).await);
    (bus, here, there)
}

/// Opens a session on one node and connects it through the other.
async fn connect(here: &Node, there: &Node) {
    assert_eq!(here.poll("anna").await, "o\n");
    let connect = "CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0";
    assert_eq!(there.send("anna", connect).await, 204);
    let connected = there.frames("anna").await;
    assert!(connected[0].starts_with("CONNECTED\n"), "{connected:?}");
}

#[tokio::test(start_paused = true)]
async fn every_request_may_come_to_another_node() {
    let (_bus, here, there) = pair().await;
    connect(&here, &there).await;
    let subscribe = "SUBSCRIBE\nid:s\ndestination:/topic/open.a\nreceipt:s\n\n\0";
    assert_eq!(here.send("anna", subscribe).await, 204);
    assert_eq!(there.frames("anna").await, ["RECEIPT\nreceipt-id:s\n\n\0"]);
    let nodes = [&here, &there];
    let (mut bodies, mut receipts) = (Vec::new(), Vec::new());
    for n in 0..300 {
        let send = format!("SEND\ndestination:/topic/open.a\nreceipt:{n}\n\n{n}\0");
        assert_eq!(nodes[n % 2].send("anna", &send).await, 204);
        while receipts.len() <= n {
            for frame in nodes[n / 2 % 2].frames("anna").await {
                let body = frame.rsplit('\n').next().unwrap().trim_end_matches('\0');
                if frame.starts_with("MESSAGE\n") {
                    bodies.push(body.to_owned());
                } else {
                    receipts.push(frame);
                }
            }
        }
    }
    let expected: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(bodies, expected);
    let expected: Vec<String> = (0..300)
        .map(|n| format!("RECEIPT\nreceipt-id:{n}\n\n\0"))
        .collect();
    assert_eq!(receipts, expected);
    assert_eq!(there.node.app.app().stats().sessions, 0);
    let relayed = |node: &Node| node.node.app.app().cluster_stats().unwrap().relayed;
    assert!(relayed(&here) == 0 && relayed(&there) > 300);
    // Another's token finds nothing, on whatever node.
    for node in nodes {
        assert_eq!(node.send("bert", "x").await, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn session_of_a_dead_node_is_interrupted_and_its_name_is_free() {
    let (_bus, here, there) = pair().await;
    connect(&here, &there).await;
    here.node.app.crash().await;
    let interrupted = "c[1001,\"Connection interrupted\"]\n";
    assert_eq!(there.poll("anna").await, interrupted);
    // Once its lease is over nothing leads there any more.
    while there.send("anna", "x").await != 404 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(there.poll("anna").await, "o\n");
}

#[tokio::test(start_paused = true)]
async fn node_that_is_cut_off_opens_sessions_of_its_own() {
    let (bus, here, there) = pair().await;
    here.cut(&bus, true);
    here.node
        .until("the node noticed", || !here.node.is_well())
        .await;
    assert_eq!(here.poll("anna").await, "o\n");
    assert_eq!(here.send("anna", "\n").await, 204);
    here.cut(&bus, false);
    here.node
        .until("the node is back", || here.node.is_well())
        .await;
    // It is found by others as soon as the directory was told.
    while there.send("anna", "\n").await != 204 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    connect_late(&here, &there).await;
}

/// The CONNECT of a session that is open.
async fn connect_late(here: &Node, there: &Node) {
    let connect = "CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0";
    assert_eq!(there.send("anna", connect).await, 204);
    let connected = here.frames("anna").await;
    assert!(connected[0].starts_with("CONNECTED\n"), "{connected:?}");
}

#[tokio::test(start_paused = true)]
async fn session_is_found_again_after_its_node_lost_the_lease() {
    let (bus, here, there) = pair().await;
    connect(&here, &there).await;
    here.cut(&bus, true);
    there
        .node
        .until("anna is offline", || there.node.heard("offline").len() == 1)
        .await;
    // To the other node the session is nowhere.
    assert_eq!(there.send("anna", "\n").await, 404);
    here.cut(&bus, false);
    there.node.until_sessions("anna", 1).await;
    while there.send("anna", "\n").await != 204 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let subscribe = "SUBSCRIBE\nid:s\ndestination:/topic/open.a\nreceipt:s\n\n\0";
    assert_eq!(there.send("anna", subscribe).await, 204);
    assert_eq!(there.frames("anna").await, ["RECEIPT\nreceipt-id:s\n\n\0"]);
}

#[tokio::test(start_paused = true)]
async fn claim_ends_with_its_session() {
    let (_bus, here, there) = pair().await;
    connect(&here, &there).await;
    let disconnect = "DISCONNECT\nreceipt:bye\n\n\0";
    assert_eq!(there.send("anna", disconnect).await, 204);
    let frames = there.frames("anna").await;
    assert_eq!(frames, ["RECEIPT\nreceipt-id:bye\n\n\0"]);
    // The close frame is repeated to those who ask, on whatever node, until nobody has for a while.
    assert!(there.poll("anna").await.starts_with("c[1000,"));
    assert!(here.poll("anna").await.starts_with("c[1000,"));
    while there.send("anna", "x").await != 404 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(there.poll("anna").await, "o\n");
    assert_eq!(here.send("anna", "\n").await, 204);
}

#[tokio::test(start_paused = true)]
async fn lossy_cluster_never_hides_a_gap() {
    let mut interrupted = 0;
    for seed in 0..12 {
        let faults = Faults::seeded(seed)
            .losing(20)
            .doubling(200)
            .delaying(Duration::from_millis(2));
        let bus = Bus(MemoryBus::faulty(faults));
        let (here, there) = (Node::start(&bus).await, Node::start(&bus).await);
        connect_here(&here).await;
        let subscribe = "SUBSCRIBE\nid:s\ndestination:/topic/open.a\n\n\0";
        assert_eq!(here.send("anna", subscribe).await, 204);
        if converse(&here, &there).await.is_err() {
            interrupted += 1;
        }
    }
    assert!(interrupted > 0, "nothing was lost");
}

async fn connect_here(here: &Node) {
    assert_eq!(here.poll("anna").await, "o\n");
    let connect = "CONNECT\naccept-version:1.2\nheart-beat:0,0\n\n\0";
    assert_eq!(here.send("anna", connect).await, 204);
    assert!(here.poll("anna").await.starts_with("a[\"CONNECTED\\n"));
}

/// Sends messages through both nodes and polls both in turn. Each arrives once and in order, or the client hears that it is over.
async fn converse(here: &Node, there: &Node) -> Result<(), ()> {
    let nodes = [here, there];
    let mut next = 0;
    for n in 0..40 {
        let send = format!("SEND\ndestination:/topic/open.a\n\n{n}\0");
        match nodes[n % 2].send("anna", &send).await {
            204 => {}
            503 | 404 => return Err(()),
            status => panic!("{status}"),
        }
        while next <= n {
            let polled = nodes[n / 2 % 2].poll("anna").await;
            let Some(array) = polled.strip_prefix('a') else {
                assert!(polled.starts_with("c[1001") || polled == "o\n", "{polled}");
                return Err(());
            };
            for frame in serde_json::from_str::<Vec<String>>(array).unwrap() {
                assert!(frame.ends_with(&format!("\n\n{next}\0")), "{next}: {frame}");
                next += 1;
            }
        }
    }
    Ok(())
}
