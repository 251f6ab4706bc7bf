use stompline::{Json, Stompline, ToTopic};
use stompline_proto::Command;

use crate::support::{Client, frame, header, open_broker, test_app};

async fn step(client: &mut Client, command: Command, headers: &[(&str, &str)], body: &str) {
    let receipt = format!("{command:?}-{body}");
    let sent = headers
        .iter()
        .fold(frame(command, &[("receipt", &receipt)]), |f, (n, v)| {
            f.header(n, v)
        });
    client.transmit(&sent.body(body.to_owned())).await;
    client.await_receipt(&receipt).await;
}

#[tokio::test]
async fn commit_delivers_in_order_and_abort_nothing() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/open.x").await;
    for (end, bodies) in [(Command::Abort, ["1", "2"]), (Command::Commit, ["3", "4"])] {
        step(&mut anna, Command::Begin, &[("transaction", "t")], "").await;
        for body in bodies {
            step(
                &mut anna,
                Command::Send,
                &[("destination", "/topic/open.x"), ("transaction", "t")],
                body,
            )
            .await;
        }
        step(&mut anna, end, &[("transaction", "t")], "").await;
    }
    assert_eq!(anna.message().await.body, "3");
    assert_eq!(anna.message().await.body, "4");
}

#[tokio::test]
async fn refused_frame_stops_the_rest_of_commit() {
    let app = test_app(
        Stompline::builder().message("/n", async |Json(n): Json<u32>| {
            ToTopic::new("/topic/n", Json(n))
        }),
    );
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/n").await;
    anna.subscribe("e", "/user/queue/errors").await;
    step(&mut anna, Command::Begin, &[("transaction", "t")], "").await;
    for body in ["1", "not a number", "3"] {
        step(
            &mut anna,
            Command::Send,
            &[("destination", "/app/n"), ("transaction", "t")],
            body,
        )
        .await;
    }
    anna.transmit(&frame(
        Command::Commit,
        &[("transaction", "t"), ("receipt", "commit")],
    ))
    .await;
    assert_eq!(anna.message().await.body, "1");
    let refusal = anna.message().await;
    assert_eq!(
        (header(&refusal, "code"), header(&refusal, "receipt-id")),
        ("bad_request", "commit")
    );
}

#[tokio::test]
async fn forbidden_send_is_refused_when_staged() {
    let app = test_app(open_broker());
    let mut anna = app.connect("customer", "anna").await;
    step(&mut anna, Command::Begin, &[("transaction", "t")], "").await;
    let send = frame(
        Command::Send,
        &[
            ("destination", "/topic/closed"),
            ("transaction", "t"),
            ("receipt", "r"),
        ],
    );
    anna.transmit(&send).await;
    let (error, _) = anna.error().await;
    assert_eq!(
        (header(&error, "code"), header(&error, "receipt-id")),
        ("forbidden", "r")
    );
}

#[tokio::test]
async fn transaction_ends_with_its_session() {
    let app = test_app(open_broker());
    let mut reader = app.connect("customer", "reader").await;
    reader.subscribe("s", "/topic/open.x").await;
    let mut anna = app.connect("customer", "anna").await;
    step(&mut anna, Command::Begin, &[("transaction", "t")], "").await;
    step(
        &mut anna,
        Command::Send,
        &[("destination", "/topic/open.x"), ("transaction", "t")],
        "lost",
    )
    .await;
    anna.transmit(&frame(Command::Disconnect, &[("receipt", "bye")]))
        .await;
    anna.await_receipt("bye").await;
    reader.send("/topic/open.x", "next").await;
    assert_eq!(reader.message().await.body, "next");
}
