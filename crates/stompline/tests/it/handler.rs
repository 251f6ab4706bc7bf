use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use stompline::{
    FromParts, Headers, Json, Messenger, Parts, Pending, Rejection, SentTo, Session, State,
    Stompline, ToTopic, ToUser, Variables, auth::Principal, testing::TestApp,
};
use stompline_proto::Command;
use tokio::sync::oneshot;

use crate::support::{frame, header, test_app};

#[tokio::test]
async fn reply_reaches_topic() {
    let app = test_app(
        Stompline::builder().message("/increment", async |Json(n): Json<u32>| {
            ToTopic::new("/topic/n", Json(n + 1))
        }),
    );
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/topic/n").await;
    anna.send("/app/increment", "5").await;
    let message = anna.message().await;
    assert_eq!(
        (message.body.as_ref(), header(&message, "content-type")),
        (&b"6"[..], "application/json")
    );
}

#[tokio::test]
async fn subscribe_handler_answers_once() {
    let app = test_app(
        Stompline::builder().subscribe("/rooms/{room}", async |room: Variables| {
            room.get("room").unwrap_or_default().to_owned()
        }),
    );
    let mut anna = app.connect("customer", "anna").await;
    for room in ["7", "8"] {
        anna.subscribe("n", &format!("/app/rooms/{room}")).await;
        let message = anna.message().await;
        assert_eq!(
            (message.body, message.headers.find("subscription")),
            (room.into(), Some("n"))
        );
    }
}

#[tokio::test]
async fn arguments_come_from_the_frame() {
    #[allow(
        clippy::too_many_arguments,
        reason = "the most that a handler may have"
    )]
    async fn show(
        user: Principal,
        State(greeting): State<String>,
        session: Arc<Session>,
        variables: Variables,
        headers: Headers,
        SentTo(destination): SentTo,
        _messenger: Messenger,
        body: String,
    ) -> ToUser<String> {
        let text = format!(
            "{greeting} {} {} {} {} {destination} {body}",
            user.name(),
            session.endpoint(),
            variables.get("room").unwrap(),
            headers.find("colour").unwrap(),
        );
        ToUser::new("/queue/shown", text)
    }
    let builder = Stompline::builder()
        .message("/room/{room}", show)
        .with_state("hello".to_owned());
    let app = test_app(builder);
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("s", "/user/queue/shown").await;
    let send = frame(
        Command::Send,
        &[("destination", "/app/room/7"), ("colour", "red")],
    );
    anna.transmit(&send.body("b")).await;
    assert_eq!(
        anna.message().await.body,
        "hello anna /test 7 red /app/room/7 b"
    );
}

#[tokio::test]
async fn own_argument_may_refuse() {
    struct Adult;
    impl<S: Sync> FromParts<S> for Adult {
        type Rejection = Rejection;
        async fn from_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
            match parts
                .headers
                .find("age")
                .and_then(|age| age.parse::<u32>().ok())
            {
                Some(18..) => Ok(Self),
                _ => Err(Rejection::new("too_young", "come back later")),
            }
        }
    }
    let app = test_app(Stompline::builder().message("/enter", async |_: Adult| {}));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("e", "/user/queue/errors").await;
    anna.send("/app/enter", "").await;
    assert_eq!(header(&anna.message().await, "code"), "too_young");
    let send = frame(
        Command::Send,
        &[
            ("destination", "/app/enter"),
            ("age", "20"),
            ("receipt", "r"),
        ],
    );
    anna.transmit(&send).await;
    anna.await_receipt("r").await;
}

#[tokio::test]
async fn reply_to_user_reaches_all_or_one_session() {
    let app = test_app(
        Stompline::builder()
            .message("/all", async || ToUser::new("/queue/a", "all"))
            .message("/one", async || {
                ToUser::new("/queue/a", "one").session_only()
            }),
    );
    let mut first = app.connect("customer", "joe").await;
    let mut second = app.connect("customer", "joe").await;
    first.subscribe("s", "/user/queue/a").await;
    second.subscribe("t", "/user/queue/a").await;
    first.send("/app/one", "").await;
    first.send("/app/all", "").await;
    assert_eq!(first.message().await.body, "one");
    assert_eq!(first.message().await.body, "all");
    let message = second.message().await;
    assert_eq!(
        (message.body.as_ref(), header(&message, "destination")),
        (&b"all"[..], "/user/queue/a")
    );
}

/// Handlers whose results the test decides.
#[derive(Clone, Default)]
struct Desk(Arc<Mutex<Vec<oneshot::Sender<()>>>>);

fn pending_app() -> (TestApp, Desk) {
    let desk = Desk::default();
    let builder = Stompline::builder()
        .message("/slow", async |State(desk): State<Desk>, body: String| {
            let (done, wait) = oneshot::channel();
            desk.0.lock().unwrap().push(done);
            Pending(async move {
                wait.await
                    .map_err(|_| Rejection::new("lost", "nobody decided"))?;
                Ok::<_, Rejection>(ToUser::new("/queue/done", body))
            })
        })
        .message("/fast", async |body: String| {
            ToUser::new("/queue/done", body)
        })
        .with_state(desk.clone());
    (test_app(builder), desk)
}

#[tokio::test]
async fn pending_results_leave_in_frame_order() {
    let (app, desk) = pending_app();
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("d", "/user/queue/done").await;
    for (destination, body) in [("/app/slow", "1"), ("/app/slow", "2"), ("/app/fast", "3")] {
        let send = frame(
            Command::Send,
            &[("destination", destination), ("receipt", body)],
        );
        anna.transmit(&send.body(body)).await;
    }
    let mut waiting = Vec::new();
    while waiting.len() < 2 {
        tokio::task::yield_now().await;
        waiting.append(&mut desk.0.lock().unwrap());
    }
    for done in waiting.into_iter().rev() {
        done.send(()).unwrap();
    }
    for body in ["1", "2", "3"] {
        assert_eq!(anna.message().await.body, body);
        let receipt = anna.frame().await;
        assert_eq!(
            (receipt.command, header(&receipt, "receipt-id")),
            (Command::Receipt, body)
        );
    }
}

#[tokio::test]
async fn reading_pauses_at_64_pending() {
    let (app, desk) = pending_app();
    let mut anna = app.connect("customer", "anna").await;
    for n in 0..200 {
        anna.send("/app/slow", n.to_string()).await;
    }
    let mut most = 0;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
        most = most.max(desk.0.lock().unwrap().len());
    }
    assert!((64..200).contains(&most), "{most} handlers were called");
}

#[tokio::test(start_paused = true)]
async fn slow_handler_is_cut_off() {
    let app = test_app(Stompline::builder().message("/never", async || {
        std::future::pending::<()>().await;
    }));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("e", "/user/queue/errors").await;
    anna.send("/app/never", "").await;
    assert_eq!(header(&anna.message().await, "code"), "timeout");
}

#[tokio::test]
async fn panicking_handler_hurts_nobody() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let app = test_app(Stompline::builder().message("/panic", async || {
        CALLS.fetch_add(1, Ordering::Relaxed);
        assert!(CALLS.load(Ordering::Relaxed) == 0, "the handler's own bug");
    }));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("e", "/user/queue/errors").await;
    for _ in 0..2 {
        anna.send("/app/panic", "").await;
        assert_eq!(header(&anna.message().await, "code"), "internal");
    }
}

#[tokio::test]
async fn burst_leaves_no_more_results_pending_than_allowed() {
    let started = Arc::new(AtomicU32::new(0));
    let (release, released) = tokio::sync::watch::channel(false);
    let count = Arc::clone(&started);
    let wait = move || {
        let (count, mut released) = (Arc::clone(&count), released.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            Pending(async move {
                let _ = released.wait_for(|released| *released).await;
                Ok::<_, Rejection>(())
            })
        }
    };
    let app = test_app(Stompline::builder().message("/wait", wait));
    let mut anna = app.connect("customer", "anna").await;
    let mut burst = Vec::new();
    for n in 0..200 {
        let receipt = n.to_string();
        let send = frame(
            Command::Send,
            &[("destination", "/app/wait"), ("receipt", &receipt)],
        );
        stompline_proto::encode(&send, stompline_proto::Version::V1_2, &mut burst);
    }
    anna.transmit_raw(&burst).await;
    while started.load(Ordering::SeqCst) < 64 {
        tokio::task::yield_now().await;
    }
    // Whatever could still start has its chance.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(started.load(Ordering::SeqCst), 64);
    release.send(true).unwrap();
    for n in 0..200 {
        anna.await_receipt(&n.to_string()).await;
    }
}
