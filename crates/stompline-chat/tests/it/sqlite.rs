//! What only the SQLite store does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::{ConnectOptions, Executor, SqliteConnection};
use stompline_chat::id::ClientId;
use stompline_chat::store::sqlite::{OpenError, SqliteSettings, SqliteStore};
use tempfile::TempDir;

use crate::desk::{Desk, TestClock, code, customer, saying, texts};
use crate::store_suite::Backend;

/// A database file in a directory of its own.
pub(crate) struct SqliteBackend {
    directory: TempDir,
    clock: TestClock,
}

impl SqliteBackend {
    fn path(&self) -> PathBuf {
        self.directory.path().join("chat.db")
    }

    async fn open_with(&self, settings: SqliteSettings) -> Desk {
        let settings = settings.clock(self.clock.clock());
        let (store, batches) = SqliteStore::open(&self.path(), settings).await.unwrap();
        Desk {
            store: Arc::new(store),
            batches,
        }
    }
}

impl Backend for SqliteBackend {
    /// Another connection that holds the write lock; closing it lets go.
    type Stall = SqliteConnection;

    fn create() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: TestClock::new(),
        }
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn open(&self) -> Desk {
        self.open_with(SqliteSettings::default().batches_max(10_000))
            .await
    }

    async fn stall(&self) -> SqliteConnection {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.path())
            .busy_timeout(Duration::from_secs(5));
        let mut rival = options.connect().await.unwrap();
        rival.execute("BEGIN IMMEDIATE").await.unwrap();
        rival
    }
}

async fn open_error(path: &Path) -> OpenError {
    SqliteStore::open(path, SqliteSettings::default())
        .await
        .map(drop)
        .unwrap_err()
}

#[tokio::test]
async fn unusable_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let error = open_error(&file.join("chat.db")).await;
    let text = error.to_string();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    assert!(
        text.starts_with(&format!("cannot write {}", file.display())),
        "{text}"
    );
    assert!(text.contains("choose another one"), "{text}");
}

#[tokio::test]
async fn second_process_is_kept_out() {
    let backend = SqliteBackend::create();
    let desk = backend.open().await;
    let error = open_error(&backend.path()).await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    assert!(
        error.to_string().contains("in use by another process"),
        "{error}"
    );
    desk.store.close().await;
    backend.open().await;
}

#[tokio::test]
async fn foreign_file_is_not_touched() {
    let backend = SqliteBackend::create();
    let letter = "Dear Sir or Madam, this is not a database.".repeat(100);
    fs::write(backend.path(), &letter).unwrap();
    let error = open_error(&backend.path()).await;
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("move it away"), "{error}");
    assert_eq!(fs::read_to_string(backend.path()).unwrap(), letter);
}

#[tokio::test]
async fn newer_tables_are_refused() {
    let backend = SqliteBackend::create();
    backend.open().await.store.close().await;
    let mut rival = backend.stall().await;
    rival
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', TRUE, x'00', 0); COMMIT",
        )
        .await
        .unwrap();
    let error = open_error(&backend.path()).await;
    assert!(matches!(error, OpenError::Unsuitable { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("use the version that wrote them"),
        "{error}"
    );
}

#[tokio::test]
async fn acked_messages_survive_a_crash() {
    let backend = SqliteBackend::create();
    let desk = backend.open().await;
    let anna = customer("7");
    let wanted: Vec<_> = (1..=30).map(|n| n.to_string()).collect();
    let sends = wanted
        .iter()
        .map(|text| desk.submit(saying(&anna, ClientId::fresh(), text)));
    let acks = join_all(sends).await;
    // The files as a killed process leaves them: nothing closed, nothing copied back from the log.
    let after = SqliteBackend::create();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", backend.path().display());
        fs::copy(from, format!("{}{suffix}", after.path().display())).unwrap();
    }
    let desk = after.open().await;
    let id = acks[0].as_ref().unwrap().conversation_id;
    assert_eq!(texts(&desk.messages(&anna, id).await), wanted);
}

#[tokio::test]
async fn full_line_refuses_at_once() {
    let backend = SqliteBackend::create();
    let desk = backend
        .open_with(SqliteSettings::default().queue_commands_max(3))
        .await;
    let anna = customer("7");
    // The writer cannot run before this task waits, so the line fills.
    let sends: Vec<_> = (0..5)
        .map(|_| desk.submit(saying(&anna, ClientId::fresh(), "hello")))
        .collect();
    let results = join_all(sends).await;
    let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 2);
    for error in refused {
        assert_eq!(error.code(), "unavailable");
        assert!(error.retry_after().is_some());
    }
}

#[tokio::test]
async fn stuck_disk_ends_with_the_deadline() {
    let backend = SqliteBackend::create();
    let desk = backend.open().await;
    let anna = customer("7");
    let id = desk.say(&anna, "one").await.conversation_id;
    let stall = backend.stall().await;
    let begun = desk.submit(saying(&anna, ClientId::fresh(), "two"));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let in_line = desk.submit(saying(&anna, ClientId::fresh(), "three"));
    tokio::time::pause();
    assert_eq!(code(begun.await), "unavailable");
    assert_eq!(code(in_line.await), "unavailable");
    tokio::time::resume();
    drop(stall);
    desk.say(&anna, "four").await;
    let found = desk.messages(&anna, id).await;
    // The one that was begun may have happened; the one that only waited was dropped with its deadline.
    assert_eq!(texts(&found), ["one", "two", "four"]);
}

/// Makes the database fail on messages of that text, after the conversation was written.
async fn poison(backend: &SqliteBackend, text: &str, failure: &str) {
    let mut rival = backend.stall().await;
    let trigger = format!(
        "CREATE TRIGGER {failure} BEFORE INSERT ON message WHEN NEW.content LIKE '%{text}%' \
         BEGIN SELECT RAISE ({failure}, 'poisoned'); END; COMMIT"
    );
    rival.execute(&*trigger).await.unwrap();
}

#[tokio::test]
async fn failing_statement_undoes_only_its_command() {
    let backend = SqliteBackend::create();
    let mut desk = backend.open().await;
    let (anna, ben) = (customer("7"), customer("8"));
    poison(&backend, "arsenic", "abort").await;
    let commands = [
        desk.submit(saying(&anna, ClientId::fresh(), "one")),
        desk.submit(saying(&ben, ClientId::fresh(), "arsenic")),
        desk.submit(saying(&anna, ClientId::fresh(), "arsenic")),
        desk.submit(saying(&anna, ClientId::fresh(), "two")),
    ];
    let results = join_all(commands).await;
    let id = results[0].as_ref().unwrap().conversation_id;
    let codes: Vec<_> = results.into_iter().map(code).collect();
    assert_eq!(codes, ["ok", "unavailable", "unavailable", "ok"]);
    let found = desk.messages(&anna, id).await;
    assert_eq!(texts(&found), ["one", "two"]);
    assert_eq!(found[1].seq, 2, "the failed one left no hole");
    assert!(desk.sync(&ben, 0).await.conversations.is_empty());
    let batches = desk.batches();
    assert_eq!(batches.len(), 1);
    let revs: Vec<_> = batches[0].events.iter().map(|event| event.rev).collect();
    assert_eq!(revs, [1, 2, 3]);
}

#[tokio::test]
async fn lost_transaction_fails_its_whole_batch() {
    let backend = SqliteBackend::create();
    let mut desk = backend.open().await;
    let anna = customer("7");
    poison(&backend, "cyanide", "rollback").await;
    let commands =
        ["one", "cyanide", "two"].map(|text| desk.submit(saying(&anna, ClientId::fresh(), text)));
    let codes: Vec<_> = join_all(commands).await.into_iter().map(code).collect();
    assert_eq!(codes, ["unavailable"; 3]);
    assert!(
        desk.events().is_empty(),
        "nobody hears of what did not happen"
    );
    assert!(desk.sync(&anna, 0).await.conversations.is_empty());
    let ack = desk.say(&anna, "three").await;
    assert_eq!(
        (ack.seq, ack.rev),
        (Some(1), 2),
        "and the next one starts clean"
    );
}

#[tokio::test]
async fn publisher_that_left_does_not_stop_the_store() {
    let backend = SqliteBackend::create();
    let Desk { store, batches } = backend
        .open_with(SqliteSettings::default().batches_max(1))
        .await;
    drop(batches);
    let anna = customer("7");
    for _ in 0..3 {
        store
            .submit(saying(&anna, ClientId::fresh(), "hello"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn slow_publisher_holds_the_writer() {
    let backend = SqliteBackend::create();
    let mut desk = backend
        .open_with(SqliteSettings::default().batches_max(1))
        .await;
    let anna = customer("7");
    desk.say(&anna, "one").await;
    let mut second = Box::pin(desk.submit(saying(&anna, ClientId::fresh(), "two")));
    let first = desk.batches.recv().await.unwrap();
    assert_eq!(first.events.len(), 2);
    second.as_mut().await.unwrap();
    assert_eq!(
        desk.batches.recv().await.unwrap().events[0].seq(),
        Some(2),
        "no event is lost"
    );
}

#[tokio::test]
async fn database_is_in_wal_mode() {
    let backend = SqliteBackend::create();
    let desk = backend.open().await;
    desk.say(&customer("7"), "hello").await;
    let mut rival = backend.stall().await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut rival)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn stores_open_in_missing_directories() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/chat.db");
    let (store, _) = SqliteStore::open(&path, SqliteSettings::default())
        .await
        .unwrap();
    assert!(path.exists());
    stompline_chat::store::Store::close(&store).await;
}
