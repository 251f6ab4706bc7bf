//! Clients that send faster than they may: the server reads them later, and nothing else changes.

use std::time::Duration;

use stompline::{Heartbeat, Limits, testing::Received};
use stompline_proto::{Command, Version, encode};
use tokio::time::Instant;

use crate::support::{Client, frame, open_broker, test_app};

fn limited(frames_per_s: u32) -> Limits {
    let mut limits = Limits::default();
    limits.frames_per_s = frames_per_s;
    limits
}

/// So many numbered SENDs at once.
async fn send_all(client: &mut Client, count: u32) {
    let mut burst = Vec::new();
    for n in 0..count {
        let send = frame(Command::Send, &[("destination", "/topic/open.x")]);
        encode(&send.body(n.to_string()), Version::V1_2, &mut burst);
    }
    client.transmit_raw(&burst).await;
}

#[tokio::test(start_paused = true)]
async fn frames_beyond_the_rate_are_read_later_and_none_is_lost() {
    let app = test_app(open_broker().limits(limited(10)));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    let start = Instant::now();
    send_all(&mut anna, 100).await;
    for n in 0..100 {
        assert_eq!(anna.message().await.body, n.to_string());
    }
    // A second's frames pass at once, CONNECT and SUBSCRIBE among them.
    let took = start.elapsed();
    assert!(
        (9_000..=9_500).contains(&took.as_millis()),
        "a hundred frames took {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn others_are_not_held_up() {
    let app = test_app(open_broker().limits(limited(10)));
    let mut anna = app.connect("customer", "anna").await;
    let mut joe = app.connect("customer", "joe").await;
    joe.subscribe("s", "/topic/open.y").await;
    send_all(&mut anna, 100).await;
    let start = Instant::now();
    joe.send_and_wait("/topic/open.y", "at once").await;
    assert_eq!(joe.message().await.body, "at once");
    assert!(start.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn heart_beats_go_on_while_reading_pauses() {
    let mut limits = limited(1);
    limits.heartbeat = Heartbeat {
        send_ms: 250,
        receive_ms: 1_000,
    };
    let app = test_app(open_broker().limits(limits));
    let mut anna = app.open("customer", "anna");
    anna.connect_with(&[("accept-version", "1.2"), ("heart-beat", "1000,250")])
        .await;
    // Every second one of them is handled; the client, with all of it sent, says nothing for longer than it may.
    send_all(&mut anna, 20).await;
    let receipt = [("destination", "/topic/open.x"), ("receipt", "last")];
    anna.transmit(&frame(Command::Send, &receipt)).await;
    let (mut beats, mut last) = (0, Instant::now());
    loop {
        let next = tokio::time::timeout(Duration::from_mins(1), anna.receive());
        match next.await.expect("the session lives") {
            Received::Heartbeat => beats += 1,
            Received::Frame(frame) if frame.command == Command::Receipt => break,
            other => panic!("{other:?}"),
        }
        assert!(
            last.elapsed() <= Duration::from_millis(250),
            "{beats} beats"
        );
        last = Instant::now();
    }
    assert!(beats >= 80, "{beats} beats in twenty seconds");
}
