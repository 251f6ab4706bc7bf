//! A master behind sentinels, and what happens when it is another.

use std::{path::Path, time::Duration};

use redis::Value;
use stompline::backplane::Backplane;
use stompline::testing::suite::{Links, TestNode};
use stompline_redis::RedisBackplane;

use crate::{
    acl::{PASSWORD, documented},
    redis_cluster::{all_is_told, info, tell, try_tell, until},
    server::{Redis, connect, free_port, settings},
};

/// A master, its replica, and sentinels that do nothing of their own accord.
struct Watched {
    master: Redis,
    replica: Redis,
    sentinels: Vec<Redis>,
    deadline: Duration,
}

impl Watched {
    async fn start() -> Self {
        let master = Redis::start();
        let port = master.port();
        let replica = Redis::start_by(|_, _| {
            let of = port.to_string();
            let more = [
                "--replicaof",
                "127.0.0.1",
                &of,
                "--repl-diskless-sync-delay",
                "0",
            ];
            more.map(ToOwned::to_owned).into()
        });
        until("the replica has everything", || {
            info(&replica, "replication").contains("master_link_status:up")
        })
        .await;
        let sentinels: Vec<Redis> = (0..2).map(|_| sentinel(port)).collect();
        let watched = Self {
            master,
            replica,
            sentinels,
            deadline: Duration::from_secs(5),
        };
        until("the sentinels know the replica and each other", || {
            let mut sentinels = watched.sentinels.iter();
            sentinels.all(|one| info(one, "sentinel").contains("slaves=1,sentinels=2"))
        })
        .await;
        watched
    }

    fn url(&self) -> String {
        let ports = self.sentinels.iter().map(Redis::port);
        // One that is away does no harm.
        let hosts: Vec<String> = ports
            .chain([free_port()])
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!("redis+sentinel://{}/main", hosts.join(","))
    }

    /// Has the replica promoted.
    async fn fail_over(&self) {
        let one = &self.sentinels[0];
        // It may not have looked at the replica yet.
        until("the sentinel begins", || {
            let mut failover = redis::cmd("SENTINEL");
            failover.arg("FAILOVER").arg("main");
            try_tell::<Value>(one, &failover).is_ok()
        })
        .await;
    }

    fn is_promoted(&self) -> bool {
        info(&self.replica, "replication").contains("role:master")
    }
}

impl Links for Watched {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        connect(&self.url(), self.deadline).await
    }
}

fn sentinel(master: u16) -> Redis {
    Redis::start_sentinel(|port, directory: &Path| {
        format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds main 600000\nsentinel failover-timeout main 20000\n",
            directory.display()
        )
    })
}

async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(4), test)
        .await
        .expect("in bounded time")
}

/// Twenty users on two nodes, all of whom are known.
async fn crowd(links: &Watched) -> (TestNode, TestNode, Vec<Client>) {
    let (here, there) = (TestNode::start(links).await, TestNode::start(links).await);
    let mut clients = Vec::new();
    for n in 0..20 {
        let node = if n % 2 == 0 { &here } else { &there };
        let mut client = node.connect(&format!("user-{n}")).await;
        client.subscribe("s", "/topic/open.a").await;
        clients.push(client);
    }
    for n in 0..20 {
        here.until_sessions(&format!("user-{n}"), 1).await;
    }
    for server in [&links.master, &links.replica] {
        all_is_told(server).await;
    }
    (here, there, clients)
}

type Client = stompline::testing::TestClient<tokio::io::DuplexStream>;

/// Everything is on the promoted replica, as it was before, and nobody was announced.
async fn all_converges(
    watched: &Watched,
    here: &TestNode,
    there: &TestNode,
    clients: &mut [Client],
) {
    until("the replica is the master", || watched.is_promoted()).await;
    until("both nodes have gone there", || {
        let mut count = redis::cmd("PUBSUB");
        count.arg("NUMSUB").arg("stompline:{n}:everyone");
        let subscribers: Vec<Value> = try_tell(&watched.replica, &count).unwrap_or_default();
        subscribers.get(1) == Some(&Value::Int(2)) && here.is_well() && there.is_well()
    })
    .await;
    for n in 0..20 {
        there.until_sessions(&format!("user-{n}"), 1).await;
    }
    for node in [here, there] {
        let messenger = node.app.app().messenger();
        messenger.send("/topic/open.a", "again").await.unwrap();
        for client in &mut *clients {
            assert_eq!(client.message().await.body, "\"again\"");
        }
    }
    // The leases of before have run out, and what was left under them is gone.
    until("only the nodes of now are members", || {
        let mut count = redis::cmd("ZCARD");
        count.arg("stompline:{d}:nodes");
        try_tell(&watched.replica, &count) == Ok(2)
    })
    .await;
    let count = |what: &str| here.heard(what).len() + there.heard(what).len();
    assert_eq!(
        [count("online"), count("offline"), count("gone")],
        [20, 0, 0]
    );
}

#[tokio::test]
async fn failover_is_followed_and_nobody_is_announced() {
    within(async {
        let watched = Watched::start().await;
        let (here, there, mut clients) = crowd(&watched).await;
        watched.fail_over().await;
        all_converges(&watched, &here, &there, &mut clients).await;
    })
    .await;
}

#[tokio::test]
async fn dead_master_is_replaced_and_nobody_is_announced() {
    within(async {
        let mut watched = Watched::start().await;
        let (here, there, mut clients) = crowd(&watched).await;
        watched.master.kill();
        until("it was noticed", || !here.is_well() && !there.is_well()).await;
        watched.fail_over().await;
        all_converges(&watched, &here, &there, &mut clients).await;
    })
    .await;
}

#[tokio::test]
async fn sentinels_that_are_gone_are_named_and_nothing_else_happens() {
    within(async {
        let mut watched = Watched::start().await;
        let node = TestNode::start(&watched).await;
        let mut anna = node.connect("anna").await;
        for sentinel in &mut watched.sentinels {
            sentinel.kill();
        }
        until("it was noticed", || !node.is_well()).await;
        let status = node.app.app().cluster_status().unwrap();
        let links: Vec<&str> = status.dark.iter().map(|(link, _)| link.as_str()).collect();
        assert_eq!(links, ["redis topology"]);
        anna.subscribe("s", "/topic/open.a").await;
        anna.send_and_wait("/topic/open.a", "hello").await;
        assert_eq!(anna.message().await.body, "hello");
    })
    .await;
}

#[tokio::test]
async fn unknown_master_is_refused() {
    let watched = Watched::start().await;
    let url = watched.url().replace("/main", "/other");
    let refused = RedisBackplane::connect(crate::startup::patient(&url))
        .await
        .err()
        .unwrap();
    assert!(refused.to_string().contains("No such master"), "{refused}");
}

#[tokio::test]
async fn documented_user_of_sentinels_is_enough() {
    within(async {
        let watched = Watched::start().await;
        for sentinel in &watched.sentinels {
            assert_eq!(tell::<Value>(sentinel, &documented("node")), Value::Okay);
        }
        let connect = async |password: &str| {
            let user = format!("?sentinel_username=node&sentinel_password={password}");
            let settings = settings(&(watched.url() + &user), watched.deadline);
            RedisBackplane::connect(settings).await
        };
        let link = connect(PASSWORD).await.unwrap();
        link.stop().await;
        let refused = connect("wrong").await.err().unwrap().to_string();
        assert!(!refused.contains("wrong"), "{refused}");
    })
    .await;
}
