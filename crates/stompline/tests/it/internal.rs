//! What fails inside is for the log, not for clients.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex, OnceLock},
};

use stompline::{
    BoxFuture, Pending, Rejection, Stompline, Transport,
    auth::{AuthError, Authenticator, Credentials, Principal},
    testing::TestClient,
};
use stompline_proto::{Command, Frame};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::support::{frame, header, open, serve, test_app};

const SECRET: &str = "postgres://chat:hunter2@10.0.0.7";

/// Keeps what this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        event.record(&mut Line(&mut text));
        text.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // While there is one subscriber only, what another thread's lack of one has decided would count for this thread too.
        static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| tracing::Dispatch::new(Self::default()));
        let log = Self::default();
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    fn has(&self, text: &str) -> bool {
        self.0.lock().unwrap().contains(text)
    }
}

/// Nothing of a frame says what happened inside.
fn assert_silent(told: &Frame) {
    let body = String::from_utf8_lossy(&told.body);
    let all = format!("{:?} {body}", told.headers);
    for part in ["postgres", "hunter2", "10.0.0.7", "panic"] {
        assert!(!all.contains(part), "{all}");
    }
}

fn panicking() -> stompline::testing::TestApp {
    let at_once = async || {
        assert!(SECRET.is_empty(), "{SECRET} is gone");
    };
    let later = async || {
        Pending(async {
            assert!(SECRET.is_empty(), "{SECRET} is gone");
            Ok::<(), Rejection>(())
        })
    };
    let snapshot = async || -> String { panic!("{SECRET} is gone") };
    test_app(
        Stompline::builder()
            .message("/now", at_once)
            .message("/later", later)
            .subscribe("/snapshot", snapshot),
    )
}

#[tokio::test]
async fn panic_of_a_handler_is_told_as_internal_and_logged() {
    for destination in ["/app/now", "/app/later"] {
        let (log, _guard) = Log::start();
        let app = panicking();
        let mut anna = app.connect("customer", "anna").await;
        anna.subscribe("e", "/user/queue/errors").await;
        anna.send(destination, "").await;
        let told = anna.message().await;
        assert_eq!(header(&told, "code"), "internal", "{destination}");
        assert_silent(&told);
        assert!(log.has(SECRET), "the log says nothing of {destination}");
        // Nobody hears the next one but by ERROR.
        let mut joe = app.connect("customer", "joe").await;
        let send = [("destination", destination), ("receipt", "r")];
        joe.transmit(&frame(Command::Send, &send)).await;
        let (error, _) = joe.error().await;
        assert_eq!(header(&error, "code"), "internal");
        assert_silent(&error);
    }
}

#[tokio::test]
async fn panic_of_a_subscribe_handler_is_an_error_without_details() {
    let (log, _guard) = Log::start();
    let mut anna = panicking().connect("customer", "anna").await;
    let subscribe = [("id", "s"), ("destination", "/app/snapshot")];
    anna.transmit(&frame(Command::Subscribe, &subscribe)).await;
    let (error, _) = anna.error().await;
    assert_eq!(header(&error, "code"), "internal");
    assert_silent(&error);
    assert!(log.has(SECRET));
}

/// Depends on a service that is away.
struct Away;

impl Authenticator for Away {
    fn authenticate<'a>(
        &'a self,
        _: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        Box::pin(async { Err(AuthError::unavailable(SECRET)) })
    }
}

#[tokio::test]
async fn failure_of_an_authenticator_is_logged_and_not_told() {
    let (log, _guard) = Log::start();
    let app = Stompline::builder::<()>().build().unwrap();
    let endpoint = app.endpoint("/ws").authenticate(Away);
    let address = serve(axum::Router::new().merge(endpoint.late_authentication(true))).await;
    let (status, answer) = open(address, "/ws?token=t", &[]).await.unwrap_err();
    assert_eq!(status, 503);
    assert!(!answer.contains("postgres"), "{answer}");
    assert!(log.has(SECRET), "the reason of 503 is not in the log");
    log.0.lock().unwrap().clear();
    let stream = open(address, "/ws", &[]).await.unwrap();
    let mut anna = TestClient::new(stream, Transport::WebSocket);
    let connect = [("accept-version", "1.2"), ("token", "t")];
    anna.transmit(&frame(Command::Connect, &connect)).await;
    let (error, _) = anna.error().await;
    assert_eq!(header(&error, "code"), "auth_unavailable");
    assert_silent(&error);
    assert!(log.has(SECRET), "the reason of the ERROR is not in the log");
}
