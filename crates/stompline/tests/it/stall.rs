//! Readers that take nothing, or little, of what waits for them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use stompline::{
    Builder, CloseReason, Limits, Message, Outgoing, SessionEvent, Stompline, Transport,
    testing::{Received, TestClient},
};
use tokio::time::Instant;

use crate::support::{PATIENCE, open, open_broker, serve, test_app};

/// Why sessions ended, and when.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<(CloseReason, Instant)>>>);

impl Ends {
    fn of(builder: Builder<()>) -> (Self, Builder<()>) {
        let ends = Self::default();
        let note = ends.clone();
        let builder = builder.listener(move |event: &SessionEvent| {
            if let SessionEvent::Disconnected { reason, .. } = event {
                let end = (reason.clone(), Instant::now());
                note.0.lock().unwrap().push(end);
            }
        });
        (ends, builder)
    }

    /// The first end; none within [`PATIENCE`] is a failure.
    async fn first(&self) -> (CloseReason, Instant) {
        let start = Instant::now();
        while self.is_empty() {
            assert!(start.elapsed() < PATIENCE, "no session ends");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.0.lock().unwrap()[0].clone()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

#[tokio::test(start_paused = true)]
async fn reader_that_takes_nothing_is_closed_after_ten_seconds() {
    let (ends, builder) = Ends::of(open_broker());
    let app = test_app(builder);
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.x").await;
    // More than a socket takes, and far less than an outbox.
    for _ in 0..3 {
        anna.send_and_wait("/topic/open.x", "x".repeat(50_000))
            .await;
    }
    let start = Instant::now();
    let (reason, end) = ends.first().await;
    assert_eq!(reason, CloseReason::SlowConsumer);
    let waited = end - start;
    assert!(
        (9_900..=10_100).contains(&waited.as_millis()),
        "closed after {waited:?}"
    );
    let code = loop {
        if let Received::Closed(code) = lazy.receive().await {
            break code;
        }
    };
    assert_eq!(code, Some(4500));
}

#[tokio::test(start_paused = true)]
async fn reader_that_takes_a_little_each_time_stays() {
    let (ends, builder) = Ends::of(open_broker());
    let app = test_app(builder);
    let mut anna = app.connect("customer", "anna").await;
    let mut slow = app.connect("customer", "slow").await;
    slow.subscribe("s", "/topic/open.x").await;
    for n in 0..20 {
        let body = format!("{n} {}", "x".repeat(20_000));
        anna.send_and_wait("/topic/open.x", body).await;
    }
    // Nothing is ever written out, and for minutes something waits.
    for n in 0..20 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        let message = slow.message().await;
        assert!(message.body.starts_with(format!("{n} ").as_bytes()));
        assert!(ends.is_empty(), "closed after {n} messages");
    }
}

#[tokio::test]
async fn socket_that_takes_nothing_is_closed() {
    let mut limits = Limits::default();
    limits.write_stall = Duration::from_millis(500);
    let (ends, builder) = Ends::of(Stompline::builder::<()>().limits(limits));
    let app = builder.build().unwrap();
    let address = serve(axum::Router::new().merge(app.endpoint("/ws"))).await;
    let stream = open(address, "/ws", &[]).await.unwrap();
    let mut lazy = TestClient::new(stream, Transport::WebSocket);
    lazy.connect().await;
    lazy.subscribe("s", "/topic/x").await;
    // One message may be larger than the outbox; this one is larger than what the system takes for a socket.
    let message = Message::text("x".repeat(64 * 1024 * 1024));
    let messenger = app.messenger();
    let sent = messenger.publish(Outgoing::topic("/topic/x", message));
    assert_eq!(sent.await.unwrap(), 1);
    let (reason, _) = ends.first().await;
    assert_eq!(reason, CloseReason::SlowConsumer);
}
