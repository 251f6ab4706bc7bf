//! What only the PostgreSQL store does.

mod nodes;
mod server;
mod twins;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use stompline_chat::id::ClientId;
use stompline_chat::store::postgres::{OpenError, PostgresSettings, PostgresStore};
use tokio::sync::OnceCell;

use crate::desk::{Desk, TestClock, client_id, code, customer, saying, texts};
use crate::store_suite::Backend;

/// A database of its own on the tests' server.
pub(crate) struct PostgresBackend {
    database: OnceCell<String>,
    clock: TestClock,
}

impl PostgresBackend {
    async fn database(&self) -> &str {
        self.database.get_or_init(server::fresh_database).await
    }

    /// Opens the database as one more node.
    async fn open_with(&self, settings: PostgresSettings) -> Desk {
        let settings = settings.clock(self.clock.clock());
        let url = server::url(self.database().await);
        let (store, batches) = PostgresStore::open(&url, settings).await.unwrap();
        Desk {
            store: Arc::new(store),
            batches,
        }
    }

    /// A connection that no store knows of.
    async fn connect(&self) -> PgConnection {
        server::connect(self.database().await).await
    }
}

impl Backend for PostgresBackend {
    /// Another connection that holds the tenant's row, as another node would; closing it lets go.
    type Stall = PgConnection;

    fn create() -> Self {
        Self {
            database: OnceCell::new(),
            clock: TestClock::new(),
        }
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn open(&self) -> Desk {
        self.open_with(PostgresSettings::default().batches_max(10_000))
            .await
    }

    async fn stall(&self) -> PgConnection {
        let mut rival = self.connect().await;
        rival
            .execute("BEGIN; SELECT rev FROM tenant FOR UPDATE")
            .await
            .unwrap();
        rival
    }
}

/// Waits until that many sessions wait for a lock.
async fn until_waiting(observer: &mut PgConnection, sessions: i64) {
    let mut waiting = 0;
    while waiting < sessions {
        waiting = sqlx::query_scalar(
            "SELECT COUNT(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *observer)
        .await
        .unwrap();
    }
}

/// Makes messages of that text do `action` as they are written, after their conversation was.
async fn on_message(observer: &mut PgConnection, text: &str, action: &str) {
    let sql = format!(
        "CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; RETURN NEW; END $$; \
         CREATE TRIGGER act BEFORE INSERT ON message FOR EACH ROW WHEN (NEW.content LIKE '%{text}%') \
         EXECUTE FUNCTION act()"
    );
    observer.execute(&*sql).await.unwrap();
}

/// What [`on_message`] does to stop in the middle of a transaction until the observer lets go of [`HOLD`].
const WAIT: &str = "PERFORM pg_advisory_xact_lock(1)";
const HOLD: &str = "SELECT pg_advisory_lock(1)";
const LET_GO: &str = "SELECT pg_advisory_unlock(1)";

async fn terminate(observer: &mut PgConnection, which: &str) {
    let sql = format!(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {which}"
    );
    let killed = observer.fetch_all(&*sql).await.unwrap();
    assert!(!killed.is_empty(), "there was a session to end");
}

#[tokio::test]
async fn failing_statement_undoes_only_its_command() {
    let backend = PostgresBackend::create();
    let mut desk = backend.open().await;
    let (anna, ben) = (customer("7"), customer("8"));
    let mut observer = backend.connect().await;
    on_message(&mut observer, "arsenic", "RAISE EXCEPTION 'poisoned'").await;
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
    assert_eq!(
        code(
            desk.submit(saying(&ben, ClientId::fresh(), "arsenic"))
                .await
        ),
        "unavailable",
        "alone it fails too"
    );
    assert_eq!(desk.say(&anna, "three").await.rev, 4);
}

/// Fails the first `times` attempts with a condition. A sequence counts them: it is not rolled back.
fn failing(times: u32, condition: &str) -> String {
    format!(
        "IF nextval('attempt') <= {times} THEN RAISE EXCEPTION 'again' USING ERRCODE = '{condition}'; END IF"
    )
}

#[tokio::test]
async fn conflicts_are_tried_again() {
    for condition in ["serialization_failure", "deadlock_detected"] {
        let backend = PostgresBackend::create();
        let mut desk = backend.open().await;
        let mut observer = backend.connect().await;
        observer.execute("CREATE SEQUENCE attempt").await.unwrap();
        on_message(&mut observer, "two", &failing(2, condition)).await;
        let anna = customer("7");
        let commands =
            ["one", "two", "three"].map(|text| desk.submit(saying(&anna, ClientId::fresh(), text)));
        let acks: Vec<_> = join_all(commands).await;
        let seqs: Vec<_> = acks.iter().map(|ack| ack.as_ref().unwrap().seq).collect();
        assert_eq!(seqs, [Some(1), Some(2), Some(3)], "{condition}");
        let revs: Vec<_> = desk.events().iter().map(|event| event.rev).collect();
        assert_eq!(revs, [1, 2, 3, 4], "{condition}");
    }
}

#[tokio::test]
async fn endless_conflicts_end_with_a_refusal() {
    let backend = PostgresBackend::create();
    let mut desk = backend.open().await;
    let mut observer = backend.connect().await;
    observer.execute("CREATE SEQUENCE attempt").await.unwrap();
    on_message(
        &mut observer,
        "two",
        &failing(1_000, "serialization_failure"),
    )
    .await;
    let anna = customer("7");
    let refused = desk.submit(saying(&anna, ClientId::fresh(), "two")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
    assert!(refused.retry_after().is_some());
    assert_eq!(desk.event_names(), [""; 0]);
    let attempts: i64 = sqlx::query_scalar("SELECT last_value FROM attempt")
        .fetch_one(&mut observer)
        .await
        .unwrap();
    assert_eq!(attempts, 4, "the first one and three more");
    assert_eq!(desk.say(&anna, "one").await.rev, 2);
}

#[tokio::test]
async fn lock_held_too_long_is_told_and_passes() {
    let backend = PostgresBackend::create();
    let desk = backend
        .open_with(PostgresSettings::default().lock_timeout(Duration::from_millis(500)))
        .await;
    let anna = customer("7");
    let stall = backend.stall().await;
    let refused = desk.submit(saying(&anna, client_id("c-1"), "one")).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
    assert!(
        refused.to_string().starts_with("the database is busy"),
        "{refused}"
    );
    drop(stall);
    let ack = desk.submit(saying(&anna, client_id("c-1"), "one")).await;
    assert!(!ack.unwrap().duplicate);
}

#[tokio::test]
async fn statement_that_takes_too_long_is_ended() {
    let backend = PostgresBackend::create();
    let desk = backend
        .open_with(PostgresSettings::default().statement_timeout(Duration::from_secs(1)))
        .await;
    let mut observer = backend.connect().await;
    on_message(&mut observer, "slow", "PERFORM pg_sleep(60)").await;
    let anna = customer("7");
    let refused = desk.submit(saying(&anna, ClientId::fresh(), "slow")).await;
    assert_eq!(code(refused), "unavailable");
    assert_eq!(desk.say(&anna, "fast").await.seq, Some(1));
}

#[tokio::test]
async fn killed_connection_leaves_nothing_half_done() {
    let backend = PostgresBackend::create();
    let mut desk = backend.open().await;
    let mut observer = backend.connect().await;
    on_message(&mut observer, "slow", WAIT).await;
    observer.execute(HOLD).await.unwrap();
    let anna = customer("7");
    let batch = || {
        [("c-1", "one"), ("c-2", "slow"), ("c-3", "three")]
            .map(|(name, text)| desk.submit(saying(&anna, client_id(name), text)))
    };
    // The conversation is written, and the messages are being written, when the connection goes.
    let commands = batch();
    until_waiting(&mut observer, 1).await;
    terminate(&mut observer, "wait_event = 'advisory'").await;
    for result in join_all(commands).await {
        let refused = result.unwrap_err();
        assert_eq!(refused.code(), "unavailable");
        assert!(refused.retry_after().is_some());
        let told = refused.to_string();
        assert!(
            told.starts_with("the connection to the database was lost"),
            "{told}"
        );
    }
    observer.execute(LET_GO).await.unwrap();
    assert!(desk.sync(&anna, 0).await.conversations.is_empty());
    let acks = join_all(batch()).await;
    let found: Vec<_> = acks
        .into_iter()
        .map(Result::unwrap)
        .map(|ack| (ack.seq, ack.duplicate))
        .collect();
    assert_eq!(
        found,
        [(Some(1), false), (Some(2), false), (Some(3), false)]
    );
    let revs: Vec<_> = desk.events().iter().map(|event| event.rev).collect();
    assert_eq!(revs, [1, 2, 3, 4], "the lost attempt took no stamp");
}

#[tokio::test]
async fn connection_lost_while_idle_is_replaced_unnoticed() {
    let backend = PostgresBackend::create();
    let desk = backend.open().await;
    let anna = customer("7");
    desk.say(&anna, "one").await;
    let mut observer = backend.connect().await;
    terminate(&mut observer, "application_name = 'stompline'").await;
    assert_eq!(desk.say(&anna, "two").await.seq, Some(2));
}

#[tokio::test]
async fn questions_recover_from_lost_connections() {
    let backend = PostgresBackend::create();
    let desk = backend.open().await;
    let anna = customer("7");
    desk.say(&anna, "one").await;
    desk.sync(&anna, 0).await;
    let mut observer = backend.connect().await;
    terminate(&mut observer, "application_name = 'stompline'").await;
    // Each lost connection fails one question at most.
    let mut failures = 0;
    while let Err(refused) = desk.store.bootstrap(anna.clone()).await {
        assert_eq!(refused.code(), "unavailable");
        failures += 1;
        assert!(failures <= 4, "{refused}");
    }
    assert_eq!(desk.sync(&anna, 0).await.messages.len(), 1);
}

#[tokio::test]
async fn commits_are_on_disk_whatever_the_database_says() {
    let backend = PostgresBackend::create();
    let mut observer = backend.connect().await;
    let database = backend.database().await;
    let sql = format!("ALTER DATABASE {database} SET synchronous_commit = off");
    observer.execute(&*sql).await.unwrap();
    let desk = backend.open().await;
    let note = "INSERT INTO seen SELECT current_setting('synchronous_commit')";
    observer
        .execute("CREATE TABLE seen (setting TEXT)")
        .await
        .unwrap();
    on_message(&mut observer, "hello", note).await;
    desk.say(&customer("7"), "hello").await;
    let seen: String = sqlx::query_scalar("SELECT setting FROM seen")
        .fetch_one(&mut observer)
        .await
        .unwrap();
    assert_eq!(seen, "on");
}

#[tokio::test]
async fn every_text_survives() {
    let backend = PostgresBackend::create();
    let desk = backend.open().await;
    let text = "a\0b \u{1f600} \\ \" ' 你好 \u{2028}";
    let id = desk.say(&customer("7"), text).await.conversation_id;
    assert_eq!(texts(&desk.messages(&customer("7"), id).await), [text]);
}

async fn open_error(url: &str) -> OpenError {
    PostgresStore::open(url, PostgresSettings::default())
        .await
        .map(drop)
        .unwrap_err()
}

#[tokio::test]
async fn bad_urls_are_explained_without_the_password() {
    for (url, told) in [
        ("mysql://u:hunter2@h/d", "must begin with postgres://"),
        ("postgres://u:hunter2@h:99999/d", "invalid port number"),
        ("postgres://u:hunter2@h", "names no database"),
        (
            "postgres://u@h/d?pasword=hunter2",
            "parameter 1 after the `?` is unknown",
        ),
        (
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "`sslmode` must be",
        ),
        ("postgres://u:hunter2@[h/d", "invalid"),
        ("postgres://u:12/hunter2@h/d", "%2F"),
    ] {
        let error = PostgresStore::check_url(url).unwrap_err();
        assert!(matches!(error, OpenError::Url { .. }), "{url}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(told), "{url}: {text}");
        assert!(!text.contains("hunter2"), "{url}: {text}");
    }
    let good =
        "postgres://u:p@h:1/d?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=a";
    PostgresStore::check_url(good).unwrap();
}

#[tokio::test]
async fn silent_and_missing_servers_are_named() {
    // Bound and not listened to: nobody answers, and nobody else can take it.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let url = format!("postgres://anna:hunter2@{address}/chat");
    let settings = PostgresSettings::default().acquire_timeout(Duration::from_millis(200));
    let error = PostgresStore::open(&url, settings)
        .await
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, OpenError::Silent { .. }), "{error:?}");
    drop(taken);
    let missing = open_error("postgres:///chat?host=/nowhere&user=anna&password=hunter2").await;
    assert!(
        matches!(missing, OpenError::Unreachable { .. }),
        "{missing:?}"
    );
    for (error, place) in [
        (error, format!("anna@{address}/chat")),
        (missing, "anna@/nowhere/chat".into()),
    ] {
        let text = error.to_string();
        assert!(text.contains(&place), "{text}");
        assert!(
            !format!("{error:?} {text}").contains("hunter2"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn database_that_cannot_hold_texts_is_refused() {
    let mut observer = server::connect("postgres").await;
    let name = format!("ascii{}", std::process::id());
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII'");
    observer.execute(&*sql).await.unwrap();
    let error = open_error(&server::url(&name)).await;
    assert!(matches!(error, OpenError::Unfit { .. }), "{error:?}");
    assert!(error.to_string().contains("ENCODING 'UTF8'"), "{error}");
}

#[tokio::test]
async fn newer_tables_are_refused() {
    let backend = PostgresBackend::create();
    backend.open().await.store.close().await;
    let mut observer = backend.connect().await;
    observer
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', TRUE, '\\x00', 0)",
        )
        .await
        .unwrap();
    let error = open_error(&server::url(backend.database().await)).await;
    assert!(matches!(error, OpenError::Unsuitable { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains("use the version that wrote them"),
        "{error}"
    );
}

#[tokio::test]
async fn user_without_rights_is_told_what_is_missing() {
    let backend = PostgresBackend::create();
    let mut observer = backend.connect().await;
    let user = format!("guest_{}", backend.database().await);
    observer
        .execute(&*format!("CREATE ROLE {user} LOGIN"))
        .await
        .unwrap();
    let url =
        server::url(backend.database().await).replace("user=stompline", &format!("user={user}"));
    let error = open_error(&url).await;
    assert!(matches!(error, OpenError::Migration { .. }), "{error:?}");
    assert!(
        error.to_string().contains("right to create tables"),
        "{error}"
    );
}

#[tokio::test]
async fn tls_is_spoken_and_certificates_are_checked() {
    let server = server::Server::start(&["--tls"]);
    let folder = &server.folder;
    let port = std::fs::read_to_string(format!("{folder}/port")).unwrap();
    let url = format!(
        "postgres://stompline@localhost:{}/postgres?sslmode=",
        port.trim()
    );
    let checked = format!("{url}verify-full&sslrootcert={folder}/ca.crt");
    let (store, batches) = PostgresStore::open(&checked, PostgresSettings::default())
        .await
        .unwrap();
    let desk = Desk {
        store: Arc::new(store),
        batches,
    };
    desk.say(&customer("7"), "hello").await;
    let mut observer = PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .port(port.trim().parse().unwrap())
        .username("stompline")
        .database("postgres")
        .connect()
        .await
        .unwrap();
    let encrypted: bool = sqlx::query_scalar(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE application_name = 'stompline'",
    )
    .fetch_one(&mut observer)
    .await
    .unwrap();
    assert!(encrypted);
    let unknown = open_error(&format!("{url}verify-full")).await;
    assert!(
        matches!(unknown, OpenError::Unreachable { .. }),
        "{unknown:?}"
    );
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
    desk.store.close().await;
}
