use std::{sync::Arc, time::Duration};

use stompline::{
    DestinationPattern, Limits, Messenger, Overflow, Pending, Rejection, Stompline,
    auth::Principal, testing::Received,
};
use stompline_proto::{Command, Frame};
use tokio::sync::Notify;

use crate::support::{Client, frame, header, open_broker, test_app};

fn small_outboxes() -> Limits {
    let mut limits = Limits::default();
    limits.outbox_bytes_max = 16 * 1024;
    limits
}

/// Reads to the end, which has to come within a minute.
async fn close_code(client: &mut Client) -> Option<u16> {
    let closed = async {
        loop {
            if let Received::Closed(code) = client.receive().await {
                return code;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), closed)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn reader_that_stops_is_closed_and_delays_nobody() {
    let app = test_app(open_broker().limits(small_outboxes()));
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    let mut eager = app.connect("customer", "eager").await;
    lazy.subscribe("s", "/topic/open.x").await;
    eager.subscribe("s", "/topic/open.x").await;
    let body = "x".repeat(1_000);
    for _ in 0..200 {
        anna.send_and_wait("/topic/open.x", body.clone()).await;
        eager.message().await;
    }
    let mut received = 0;
    let code = loop {
        match lazy.receive().await {
            Received::Closed(code) => break code,
            _ => received += 1,
        }
    };
    assert_eq!(code, Some(4500));
    assert!(
        received < 200,
        "{received} messages came, so nothing was ever full"
    );
}

#[tokio::test(start_paused = true)]
async fn conflated_messages_keep_the_newest() {
    let quotes = DestinationPattern::parse("/topic/open.*").unwrap();
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .overflow(quotes, Overflow::Conflate),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.x").await;
    let padding = "x".repeat(1_000);
    for n in 0..300 {
        let send = frame(
            Command::Send,
            &[
                ("destination", "/topic/open.x"),
                ("key", "IBM"),
                ("n", &n.to_string()),
                ("receipt", "r"),
            ],
        );
        anna.transmit(&send.body(padding.clone())).await;
        anna.await_receipt("r").await;
    }
    let mut numbers = Vec::new();
    while numbers.last() != Some(&299) {
        let message = tokio::time::timeout(Duration::from_mins(1), lazy.message())
            .await
            .unwrap();
        numbers.push(message.headers.find("n").unwrap().parse::<u32>().unwrap());
    }
    assert!(
        numbers.is_sorted() && numbers.len() < 300,
        "{} messages",
        numbers.len()
    );
}

#[tokio::test(start_paused = true)]
async fn oldest_messages_make_room_where_they_may() {
    let prices = DestinationPattern::parse("/topic/open.*").unwrap();
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .overflow(prices, Overflow::DropOldest),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.x").await;
    let padding = "x".repeat(1_000);
    for n in 0..300 {
        anna.send_and_wait("/topic/open.x", format!("{n} {padding}"))
            .await;
    }
    // What is not of such a destination is not dropped for it: this receipt comes.
    lazy.transmit(&frame(
        Command::Send,
        &[("destination", "/topic/open.y"), ("receipt", "own")],
    ))
    .await;
    let mut numbers: Vec<u32> = Vec::new();
    let mut receipts = 0;
    while numbers.last() != Some(&299) || receipts == 0 {
        let frame = tokio::time::timeout(Duration::from_mins(1), lazy.frame())
            .await
            .unwrap();
        if frame.command == Command::Receipt {
            receipts += 1;
            continue;
        }
        let body = std::str::from_utf8(&frame.body).unwrap();
        numbers.push(body.split(' ').next().unwrap().parse().unwrap());
    }
    assert!(
        numbers.is_sorted() && numbers.len() < 300,
        "{} messages",
        numbers.len()
    );
}

#[tokio::test(start_paused = true)]
async fn sender_of_a_burst_is_not_drowned_by_its_own_echoes() {
    // What a handler sends by the messenger waits for nobody; only reading less can keep the outbox from filling.
    let echo = async |user: Principal, messenger: Messenger, body: String| {
        let sent = messenger.send_to_user(user.name().as_str(), "/queue/echo", &body);
        sent.await
            .map(|_| ())
            .map_err(|_| Rejection::new("lost", "lost"))
    };
    let app = test_app(
        Stompline::builder()
            .limits(small_outboxes())
            .message("/echo", echo),
    );
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/user/queue/echo").await;
    let mut burst = Vec::new();
    for n in 0..500 {
        let send = frame(Command::Send, &[("destination", "/app/echo")]);
        let body = format!("{n} {}", "x".repeat(200));
        stompline_proto::encode(&send.body(body), stompline_proto::Version::V1_2, &mut burst);
    }
    anna.transmit_raw(&burst).await;
    for n in 0..500 {
        let message = anna.message().await;
        assert!(message.body.starts_with(format!("\"{n} ").as_bytes()));
    }
}

/// An outbox that is full to its brim of messages that may be dropped.
async fn fill(anna: &mut Client) {
    let padding = "x".repeat(1_000);
    for n in 0..200 {
        anna.send_and_wait("/topic/open.prices", format!("{n} {padding}"))
            .await;
    }
}

fn prices() -> DestinationPattern {
    DestinationPattern::parse("/topic/open.prices").unwrap()
}

/// Everything that waits for `client`, up to the first frame that `ends` it.
async fn read_until(client: &mut Client, ends: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    let mut frames = Vec::new();
    while frames.last().is_none_or(|last| !ends(last)) {
        let frame = tokio::time::timeout(Duration::from_mins(1), client.frame());
        frames.push(frame.await.expect("it comes"));
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn receipt_comes_although_the_outbox_is_full() {
    let done = Arc::new(Notify::new());
    let finish = Arc::clone(&done);
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .overflow(prices(), Overflow::DropOldest)
            .message("/slow", move || {
                let finish = Arc::clone(&finish);
                async move { finish.notified().await }
            }),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.prices").await;
    // Longer than a message, so that there is no room by chance.
    let receipt = "r".repeat(3_000);
    let send = [("destination", "/app/slow"), ("receipt", &*receipt)];
    lazy.transmit(&frame(Command::Send, &send)).await;
    fill(&mut anna).await;
    done.notify_one();
    let frames = read_until(&mut lazy, |frame| frame.command == Command::Receipt).await;
    let last = frames.last().unwrap();
    assert_eq!(header(last, "receipt-id"), receipt);
    assert!(frames.len() < 200, "{} frames", frames.len());
}

#[tokio::test(start_paused = true)]
async fn error_comes_although_the_outbox_is_full() {
    let done = Arc::new(Notify::new());
    let finish = Arc::clone(&done);
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .overflow(prices(), Overflow::DropOldest)
            .message("/slow", move || {
                let finish = Arc::clone(&finish);
                async move {
                    finish.notified().await;
                    Err::<(), _>(Rejection::new("late", "y".repeat(3_000)).fatal())
                }
            }),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.prices").await;
    lazy.send("/app/slow", "").await;
    fill(&mut anna).await;
    done.notify_one();
    let frames = read_until(&mut lazy, |frame| frame.command == Command::Error).await;
    assert_eq!(header(frames.last().unwrap(), "code"), "late");
    assert_eq!(lazy.closed().await, Some(1002));
}

#[tokio::test(start_paused = true)]
async fn error_that_finds_no_room_leaves_its_close_code() {
    let done = Arc::new(Notify::new());
    let finish = Arc::clone(&done);
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .message("/slow", move || {
                let finish = Arc::clone(&finish);
                async move {
                    finish.notified().await;
                    Err::<(), _>(Rejection::new("late", "y".repeat(9_000)).fatal())
                }
            }),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("s", "/topic/open.words").await;
    lazy.send("/app/slow", "").await;
    let padding = "x".repeat(1_000);
    // The socket takes about sixty; none of the others may be dropped.
    for _ in 0..70 {
        anna.send_and_wait("/topic/open.words", padding.clone())
            .await;
    }
    done.notify_one();
    let code = close_code(&mut lazy).await;
    assert_eq!(code, Some(1002), "not that it was too slow");
}

#[tokio::test(start_paused = true)]
async fn only_messages_that_may_be_dropped_make_room() {
    let mut limits = Limits::default();
    limits.outbox_bytes_max = 64 * 1024;
    let app = test_app(
        open_broker()
            .limits(limits)
            .overflow(prices(), Overflow::DropOldest),
    );
    let mut anna = app.connect("customer", "anna").await;
    let mut lazy = app.connect("customer", "lazy").await;
    lazy.subscribe("p", "/topic/open.prices").await;
    lazy.subscribe("w", "/topic/open.words").await;
    let padding = "x".repeat(1_000);
    // The socket takes about sixty.
    for _ in 0..70 {
        anna.send_and_wait("/topic/open.prices", padding.clone())
            .await;
    }
    for word in ["one", "two", "three"] {
        anna.send_and_wait("/topic/open.words", word).await;
    }
    fill(&mut anna).await;
    let frames = read_until(&mut lazy, |frame| frame.body.starts_with(b"199 ")).await;
    assert!(frames.len() < 273, "{} frames", frames.len());
    let words = frames.iter().filter(|frame| frame.body.len() < 10);
    let words: Vec<_> = words.map(|frame| frame.body.as_ref()).collect();
    assert_eq!(words, [&b"one"[..], b"two", b"three"]);
}

#[tokio::test(start_paused = true)]
async fn receipts_that_find_no_room_end_the_session() {
    let app = test_app(
        open_broker()
            .limits(small_outboxes())
            .message("/slow", async || {
                let late = tokio::time::sleep(Duration::from_secs(1));
                Pending(async move {
                    late.await;
                    Ok::<(), Rejection>(())
                })
            }),
    );
    let mut lazy = app.connect("customer", "lazy").await;
    // Sixty results may be pending; their receipts are more than a socket and an outbox take together.
    let receipt = "r".repeat(3_000);
    let send = [("destination", "/app/slow"), ("receipt", &*receipt)];
    for _ in 0..60 {
        lazy.transmit(&frame(Command::Send, &send)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let code = close_code(&mut lazy).await;
    assert_eq!(code, Some(4500), "nothing is lost in silence");
}
