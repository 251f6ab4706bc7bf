use std::time::Duration;

use stompline::{Stompline, testing::Received};
use stompline_proto::Command;
use tokio::time::Instant;

use crate::support::{frame, header, test_app};

#[tokio::test(start_paused = true)]
async fn server_beats_within_the_agreed_interval() {
    let app = test_app(Stompline::builder());
    let mut anna = app.open("customer", "anna");
    let connected = anna
        .connect_with(&[("accept-version", "1.2"), ("heart-beat", "0,10000")])
        .await;
    assert_eq!(header(&connected, "heart-beat"), "20000,45000");
    let mut last = Instant::now();
    for _ in 0..5 {
        assert_eq!(anna.receive().await, Received::Heartbeat);
        assert!(
            last.elapsed() <= Duration::from_secs(20),
            "{:?}",
            last.elapsed()
        );
        assert!(
            last.elapsed() >= Duration::from_secs(15),
            "{:?}",
            last.elapsed()
        );
        last = Instant::now();
    }
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_closed_after_three_intervals() {
    let app = test_app(Stompline::builder());
    let mut anna = app.open("customer", "anna");
    anna.connect_with(&[("accept-version", "1.2"), ("heart-beat", "10000,0")])
        .await;
    let start = Instant::now();
    assert_eq!(anna.closed().await, Some(4408));
    let silent = start.elapsed().as_secs();
    assert!((134..=137).contains(&silent), "{silent} s");
}

#[tokio::test(start_paused = true)]
async fn beating_client_stays() {
    let app = test_app(Stompline::builder());
    let mut anna = app.open("customer", "anna");
    anna.connect_with(&[("accept-version", "1.2"), ("heart-beat", "10000,0")])
        .await;
    for _ in 0..20 {
        tokio::time::advance(Duration::from_mins(1)).await;
        anna.transmit_raw(b"\n").await;
        tokio::task::yield_now().await;
    }
    anna.transmit(&frame(Command::Disconnect, &[("receipt", "r")]))
        .await;
    anna.await_receipt("r").await;
}

#[tokio::test(start_paused = true)]
async fn connection_without_connect_is_closed() {
    let app = test_app(Stompline::builder());
    let mut anna = app.open("customer", "anna");
    let start = Instant::now();
    assert_eq!(anna.closed().await, Some(4408));
    assert_eq!(start.elapsed().as_secs(), 10);
}
