use std::sync::{Arc, Mutex};

use stompline::{CloseReason, SessionEvent, Stompline, testing::TestApp};
use stompline_proto::Command;

use crate::support::{frame, open_broker, test_app};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn app(&self) -> TestApp {
        let log = Arc::clone(&self.0);
        test_app(Stompline::builder().listener(move |event: &SessionEvent| {
            log.lock().unwrap().push(match event {
                SessionEvent::Connecting(_) => "connecting".to_owned(),
                SessionEvent::Connected(session) => {
                    format!("connected {}", session.principal().name())
                }
                SessionEvent::Subscribed { destination, .. } => format!("subscribed {destination}"),
                SessionEvent::Unsubscribed { id, .. } => format!("unsubscribed {id}"),
                SessionEvent::Disconnected { reason, .. } => {
                    format!("disconnected {}", reason.label())
                }
                _ => "unknown".to_owned(),
            });
        }))
    }

    async fn until_disconnected(&self) -> Vec<String> {
        loop {
            let log = self.0.lock().unwrap().clone();
            if log
                .last()
                .is_some_and(|last| last.starts_with("disconnected"))
            {
                return log;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn events_come_once_and_in_order() {
    let log = Log::default();
    let app = log.app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/x").await;
    anna.transmit(&frame(Command::Unsubscribe, &[("id", "s")]))
        .await;
    anna.transmit(&frame(Command::Disconnect, &[("receipt", "bye")]))
        .await;
    anna.await_receipt("bye").await;
    drop(anna);
    assert_eq!(
        log.until_disconnected().await,
        [
            "connecting",
            "connected anna",
            "subscribed /topic/x",
            "unsubscribed s",
            "disconnected disconnect"
        ]
    );
}

#[tokio::test]
async fn every_end_has_its_reason() {
    for (end, reason) in [
        ("drop", "lost"),
        ("bad", "protocol"),
        ("kick", "kicked"),
        ("close 1000", "disconnect"),
        ("close 1001", "disconnect"),
        ("close", "disconnect"),
        ("close 4000", "lost"),
    ] {
        let log = Log::default();
        let app = log.app();
        let mut anna = app.connect("customer", "anna").await;
        match end {
            "drop" => drop(anna),
            "bad" => anna.transmit_raw(b"BAD\n\n\0").await,
            close if close.starts_with("close") => {
                let code = close.strip_prefix("close ");
                anna.close(code.map(|code| code.parse().unwrap())).await;
            }
            _ => app.app().sessions("customer", "anna").unwrap()[0]
                .end(CloseReason::Kicked("x".into())),
        }
        let events = log.until_disconnected().await;
        assert_eq!(
            events,
            [
                "connecting",
                "connected anna",
                &format!("disconnected {reason}")
            ]
        );
        assert_eq!(app.app().stats().sessions_open, 0);
    }
}

#[tokio::test]
async fn shutdown_closes_everybody_with_1001() {
    let log = Log::default();
    let app = log.app();
    let mut anna = app.connect("customer", "anna").await;
    let stopping = app.app().clone();
    let stop = tokio::spawn(async move { stopping.shutdown(std::time::Duration::ZERO).await });
    assert_eq!(anna.closed().await, Some(1001));
    drop(anna);
    stop.await.unwrap();
    assert_eq!(
        log.until_disconnected().await.last().unwrap(),
        "disconnected drain"
    );
}

#[tokio::test]
async fn frames_before_a_close_are_handled() {
    let app = test_app(open_broker());
    let mut bob = app.connect("customer", "bob").await;
    bob.subscribe("s", "/topic/open.x").await;
    for code in [Some(1000), None] {
        let mut anna = app.connect("customer", "anna").await;
        let send = frame(
            Command::Send,
            &[("destination", "/topic/open.x"), ("receipt", "r")],
        );
        // Both lie in one read of the server.
        anna.transmit(&send.body("last words")).await;
        anna.close(code).await;
        assert_eq!(bob.message().await.body, "last words");
        anna.await_receipt("r").await;
        assert_eq!(anna.closed().await, code);
    }
}
