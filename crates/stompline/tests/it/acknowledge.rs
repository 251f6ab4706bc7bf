use std::sync::{Arc, Mutex};

use stompline::{CloseReason, SessionEvent};
use stompline_proto::Command;

use crate::support::{frame, header, open_broker, test_app};

#[tokio::test]
async fn ack_header_only_where_it_is_needed() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    for (id, ack) in [("a", "auto"), ("c", "client"), ("i", "client-individual")] {
        let destination = format!("/topic/open.{id}");
        let headers = [
            ("id", id),
            ("destination", &*destination),
            ("ack", ack),
            ("receipt", id),
        ];
        anna.transmit(&frame(Command::Subscribe, &headers)).await;
        anna.await_receipt(id).await;
        anna.send(&destination, "x").await;
        let message = anna.message().await;
        let id_and_ack = (
            header(&message, "message-id").to_owned(),
            message.headers.find("ack"),
        );
        match ack {
            "auto" => assert_eq!(id_and_ack.1, None),
            _ => assert_eq!(id_and_ack.1, Some(&*id_and_ack.0)),
        }
        let settle = [
            ("id", &*id_and_ack.0),
            ("subscription", id),
            ("receipt", "ack"),
        ];
        anna.transmit(&frame(Command::Ack, &settle)).await;
        anna.await_receipt("ack").await;
    }
    anna.transmit(&frame(
        Command::Ack,
        &[("id", "undefined"), ("subscription", "a"), ("receipt", "r")],
    ))
    .await;
    anna.await_receipt("r").await;
}

#[tokio::test(start_paused = true)]
async fn reader_that_never_acks_hears_why_it_is_closed() {
    let reason = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&reason);
    let app = test_app(open_broker().listener(move |event: &SessionEvent| {
        if let SessionEvent::Disconnected { reason, .. } = event {
            *heard.lock().unwrap() = Some(reason.clone());
        }
    }));
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    let headers = [
        ("id", "s"),
        ("destination", "/topic/open.x"),
        ("ack", "client"),
        ("receipt", "r"),
    ];
    lazy.transmit(&frame(Command::Subscribe, &headers)).await;
    lazy.await_receipt("r").await;
    for _ in 0..1_000 {
        anna.send_and_wait("/topic/open.x", "x").await;
    }
    anna.send_and_wait("/topic/open.x", "one too many").await;
    for _ in 0..1_000 {
        assert_eq!(lazy.message().await.body, "x");
    }
    assert_eq!(lazy.closed().await, Some(4500));
    let reason = loop {
        if let Some(reason) = reason.lock().unwrap().take() {
            break reason;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(reason, CloseReason::Unacknowledged);
}
