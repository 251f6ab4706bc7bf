use std::time::Duration;

use stompline::{
    Realm, Stompline, Transport, UserName,
    auth::Principal,
    testing::{Received, TestApp},
};
use stompline_proto::Command;
use tokio::time::Instant;

use crate::support::{Client, frame, header, test_app};

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

const TRANSPORTS: [Transport; 2] = [Transport::WebSocket, Transport::SockJsWebSocket];

/// What comes next within some minutes, which is longer than anything here is apart.
async fn next(client: &mut Client) -> Received {
    tokio::time::timeout(Duration::from_mins(5), client.receive())
        .await
        .expect("something comes")
}

/// A client of that transport that agrees to these heart-beats.
async fn beating(app: &TestApp, transport: Transport, beats: &str) -> Client {
    let anna = Principal::new(
        Realm::new("customer").unwrap(),
        UserName::new("anna").unwrap(),
    );
    let mut anna = app.open_as(anna, transport);
    anna.connect_with(&[("accept-version", "1.2"), ("heart-beat", beats)])
        .await;
    anna
}

#[tokio::test(start_paused = true)]
async fn client_without_beats_gets_a_sign_of_life() {
    let app = test_app(Stompline::builder());
    for transport in TRANSPORTS {
        let mut anna = beating(&app, transport, "0,0").await;
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(next(&mut anna).await, Received::KeepAlive, "{transport:?}");
            assert_eq!(start.elapsed().as_secs(), 25, "{transport:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_a_sign_of_life_too() {
    let app = test_app(Stompline::builder());
    let mut anna = beating(&app, Transport::WebSocket, "0,0").await;
    anna.subscribe("s", "/topic/x").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let sent = app.app().messenger().send("/topic/x", "news").await;
        assert_eq!(sent.unwrap(), 1);
        assert_eq!(anna.message().await.body, "\"news\"");
    }
    let start = Instant::now();
    assert_eq!(next(&mut anna).await, Received::KeepAlive);
    assert_eq!(start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn client_with_beats_gets_nothing_else() {
    let app = test_app(Stompline::builder());
    for transport in TRANSPORTS {
        let mut anna = beating(&app, transport, "0,10000").await;
        for _ in 0..10 {
            assert_eq!(next(&mut anna).await, Received::Heartbeat, "{transport:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rare_beats_are_helped_out_by_sockjs_only() {
    let app = test_app(Stompline::builder());
    for (transport, helped) in TRANSPORTS.into_iter().zip([false, true]) {
        let mut anna = beating(&app, transport, "0,60000").await;
        let mut seen = Vec::new();
        while seen.len() < 10 {
            seen.push(next(&mut anna).await);
        }
        let kinds = |kind: &Received| seen.iter().filter(|one| *one == kind).count();
        assert_eq!(kinds(&Received::KeepAlive) > 0, helped, "{transport:?}");
        assert!(kinds(&Received::Heartbeat) >= 3, "{transport:?}: {seen:?}");
    }
}
