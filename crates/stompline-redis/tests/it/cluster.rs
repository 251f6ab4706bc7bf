//! A Redis Cluster: the suite, and what happens when one of its masters is away.

use std::time::Duration;

use stompline::{
    backplane::Backplane,
    testing::suite::{Links, TestNode},
};
use stompline_redis::{ConnectError, RedisBackplane, RedisSettings};

use crate::{
    redis_cluster::{
        ALSO_WITH_OTHERS, DIRECTORY, OTHERS, RedisCluster, SLOT_OF_DIRECTORY, WITH_DIRECTORY,
        WITH_INBOXES, WITH_OTHERS, ask, info, until,
    },
    server::Redis,
};

stompline::backplane_suite!(RedisCluster::start().await);

pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(4), test)
        .await
        .expect("in bounded time")
}

pub(crate) async fn two(cluster: &RedisCluster) -> (TestNode, TestNode) {
    (
        TestNode::start(cluster).await,
        TestNode::start(cluster).await,
    )
}

pub(crate) async fn all_is_well(here: &TestNode, there: &TestNode) {
    let both = || here.is_well() && there.is_well();
    until("all is well", both).await;
}

pub(crate) fn dark(node: &TestNode) -> String {
    let status = node.app.app().cluster_status().unwrap();
    let lines = status.dark.iter();
    let lines: Vec<String> = lines.map(|(link, why)| format!("{link}: {why}")).collect();
    lines.join("\n")
}

pub(crate) fn heard(nodes: [&TestNode; 2], what: &str) -> usize {
    nodes.iter().map(|node| node.heard(what).len()).sum()
}

#[tokio::test]
async fn keys_and_channels_are_where_their_slot_is() {
    within(async {
        let cluster = RedisCluster::start().await;
        let (here, there) = two(&cluster).await;
        let mut clients = Vec::new();
        for n in 0..40 {
            let node = if n % 2 == 0 { &here } else { &there };
            let mut client = node.connect(&format!("user-{n}")).await;
            client.subscribe("s", &format!("/topic/open.{n}")).await;
            clients.push(client);
        }
        let mut lin = here.app.connect("agent", "lin").await;
        lin.subscribe("pattern", "/topic/open.*").await;
        for n in 0..40 {
            there.until_sessions(&format!("user-{n}"), 1).await;
        }
        let (mut keys, mut channels) = (0, 0);
        for (place, server) in cluster.servers.iter().enumerate() {
            let own: Vec<String> = ask(server, "KEYS", &["*"]);
            assert!(own.is_empty() || place == DIRECTORY, "{own:?}");
            keys += own.len();
            for key in own {
                let slot: u16 = ask(server, "CLUSTER KEYSLOT", &[&key]);
                assert_eq!(slot, SLOT_OF_DIRECTORY, "{key}");
            }
            let shards: Vec<String> = ask(server, "PUBSUB SHARDCHANNELS", &[""; 0]);
            assert!(!shards.is_empty());
            channels += shards.len();
            let plain: Vec<String> = ask(server, "PUBSUB CHANNELS", &[""; 0]);
            assert!(plain.is_empty(), "{plain:?}");
            let patterns: u32 = ask(server, "PUBSUB NUMPAT", &[""; 0]);
            assert_eq!(patterns, 0);
        }
        // A hash for each user and node, and what there is once.
        assert!(keys >= 42, "{keys}");
        // Forty destinations, 128 for the pattern, an echo for each of 129 tags and node, two inboxes, one for everyone.
        assert_eq!(channels, 40 + 128 + 2 * 129 + 2 + 1);
    })
    .await;
}

#[tokio::test]
async fn frozen_master_darkens_its_partitions_only() {
    within(async {
        let cluster = RedisCluster::start_with(Duration::from_secs(3)).await;
        let (here, there) = two(&cluster).await;
        let (mut anna, mut bert) = (here.connect("anna").await, there.connect("bert").await);
        for (id, destination) in [("lit", WITH_INBOXES), ("dark", WITH_OTHERS)] {
            anna.subscribe(id, destination).await;
            bert.subscribe(id, destination).await;
        }
        cluster.servers[OTHERS].signal("-STOP");
        let address = format!("127.0.0.1:{}", cluster.servers[OTHERS].port());
        let link = format!("redis commands at {address} (partitions");
        let named = |node: &TestNode| dark(node).contains(&link);
        until("it is named", || named(&here) && named(&there)).await;
        let told = dark(&here);
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(
            told.contains("116"),
            "the partition of {WITH_OTHERS}: {told}"
        );

        let messenger = here.app.app().messenger();
        let start = std::time::Instant::now();
        assert!(messenger.send(WITH_OTHERS, "alone").await.is_err());
        assert!(start.elapsed() < Duration::from_secs(2), "at once");
        assert_eq!(anna.message().await.body, "\"alone\"");
        messenger.send(WITH_INBOXES, "lit").await.unwrap();
        assert_eq!(anna.message().await.body, "\"lit\"");
        assert_eq!(bert.message().await.body, "\"lit\"");
        // What is joined anew, and what was joined before, is confirmed where it is heard.
        bert.subscribe("new", WITH_DIRECTORY).await;
        messenger.send(WITH_DIRECTORY, "new").await.unwrap();
        assert_eq!(bert.message().await.body, "\"new\"");
        let mut carl = there.connect("carl").await;
        carl.subscribe("lit", WITH_INBOXES).await;
        here.until_sessions("carl", 1).await;

        cluster.servers[OTHERS].signal("-CONT");
        all_is_well(&here, &there).await;
        messenger.send(WITH_OTHERS, "together").await.unwrap();
        assert_eq!(anna.message().await.body, "\"together\"");
        // Redis may have kept what it had taken before it froze, and no more.
        let mut heard_last = bert.message().await.body;
        if heard_last == "\"alone\"" {
            heard_last = bert.message().await.body;
        }
        assert_eq!(heard_last, "\"together\"");
        assert_eq!(heard([&here, &there], "offline"), 0);
        assert_eq!(heard([&here, &there], "gone"), 0);
    })
    .await;
}

#[tokio::test]
async fn subscription_in_the_dark_is_refused_and_the_session_lives() {
    within(async {
        let cluster = RedisCluster::start_with(Duration::from_secs(3)).await;
        let node = TestNode::start(&cluster).await;
        let mut anna = node.connect("anna").await;
        anna.subscribe("errors", "/user/queue/errors").await;
        anna.subscribe("before", WITH_OTHERS).await;
        cluster.servers[OTHERS].signal("-STOP");
        until("it was noticed", || !node.is_well()).await;
        for destination in [WITH_OTHERS, ALSO_WITH_OTHERS] {
            let subscribe = stompline_proto::Frame::new(stompline_proto::Command::Subscribe)
                .header("id", destination)
                .header("destination", destination)
                .header("receipt", destination);
            anna.transmit(&subscribe).await;
            let refusal = anna.message().await;
            let code = refusal.headers.find("code");
            assert_eq!(code, Some("cluster_unavailable"), "{refusal:?}");
        }
        anna.subscribe("lit", WITH_INBOXES).await;
        cluster.servers[OTHERS].signal("-CONT");
        until("all is well", || node.is_well()).await;
        anna.subscribe("after", ALSO_WITH_OTHERS).await;
    })
    .await;
}

#[tokio::test]
async fn node_starts_while_a_master_without_its_directory_is_away() {
    within(async {
        let mut cluster = RedisCluster::start().await;
        cluster.servers[OTHERS].kill();
        let link = cluster.link().await;
        let told = format!("{:?}", link.status());
        let address = format!("127.0.0.1:{}", cluster.servers[OTHERS].port());
        assert!(
            told.contains(&format!("redis commands at {address} (partitions")),
            "{told}"
        );
        link.stop().await;
        cluster.servers[DIRECTORY].kill();
        let settings = RedisSettings::new(&cluster.url()).unwrap();
        let refused = RedisBackplane::connect(settings).await.err().unwrap();
        assert!(
            matches!(refused, ConnectError::Unreachable { .. }),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test]
async fn address_that_says_something_else_is_refused() {
    let alone = Redis::start();
    let cluster = RedisCluster::start().await;
    let url = alone.url().replace("redis://", "redis+cluster://");
    let refused = RedisBackplane::connect(crate::startup::patient(&url))
        .await
        .err()
        .unwrap();
    assert!(refused.to_string().contains("cluster support"), "{refused}");
    let url = cluster.servers[DIRECTORY].url();
    let refused = RedisBackplane::connect(crate::startup::patient(&url))
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, ConnectError::Cluster { .. }), "{refused}");
    assert!(info(&cluster.servers[0], "server").contains("redis_version:"));
}
