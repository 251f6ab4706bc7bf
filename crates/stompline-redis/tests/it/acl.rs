//! The user of Redis that the documentation describes: it may do what a node needs, and no more.

use std::time::Duration;

use redis::Value;
use stompline::testing::suite::{self, Links};
use stompline_redis::{RedisBackplane, RedisSettings};

use crate::{
    redis_cluster::{RedisCluster, tell},
    server::{Redis, settings},
};

pub(crate) const PASSWORD: &str = "hunter2";

/// The command that docs/cluster.md prints for a user.
pub(crate) fn documented(user: &str) -> redis::Cmd {
    let text = include_str!("../../../../docs/cluster.md");
    let start = text.find(&format!("ACL SETUSER {user} ")).unwrap();
    let end = start + text[start..].find("```").unwrap();
    let mut words = text[start..end].split_whitespace();
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word.replace("PASSWORD", PASSWORD));
    }
    command
}

/// Adds the user.
fn restrict(server: &Redis) {
    assert_eq!(tell::<Value>(server, &documented("stompline")), Value::Okay);
}

fn with_user(url: &str) -> RedisSettings {
    let url = url.replacen("://", &format!("://stompline:{PASSWORD}@"), 1);
    settings(&url, Duration::from_secs(5))
}

struct Restricted(Redis);

impl Restricted {
    fn start() -> Self {
        let redis = Redis::start();
        restrict(&redis);
        Self(redis)
    }
}

impl Links for Restricted {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        let settings = with_user(&self.0.url());
        RedisBackplane::connect(settings).await.unwrap()
    }
}

stompline::backplane_suite!(Restricted::start());

struct RestrictedCluster(RedisCluster);

impl Links for RestrictedCluster {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        let settings = with_user(&self.0.url());
        RedisBackplane::connect(settings).await.unwrap()
    }
}

#[tokio::test]
async fn documented_user_can_do_all_on_a_cluster() {
    let cluster = RestrictedCluster(RedisCluster::start().await);
    cluster.0.servers.iter().for_each(restrict);
    let all = async {
        suite::topic_crosses_in_order(&cluster).await;
        suite::pattern_and_name_get_each_once(&cluster).await;
        suite::user_is_reached_on_every_node(&cluster).await;
        suite::receipt_means_that_others_reach_it(&cluster).await;
    };
    tokio::time::timeout(Duration::from_mins(2), all)
        .await
        .expect("in bounded time");
}

#[tokio::test]
async fn documented_user_can_do_no_more() {
    let redis = Redis::start();
    restrict(&redis);
    let url = redis
        .url()
        .replace("://", &format!("://stompline:{PASSWORD}@"));
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_connection().unwrap();
    for forbidden in [
        &["GET", "other"][..],
        &["PUBLISH", "other", "x"],
        &["KEYS", "*"],
        &["FLUSHALL"],
        &["CONFIG", "GET", "*"],
        &["ACL", "LIST"],
        &["CLUSTER", "RESET"],
        &["DEL", "stompline:{d}:nodes"],
    ] {
        let mut command = redis::cmd(forbidden[0]);
        command.arg(&forbidden[1..]);
        let refused = command.query::<Value>(&mut connection).unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{forbidden:?}: {refused}");
    }
}
