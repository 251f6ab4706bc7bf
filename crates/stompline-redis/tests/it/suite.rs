//! What every backplane must do, and what happens when Redis is not there.

use std::time::Duration;

use stompline::backplane::{Address, Backplane};
use stompline::testing::suite::{Links, TestNode};
use stompline_redis::RedisBackplane;

use crate::server::{Redis, connect};

impl Links for Redis {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        Redis::link(self).await
    }
}

/// A Redis that may take its time. What the suite asks of it is right however slow a busy machine makes it; how soon a silent Redis is
/// given up is asked by tests of their own.
struct Patient(Redis);

impl Links for Patient {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        connect(&self.0.url(), Duration::from_secs(15)).await
    }
}

stompline::backplane_suite!(Patient(Redis::start()));

async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), test)
        .await
        .expect("in bounded time")
}

#[tokio::test]
async fn empty_redis_is_filled_again_without_announcements() {
    within(async {
        let mut redis = Redis::start();
        let (here, there) = (TestNode::start(&redis).await, TestNode::start(&redis).await);
        let mut clients = Vec::new();
        for n in 0..40 {
            let node = if n % 2 == 0 { &here } else { &there };
            let mut client = node.connect(&format!("user-{n}")).await;
            client.subscribe("s", "/topic/open.a").await;
            client.subscribe("u", "/user/queue/a").await;
            clients.push(client);
        }
        redis.restart();
        here.until("it was noticed", || !here.is_well() || !there.is_well())
            .await;
        here.until("all is well again", || here.is_well() && there.is_well())
            .await;
        for n in 0..40 {
            here.until_sessions(&format!("user-{n}"), 1).await;
        }
        let messenger = here.app.app().messenger();
        messenger.send("/topic/open.a", "again").await.unwrap();
        for client in &mut clients {
            assert_eq!(client.message().await.body, "\"again\"");
        }
        let both = |what: &str| here.heard(what).len() + there.heard(what).len();
        assert_eq!((both("online"), both("offline"), both("gone")), (40, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn frozen_redis_is_noticed_and_nobody_is_lost() {
    within(async {
        let redis = Redis::start();
        let (here, there) = (TestNode::start(&redis).await, TestNode::start(&redis).await);
        let (mut anna, mut bert) = (here.connect("anna").await, there.connect("bert").await);
        anna.subscribe("s", "/topic/open.a").await;
        bert.subscribe("s", "/topic/open.a").await;
        redis.signal("-STOP");
        here.until("it was noticed", || !here.is_well() && !there.is_well())
            .await;
        let messenger = here.app.app().messenger();
        let start = std::time::Instant::now();
        assert!(messenger.send("/topic/open.a", "alone").await.is_err());
        assert!(start.elapsed() < Duration::from_millis(500), "at once");
        assert_eq!(anna.message().await.body, "\"alone\"");
        redis.signal("-CONT");
        here.until("all is well again", || here.is_well() && there.is_well())
            .await;
        messenger.send("/topic/open.a", "together").await.unwrap();
        assert_eq!(anna.message().await.body, "\"together\"");
        // Redis may have kept what it had taken before it froze, and no more.
        let mut heard = bert.message().await.body;
        if heard == "\"alone\"" {
            heard = bert.message().await.body;
        }
        assert_eq!(heard, "\"together\"");
        let both = |what: &str| here.heard(what).len() + there.heard(what).len();
        assert_eq!((both("offline"), both("gone")), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn question_about_nobody_breaks_no_link() {
    within(async {
        let redis = Redis::start();
        let link = redis.link().await;
        assert_eq!(link.look_up(Vec::new()).await, Ok(Vec::new()));
        assert_eq!(
            link.register(Vec::new(), Duration::ZERO).await,
            Ok(Vec::new())
        );
        let told = link.publish(Address::Everyone, "still here".into());
        assert_eq!(told.await, Ok(()));
    })
    .await;
}
