use stompline::Stompline;

use crate::support::{header, test_app};

#[tokio::test]
async fn message_reaches_every_session_of_its_user_only() {
    let app = test_app(Stompline::builder());
    let mut first = app.connect("customer", "joe").await;
    let mut second = app.connect("customer", "joe").await;
    let mut agent = app.connect("agent", "joe").await;
    for client in [&mut first, &mut second, &mut agent] {
        client.subscribe("s", "/user/queue/a").await;
    }
    let messenger = app.app().messenger();
    let reached = messenger
        .send_to_user_in(("customer", "joe"), "/queue/a", "private")
        .await;
    assert_eq!(reached.unwrap(), 2);
    for client in [&mut first, &mut second] {
        let message = client.message().await;
        assert_eq!(
            (message.body.as_ref(), header(&message, "destination")),
            (&b"\"private\""[..], "/user/queue/a")
        );
    }
    assert_eq!(
        messenger
            .send_to_user("joe", "/queue/a", "both")
            .await
            .unwrap(),
        3
    );
    assert_eq!(agent.message().await.body, "\"both\"");
    assert_eq!(
        messenger
            .send_to_user("nobody", "/queue/a", "x")
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn eleventh_session_ends_the_longest_idle_one() {
    let app = test_app(Stompline::builder());
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(app.connect("customer", "joe").await);
    }
    for client in sessions.iter_mut().skip(1) {
        client.subscribe("s", "/user/queue/a").await;
    }
    let _eleventh = app.connect("customer", "joe").await;
    assert_eq!(sessions[0].closed().await, Some(4409));
    assert_eq!(app.app().sessions("customer", "joe").unwrap().len(), 10);
}

#[tokio::test]
async fn kicked_session_learns_why() {
    let app = test_app(Stompline::builder());
    let mut joe = app.connect("customer", "joe").await;
    let id = app.app().sessions("customer", "joe").unwrap()[0]
        .id()
        .to_owned();
    assert!(app.app().kick(&id, "enough"));
    assert_eq!(joe.closed().await, Some(4409));
    assert!(!app.app().kick("nobody", ""));
}
