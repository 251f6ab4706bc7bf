//! What a slow network holds back does not come behind what was sent later.

use std::{sync::Arc, time::Duration};

use stompline::testing::suite::{Links, TestNode};
use stompline_redis::RedisBackplane;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
};

use crate::{
    redis_cluster::until,
    server::{Redis, connect},
};

/// Stands before a Redis, and can hold back what has been sent to it.
struct SlowWay {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// Connections up to this number are held back.
    held: watch::Sender<u64>,
    accepted: watch::Sender<u64>,
    /// Those whose end has arrived.
    ended: watch::Sender<u64>,
}

impl SlowWay {
    async fn start(redis: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            held: watch::Sender::new(0),
            accepted: watch::Sender::new(0),
            ended: watch::Sender::new(0),
        });
        tokio::spawn(accept(listener, redis.port(), Arc::clone(&state)));
        Self { port, state }
    }

    /// Holds back what is sent on the connections that there are now. Returns their number.
    fn hold(&self) -> u64 {
        let now = *self.state.accepted.borrow();
        self.state.held.send_replace(now);
        now
    }

    /// Lets everything arrive, and waits until it has.
    async fn release(&self) {
        self.state.held.send_replace(0);
        let mut ended = self.state.ended.subscribe();
        ended.wait_for(|ended| *ended > 0).await.unwrap();
    }
}

async fn accept(listener: TcpListener, redis: u16, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let server = TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
        state.accepted.send_modify(|accepted| *accepted += 1);
        let number = *state.accepted.borrow();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(upwards(from_client, to_server, number, Arc::clone(&state)));
        tokio::spawn(downwards(from_server, to_client));
    }
}

async fn upwards(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u64, state: Arc<State>) {
    let mut held = state.held.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        held.wait_for(|held| *held < number).await.unwrap();
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    state.ended.send_modify(|ended| *ended += 1);
}

async fn downwards(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

impl Links for SlowWay {
    type Link = RedisBackplane;

    async fn link(&self) -> RedisBackplane {
        let url = format!("redis://127.0.0.1:{}", self.port);
        connect(&url, Duration::from_secs(2)).await
    }
}

#[tokio::test]
async fn message_of_a_lost_connection_does_not_come_late() {
    let test = async {
        let redis = Redis::start();
        let way = SlowWay::start(&redis).await;
        let (here, there) = (TestNode::start(&way).await, TestNode::start(&redis).await);
        let mut anna = there.connect("anna").await;
        anna.subscribe("s", "/topic/open.a").await;
        let messenger = here.app.app().messenger();
        messenger.send("/topic/open.a", &1).await.unwrap();
        let before = way.hold();
        assert!(messenger.send("/topic/open.a", &2).await.is_err());
        let mut accepted = way.state.accepted.subscribe();
        accepted.wait_for(|count| *count > before).await.unwrap();
        until("all is well again", || here.is_well()).await;
        messenger.send("/topic/open.a", &3).await.unwrap();
        way.release().await;
        messenger.send("/topic/open.a", &4).await.unwrap();
        for expected in ["1", "3", "4"] {
            assert_eq!(anna.message().await.body, expected);
        }
    };
    tokio::time::timeout(Duration::from_mins(2), test)
        .await
        .expect("in bounded time");
}
