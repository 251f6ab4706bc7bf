//! A store that fails: what people are told, and what the log is.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::Executor;
use stompline::Stompline;
use stompline::testing::TestApp;
use stompline_chat::app::{Chat, ChatSettings};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::sqlite::SqliteBackend;
use crate::store_suite::Backend;

/// What all tests of this process log as errors: the store has threads of its own.
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
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

fn log() -> Arc<Mutex<String>> {
    static LOG: OnceLock<Arc<Mutex<String>>> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Arc::default();
        let subscriber = Log(Arc::clone(&log));
        tracing::subscriber::set_global_default(subscriber).expect("nobody else logs here");
        log
    });
    Arc::clone(log)
}

#[tokio::test]
async fn failure_of_the_store_is_logged_and_not_told() {
    let log = log();
    let backend = SqliteBackend::create();
    let desk = backend.open().await;
    let chat = Chat::new(desk.store, ChatSettings::default());
    let app = chat.install(Stompline::builder()).with_state(chat.clone());
    let app = TestApp::new(app.build().unwrap());
    chat.start(app.app(), desk.batches);
    let mut anna = app.connect("customer", "anna").await;
    for queue in ["acks", "sync", "errors"] {
        let destination = format!("/user/queue/{queue}");
        anna.subscribe(queue, &destination).await;
    }
    let mut rival = backend.stall().await;
    let damage = "ALTER TABLE message RENAME TO secret_drawer; ALTER TABLE conversation RENAME TO attic; COMMIT";
    rival.execute(damage).await.unwrap();
    for (destination, body) in [
        ("/app/send", r#"{"text":"hello","clientId":"c1"}"#),
        ("/app/sync", r#"{"since":0}"#),
    ] {
        anna.send(destination, body).await;
        let told = anna.message().await;
        let told = String::from_utf8_lossy(&told.body).into_owned();
        assert!(told.contains(r#""code":"unavailable""#), "{told}");
        for part in ["SQL", "sql", "table", "secret_drawer", "attic"] {
            assert!(!told.contains(part), "{destination}: {told}");
        }
        let logged = std::mem::take(&mut *log.lock().unwrap());
        assert!(logged.contains("no such table"), "{destination}: {logged}");
    }
}
