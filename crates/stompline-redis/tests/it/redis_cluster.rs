//! A Redis Cluster of the test's own.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use redis::{Cmd, FromRedisValue, RedisResult, Value};
use stompline::testing::suite::Links;
use stompline_redis::RedisBackplane;

use crate::server::{Redis, connect, free_port};

/// The slots of each master, so that inboxes (slot 3432), some destinations, and the directory (slot 11298) are on a master each.
const RANGES: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

/// Which master has what.
pub(crate) const INBOXES: usize = 0;
pub(crate) const OTHERS: usize = 1;
pub(crate) const DIRECTORY: usize = 2;

/// Destinations on each master.
pub(crate) const WITH_INBOXES: &str = "/topic/open.2";
pub(crate) const WITH_OTHERS: &str = "/topic/open.0";
pub(crate) const ALSO_WITH_OTHERS: &str = "/topic/open.5";
pub(crate) const WITH_DIRECTORY: &str = "/topic/open.1";

/// The slot of [`WITH_OTHERS`], partition 116, and of the directory.
pub(crate) const SLOT_OF_OTHERS: u16 = 6_688;
pub(crate) const SLOT_OF_DIRECTORY: u16 = 11_298;

/// Three masters, and replicas that the test adds.
pub(crate) struct RedisCluster {
    pub(crate) servers: Vec<Redis>,
    deadline: Duration,
}

impl RedisCluster {
    /// One whose nodes do not lose patience on a busy machine.
    pub(crate) async fn start() -> Self {
        Self::start_by(|_| Vec::new()).await
    }

    pub(crate) async fn start_with(deadline: Duration) -> Self {
        Self {
            deadline,
            ..Self::start_by(|_| Vec::new()).await
        }
    }

    /// With options for each that know its directory.
    pub(crate) async fn start_by(more: impl Fn(&Path) -> Vec<String>) -> Self {
        let servers: Vec<Redis> = (0..3).map(|_| member(&more)).collect();
        for (server, (first, last)) in servers.iter().zip(RANGES) {
            let own: Value = ask(server, "CLUSTER ADDSLOTSRANGE", &[first, last]);
            assert_eq!(own, Value::Okay);
        }
        for (place, server) in servers.iter().enumerate() {
            let _: Value = ask(server, "CLUSTER SET-CONFIG-EPOCH", &[place + 1]);
        }
        let cluster = Self {
            servers,
            deadline: Duration::from_secs(10),
        };
        for server in &cluster.servers[1..] {
            cluster.introduce(server);
        }
        until("all masters know each other", || cluster.is_whole(3)).await;
        cluster
    }

    /// Adds a replica of a master, once it has everything.
    pub(crate) async fn add_replica(&mut self, of: usize) {
        let id: String = ask(&self.servers[of], "CLUSTER MYID", &[""; 0]);
        let replica = member(&|_: &Path| Vec::new());
        self.introduce(&replica);
        let known = self.servers.len() + 1;
        self.servers.push(replica);
        until("all know the replica", || {
            let mut servers = self.servers.iter();
            servers.all(|server| {
                let view = nodes(server);
                let is_settled = !view.contains("handshake") && !view.contains("disconnected");
                is_settled && view.contains(&id) && view.matches(" connected").count() == known
            })
        })
        .await;
        let replica = &self.servers[known - 1];
        let _: Value = ask(replica, "CLUSTER REPLICATE", &[id]);
        until("it replicates", || {
            info(replica, "replication").contains("master_link_status:up")
        })
        .await;
        // Whoever is asked must know, or it would not believe the replica later.
        until("all know whose it is", || {
            let mut servers = self.servers.iter();
            servers.all(|server| nodes(server).contains("slave"))
        })
        .await;
    }

    fn introduce(&self, server: &Redis) {
        let bus = server.find("--cluster-port").unwrap();
        let tls = server.find("--tls-cluster").and(server.find("--tls-port"));
        let port = tls.unwrap_or_else(|| server.port().to_string());
        let to = ["127.0.0.1".to_owned(), port, bus];
        let _: Value = ask(&self.servers[0], "CLUSTER MEET", &to);
    }

    /// Whether every master sees all slots of all.
    fn is_whole(&self, masters: usize) -> bool {
        self.servers.iter().all(|server| {
            let slots: Vec<Value> = ask(server, "CLUSTER SLOTS", &[""; 0]);
            // A question mark stands for a name that has not come round yet.
            let named = !format!("{slots:?}").contains('?');
            slots.len() == masters && named && cluster_info(server).contains("cluster_state:ok")
        })
    }

    pub(crate) fn id(&self, of: usize) -> String {
        ask(&self.servers[of], "CLUSTER MYID", &[""; 0])
    }

    /// Tells every master that a slot belongs to `to`, the new one first.
    pub(crate) fn assign(&self, slot: u16, to: usize) {
        let id = self.id(to);
        for place in [to].into_iter().chain((0..3).filter(|place| *place != to)) {
            let _: Value = ask(
                &self.servers[place],
                "CLUSTER SETSLOT",
                &[slot.to_string(), "NODE".to_owned(), id.clone()],
            );
        }
    }

    pub(crate) fn url(&self) -> String {
        // One that is there is enough.
        format!(
            "redis+cluster://127.0.0.1:{},127.0.0.1:{}",
            free_port(),
            self.servers[0].port()
        )
    }
}

impl Links for RedisCluster {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        connect(&self.url(), self.deadline).await
    }
}

/// Waits until every announcement has been confirmed, as `server` sees it: what fails just then would be announced again.
pub(crate) async fn all_is_told(server: &Redis) {
    until("all is told", || {
        let untold: u32 = ask(server, "ZCARD", &["stompline:{d}:telling"]);
        untold == 0
    })
    .await;
}

/// Waits for what a busy machine may take long for.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        let waited = start.elapsed();
        assert!(waited < Duration::from_mins(1), "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A server that may be part of a cluster. A master that is away for long is not replaced by itself: the tests decide.
fn member(more: &impl Fn(&Path) -> Vec<String>) -> Redis {
    Redis::start_by(|_, directory| {
        let bus = free_port().to_string();
        let own = [
            ["--cluster-enabled", "yes"],
            ["--cluster-port", &bus],
            ["--cluster-node-timeout", "60000"],
            ["--cluster-require-full-coverage", "no"],
        ];
        let own = own.concat().into_iter().map(ToOwned::to_owned);
        own.chain(more(directory)).collect()
    })
}

/// One command to one server.
pub(crate) fn ask<T: FromRedisValue, A: ToString>(server: &Redis, command: &str, more: &[A]) -> T {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap());
    for word in words {
        cmd.arg(word);
    }
    for one in more {
        cmd.arg(one.to_string());
    }
    tell(server, &cmd)
}

pub(crate) fn tell<T: FromRedisValue>(server: &Redis, command: &Cmd) -> T {
    try_tell(server, command).unwrap()
}

/// A server that is promoted or demoted may end any connection.
pub(crate) fn try_tell<T: FromRedisValue>(server: &Redis, command: &Cmd) -> RedisResult<T> {
    let client = redis::Client::open(server.url()).unwrap();
    command.query(&mut client.get_connection()?)
}

/// Nothing from a server that ends the connection.
pub(crate) fn info(server: &Redis, section: &str) -> String {
    let mut info = redis::cmd("INFO");
    info.arg(section);
    try_tell(server, &info).unwrap_or_default()
}

fn cluster_info(server: &Redis) -> String {
    ask(server, "CLUSTER INFO", &[""; 0])
}

fn nodes(server: &Redis) -> String {
    ask(server, "CLUSTER NODES", &[""; 0])
}
