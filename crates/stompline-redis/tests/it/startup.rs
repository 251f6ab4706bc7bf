//! A Redis that cannot be used is refused with a reason.

use std::time::Duration;

use stompline_redis::{ConnectError, RedisBackplane, RedisSettings};

use crate::server::{Redis, settings};

#[tokio::test]
async fn evicting_redis_is_refused_unless_allowed() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let settings = patient(&redis.url());
    let refused = RedisBackplane::connect(settings.clone())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, ConnectError::Eviction { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("noeviction"), "{refused}");
    assert!(
        RedisBackplane::connect(settings.allow_eviction(true))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn absent_redis_is_named() {
    let mut redis = Redis::start();
    redis.kill();
    let settings = patient(&redis.url());
    let refused = RedisBackplane::connect(settings).await.err().unwrap();
    assert!(
        matches!(refused, ConnectError::Unreachable { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
}

#[tokio::test]
async fn password_is_needed_and_not_told() {
    let redis = Redis::start_with(&["--requirepass", "hunter2"]);
    let with = |password: &str| redis.url().replace("127", &format!(":{password}@127"));
    let settings = patient(&with("hunter3"));
    let refused = RedisBackplane::connect(settings).await.err().unwrap();
    assert!(!format!("{refused} {refused:?}").contains("hunter3"));
    let settings = patient(&with("hunter2"));
    assert!(RedisBackplane::connect(settings).await.is_ok());
}

#[tokio::test]
async fn other_scheme_is_refused() {
    let redis = Redis::start();
    let client = redis_client(&redis);
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut set = redis::cmd("SET");
    set.arg("stompline:{d}:scheme").arg(99);
    set.exec_async(&mut connection).await.unwrap();
    let settings = patient(&redis.url());
    let refused = RedisBackplane::connect(settings.clone())
        .await
        .err()
        .unwrap();
    assert!(matches!(refused, ConnectError::Scheme { .. }), "{refused}");
    let other = settings.prefix("other").unwrap();
    assert!(RedisBackplane::connect(other).await.is_ok());
}

fn redis_client(redis: &Redis) -> redis::Client {
    redis::Client::open(redis.url()).unwrap()
}

/// Time for an answer on a busy machine: what it says matters.
pub(crate) fn patient(url: &str) -> RedisSettings {
    settings(url, Duration::from_secs(10))
}
