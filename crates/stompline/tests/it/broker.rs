use stompline::{Json, Stompline, ToTopic, testing::TestApp};
use stompline_proto::{Command, Frame};

fn app() -> TestApp {
    let app = Stompline::builder()
        .message("/increment", async |Json(n): Json<u32>| {
            ToTopic::new("/topic/n", Json(n + 1))
        })
        .subscribe("/number", async || Json(42))
        .build()
        .unwrap();
    TestApp::new(app)
}

#[tokio::test]
async fn handler_reply_reaches_topic() {
    let app = app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/n").await;
    anna.send("/app/increment", "5").await;
    let message = anna.message().await;
    assert_eq!(message.body, "6");
    assert_eq!(message.headers.find("destination"), Some("/topic/n"));
    assert_eq!(message.headers.find("subscription"), Some("s"));
}

#[tokio::test]
async fn subscribe_handler_answers_once() {
    let app = app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("n", "/app/number").await;
    let message = anna.message().await;
    assert_eq!(
        (message.body.as_ref(), message.headers.find("subscription")),
        (&b"42"[..], Some("n"))
    );
    anna.subscribe("n", "/app/number").await;
    assert_eq!(
        anna.message().await.headers.find("destination"),
        Some("/app/number")
    );
}

#[tokio::test]
async fn send_to_topic_is_forbidden() {
    let app = app();
    let mut anna = app.connect("customer", "anna").await;
    let send = Frame::new(Command::Send)
        .header("destination", "/topic/n")
        .header("receipt", "r");
    anna.transmit(&send.body("x")).await;
    let (error, code) = anna.error().await;
    assert_eq!(error.headers.find("code"), Some("forbidden"));
    assert_eq!(error.headers.find("receipt-id"), Some("r"));
    assert_eq!(code, Some(1008));
}
