//! Measures two nodes on a Redis of its own: `cargo run --release -p stompline-redis --example measure`.
//!
//! Both nodes are in this process, with clients in memory; Redis is a process beside it.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a measurement that cannot go on has no result"
)]

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../tests/it/server.rs"]
mod server;

use std::time::{Duration, Instant};

use server::Redis;
use stompline::{
    ClusterSettings, DestinationPattern, Prefixes, Stompline,
    access::{AccessRule, AccessRules, Action, Target, Who},
    testing::TestApp,
};

const SENDERS: u32 = 20;
const PER_S: u32 = 2_000;
const SECONDS: u32 = 10;
const SESSIONS: usize = 10_000;

#[tokio::main]
async fn main() {
    let mut redis = Redis::start();
    let (here, there) = (node(&redis).await, node(&redis).await);
    lag(&here, &there).await;
    registration(&mut redis, &here, &there).await;
}

async fn node(redis: &Redis) -> TestApp {
    let pattern = DestinationPattern::parse("/topic/open.*").unwrap();
    let rule = AccessRule::allow(Who::Anyone, Target::Pattern(pattern)).on(Action::Send);
    let access = AccessRules::builder(&Prefixes::default())
        .first(rule)
        .build();
    let app = Stompline::builder()
        .access(access)
        .cluster(ClusterSettings::default())
        .backplane(redis.link().await)
        .build()
        .unwrap();
    let app = TestApp::new(app);
    until_well(&app).await;
    app
}

async fn until_well(app: &TestApp) {
    while !app.app().cluster_status().unwrap().is_well() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// From SEND on one node to MESSAGE on the other.
async fn lag(here: &TestApp, there: &TestApp) {
    let epoch = Instant::now();
    let mut receivers = Vec::new();
    let mut senders = Vec::new();
    for n in 0..SENDERS {
        let topic = format!("/topic/open.{n}");
        let mut receiver = there.connect("customer", &format!("to-{n}")).await;
        receiver.subscribe("s", &topic).await;
        receivers.push(tokio::spawn(async move {
            let mut lags = Vec::new();
            for _ in 0..PER_S * SECONDS / SENDERS {
                let body = receiver.message().await.body;
                let sent: u128 = std::str::from_utf8(&body).unwrap().trim().parse().unwrap();
                lags.push(epoch.elapsed().as_micros() - sent);
            }
            lags
        }));
        let mut sender = here.connect("customer", &format!("from-{n}")).await;
        senders.push(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1) * SENDERS / PER_S);
            for _ in 0..PER_S * SECONDS / SENDERS {
                ticks.tick().await;
                let body = format!("{:<128}", epoch.elapsed().as_micros());
                sender.send(&topic, body).await;
            }
            sender
        }));
    }
    let mut lags = Vec::new();
    for receiver in receivers {
        lags.append(&mut receiver.await.unwrap());
    }
    lags.sort_unstable();
    let at = |permille: usize| lags[lags.len() * permille / 1_000];
    println!(
        "{PER_S} messages a second across nodes: {} of {} arrived, p50 {} us, p99 {} us, max {} us",
        lags.len(),
        PER_S * SECONDS,
        at(500),
        at(990),
        lags[lags.len() - 1],
    );
}

/// From the moment at which Redis is back, empty, to the last session in it; then what idle sessions cost.
async fn registration(redis: &mut Redis, here: &TestApp, there: &TestApp) {
    let mut clients = Vec::new();
    for n in 0..SESSIONS {
        let app = if n % 2 == 0 { here } else { there };
        clients.push(app.connect("customer", &format!("user-{n}")).await);
    }
    while count(redis).await < SESSIONS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    redis.restart();
    let start = Instant::now();
    while count(redis).await < SESSIONS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!(
        "{SESSIONS} sessions registered {:?} after Redis came back empty",
        start.elapsed()
    );
    until_well(here).await;
    until_well(there).await;
    let before = commands(redis).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Our own question is one of them.
    let spent = commands(redis).await - before - 1.0;
    let sessions = f64::from(u32::try_from(SESSIONS).unwrap());
    println!(
        "{spent} commands in 20 s of idleness: {:.5} a second for each session",
        spent / 20.0 / sessions
    );
}

async fn connection(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn count(redis: &Redis) -> usize {
    let mut connection = connection(redis).await;
    let mut count = redis::cmd("SCARD");
    count.arg("stompline:{d}:online");
    count.query_async(&mut connection).await.unwrap()
}

async fn commands(redis: &Redis) -> f64 {
    let mut connection = connection(redis).await;
    let info: String = redis::cmd("INFO")
        .arg("stats")
        .query_async(&mut connection)
        .await
        .unwrap();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_commands_processed:"));
    line.unwrap().trim().parse().unwrap()
}
