//! A Redis Cluster that changes: masters that are replaced, slots that move.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use redis::Value;

use crate::{
    cluster::{all_is_well, dark, heard, two, within},
    redis_cluster::{
        ALSO_WITH_OTHERS, DIRECTORY, INBOXES, OTHERS, RedisCluster, SLOT_OF_DIRECTORY,
        SLOT_OF_OTHERS, WITH_DIRECTORY, WITH_OTHERS, all_is_told, ask, info, until,
    },
};

#[tokio::test]
async fn promoted_replica_takes_over_and_nobody_is_announced() {
    within(async {
        let mut cluster = RedisCluster::start_with(Duration::from_secs(3)).await;
        cluster.add_replica(DIRECTORY).await;
        let (here, there) = two(&cluster).await;
        let mut clients = Vec::new();
        for n in 0..20 {
            let node = if n % 2 == 0 { &here } else { &there };
            let mut client = node.connect(&format!("user-{n}")).await;
            client.subscribe("s", WITH_DIRECTORY).await;
            client.subscribe("t", WITH_OTHERS).await;
            clients.push(client);
        }
        for n in 0..20 {
            here.until_sessions(&format!("user-{n}"), 1).await;
        }
        all_is_told(&cluster.servers[DIRECTORY]).await;
        let offset = |server| {
            let info = info(server, "replication");
            let line = info
                .lines()
                .find(|line| line.starts_with("master_repl_offset:"));
            line.map(ToOwned::to_owned)
        };
        until("the replica has it", || {
            offset(&cluster.servers[DIRECTORY]) == offset(&cluster.servers[3])
        })
        .await;
        // What comes now does not reach the replica any more.
        cluster.servers[3].signal("-STOP");
        let cut: u32 = ask(
            &cluster.servers[DIRECTORY],
            "CLIENT KILL TYPE",
            &["replica"],
        );
        assert_eq!(cut, 1);
        for n in 20..25 {
            clients.push(there.connect(&format!("user-{n}")).await);
            here.until_sessions(&format!("user-{n}"), 1).await;
        }
        cluster.servers[DIRECTORY].kill();
        cluster.servers[3].signal("-CONT");
        until("it was noticed", || !here.is_well() && !there.is_well()).await;
        let _: Value = ask(&cluster.servers[3], "CLUSTER FAILOVER", &["TAKEOVER"]);
        all_is_well(&here, &there).await;
        for n in 0..25 {
            here.until_sessions(&format!("user-{n}"), 1).await;
        }
        let messenger = here.app.app().messenger();
        for destination in [WITH_DIRECTORY, WITH_OTHERS] {
            messenger.send(destination, "again").await.unwrap();
            for client in &mut clients[..20] {
                assert_eq!(client.message().await.body, "\"again\"");
            }
        }
        // The leases of before have run out, and what was left under them is gone.
        until("only the nodes of now are members", || {
            let members: u32 = ask(&cluster.servers[3], "ZCARD", &["stompline:{d}:nodes"]);
            members == 2
        })
        .await;
        drop(clients.pop());
        until("one is said to be offline", || {
            heard([&here, &there], "offline") == 1
        })
        .await;
        assert_eq!(heard([&here, &there], "online"), 25);
        assert_eq!(heard([&here, &there], "gone"), 1);
    })
    .await;
}

/// The tags of a slot move while messages flow: what moves may lose some, and nothing is out of order, doubled, or lost beside it.
#[tokio::test]
async fn slot_that_moves_keeps_messages_in_order() {
    within(async {
        let cluster = RedisCluster::start().await;
        let (here, there) = two(&cluster).await;
        let (mut moving, mut staying) = (there.connect("anna").await, there.connect("bert").await);
        moving.subscribe("s", WITH_OTHERS).await;
        staying.subscribe("s", ALSO_WITH_OTHERS).await;
        let mut lin = there.app.connect("agent", "lin").await;
        lin.subscribe("pattern", "/topic/open.*").await;
        let messenger = here.app.app().messenger();
        let done = AtomicBool::new(false);
        let publish = async {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                sent += 1;
                let _ = messenger.send(WITH_OTHERS, &sent).await;
                messenger.send(ALSO_WITH_OTHERS, &sent).await.unwrap();
            }
            all_is_well(&here, &there).await;
            messenger.send(WITH_OTHERS, &(sent + 1)).await.unwrap();
            messenger.send(ALSO_WITH_OTHERS, &(sent + 1)).await.unwrap();
            sent + 1
        };
        let moves = async {
            for to in [INBOXES, DIRECTORY, OTHERS, INBOXES] {
                tokio::time::sleep(Duration::from_millis(100)).await;
                cluster.assign(SLOT_OF_OTHERS, to);
                let heard = || {
                    let shards: Vec<String> = ask(
                        &cluster.servers[to],
                        "PUBSUB SHARDCHANNELS",
                        &["*:/topic/open.0"],
                    );
                    shards.len() == 1
                };
                until("it is heard at the new place", heard).await;
            }
            done.store(true, Ordering::Relaxed);
        };
        let (last, ()) = tokio::join!(publish, moves);
        let mut newest: u64 = 0;
        while newest != last {
            let number: u64 = body(&moving.message().await);
            assert!(number > newest, "{number} after {newest}");
            newest = number;
        }
        for expected in 1..=last {
            assert_eq!(body(&staying.message().await), expected);
        }
        let mut newest = std::collections::HashMap::<String, u64>::new();
        while newest.values().any(|one| *one != last) || newest.len() < 2 {
            let message = lin.message().await;
            let destination = message.headers.find("destination").unwrap().to_owned();
            let before = newest.insert(destination, body(&message)).unwrap_or(0);
            assert!(body(&message) > before, "{} after {before}", body(&message));
        }
    })
    .await;
}

/// The master becomes the replica while messages flow, and both are there all the time.
#[tokio::test]
async fn orderly_failover_keeps_messages_in_order() {
    within(async {
        let mut cluster = RedisCluster::start().await;
        cluster.add_replica(OTHERS).await;
        let (here, there) = two(&cluster).await;
        let mut anna = there.connect("anna").await;
        anna.subscribe("s", WITH_OTHERS).await;
        let messenger = here.app.app().messenger();
        let done = AtomicBool::new(false);
        let publish = async {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                sent += 1;
                let _ = messenger.send(WITH_OTHERS, &sent).await;
                // What is refused at once waits for nothing.
                tokio::task::yield_now().await;
            }
            all_is_well(&here, &there).await;
            messenger.send(WITH_OTHERS, &(sent + 1)).await.unwrap();
            sent + 1
        };
        let failover = async {
            let replica = &cluster.servers[3];
            let _: Value = ask(replica, "CLUSTER FAILOVER", &[""; 0]);
            let promoted = || info(replica, "replication").contains("role:master");
            until("it is promoted", promoted).await;
            // An echo of each node: nothing but the link to the new master brings it there.
            let followed = || {
                let links: String = ask(replica, "CLIENT LIST", &[""; 0]);
                links.matches(" ssub=").count() - links.matches(" ssub=0 ").count() == 2
            };
            until("both nodes have gone there", followed).await;
            done.store(true, Ordering::Relaxed);
        };
        let (last, ()) = tokio::join!(publish, failover);
        let mut newest = 0;
        while newest != last {
            let number = body(&anna.message().await);
            assert!(number > newest, "{number} after {newest}");
            newest = number;
        }
    })
    .await;
}

fn body(message: &stompline_proto::Frame) -> u64 {
    std::str::from_utf8(&message.body).unwrap().parse().unwrap()
}

/// While the keys of the directory are on their way from one master to another, a script would see half of them: calls fail until
/// all have arrived.
#[tokio::test]
async fn directory_that_moves_is_out_of_reach_and_whole_again() {
    within(async {
        let cluster = RedisCluster::start_with(Duration::from_secs(3)).await;
        let (here, there) = two(&cluster).await;
        let mut clients = Vec::new();
        for n in 0..20 {
            let node = if n % 2 == 0 { &here } else { &there };
            clients.push(node.connect(&format!("user-{n}")).await);
        }
        for n in 0..20 {
            here.until_sessions(&format!("user-{n}"), 1).await;
        }
        all_is_told(&cluster.servers[DIRECTORY]).await;
        let slot = SLOT_OF_DIRECTORY.to_string();
        let (from, to) = (&cluster.servers[DIRECTORY], &cluster.servers[OTHERS]);
        let importing = [slot.clone(), "IMPORTING".to_owned(), cluster.id(DIRECTORY)];
        let _: Value = ask(to, "CLUSTER SETSLOT", &importing);
        let migrating = [slot.clone(), "MIGRATING".to_owned(), cluster.id(OTHERS)];
        let _: Value = ask(from, "CLUSTER SETSLOT", &migrating);
        until("it is out of reach", || {
            [&here, &there]
                .iter()
                .all(|node| dark(node).contains("directory"))
        })
        .await;
        let keys: Vec<String> = ask(from, "CLUSTER GETKEYSINSLOT", &[slot, "1000".to_owned()]);
        assert!(keys.len() > 20, "{keys:?}");
        for key in &keys {
            let port = to.port().to_string();
            let moved: String = ask(from, "MIGRATE", &["127.0.0.1", &port, key, "0", "10000"]);
            assert_eq!(moved, "OK");
        }
        let left: u32 = ask(to, "CLUSTER COUNTKEYSINSLOT", &[SLOT_OF_DIRECTORY]);
        assert_eq!(
            usize::try_from(left).unwrap(),
            keys.len(),
            "nobody wrote meanwhile"
        );
        cluster.assign(SLOT_OF_DIRECTORY, OTHERS);
        all_is_well(&here, &there).await;
        for n in 0..20 {
            there.until_sessions(&format!("user-{n}"), 1).await;
        }
        let counts = ["online", "offline", "gone"].map(|what| heard([&here, &there], what));
        assert_eq!(counts, [20, 0, 0]);
    })
    .await;
}
