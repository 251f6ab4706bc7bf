//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! The writer is one task that owns one connection. It takes whatever is in line when it becomes free, carries it out
//! in one transaction (each command in a savepoint of its own) and commits once. So commits are shared under load
//! and nothing waits when there is none.

mod command;
mod open;
mod read;
mod round;
mod row;
mod settings;
mod writer;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::error;

pub use self::open::OpenError;
pub use self::settings::SqliteSettings;
use self::writer::{Job, Writer};
use crate::body::{HistoryBody, SyncBody};
use crate::command::Command;
use crate::error::Error;
use crate::event::Batch;
use crate::head::Head;
use crate::id::ConversationId;
use crate::person::{Person, UserRef};
use crate::reply::{Bootstrap, Checkpoint, HistoryPage, QueueSnapshot, SyncPage};
use crate::store::pending::COMMAND_DEADLINE;
use crate::store::{Pending, Reading, Store};
use crate::time::Clock;

/// How long a question may take. Answers take milliseconds; longer means that the disk is stuck.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// A store in one SQLite file.
///
/// ```
/// use stompline_chat::body::SendBody;
/// use stompline_chat::person::{Person, UserRef};
/// use stompline_chat::store::Store;
/// use stompline_chat::store::sqlite::{SqliteSettings, SqliteStore};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("chat.db");
/// let (store, mut committed) = SqliteStore::open(&path, SqliteSettings::default()).await?;
/// let anna = Person::new(UserRef::customer("7"), Some("Anna"));
/// let body = SendBody { text: Some("hello".into()), ..SendBody::default() };
/// let pending = store.submit(body.command(anna)?);
///
/// let batch = committed.recv().await.expect("the store is open");
/// assert_eq!(batch.events[0].name(), "conversation.created");
/// assert_eq!(batch.events[1].name(), "message.created");
/// assert_eq!(pending.await?.seq, Some(1));
/// store.close().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    line: mpsc::Sender<Job>,
    readers: SqlitePool,
    clock: Clock,
    closing: CancellationToken,
    /// Taken by whoever closes the store and waits for the writer.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    /// Opens or creates the file, brings its tables up to date and starts the writer.
    ///
    /// What is committed comes out of the receiver, in `rev` order; it has one reader, the publisher. When
    /// [`SqliteSettings::batches_max`] batches stand there the writer waits, since an event that the publisher cannot
    /// take must not be lost. When the receiver is dropped, events go nowhere and sync is all that is left.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the path, what is wrong, and what to do.
    pub async fn open(
        path: &Path,
        settings: SqliteSettings,
    ) -> Result<(Self, mpsc::Receiver<Batch>), OpenError> {
        let opened = open::open(path, &settings).await?;
        let (line, jobs) = mpsc::channel(settings.queue_commands_max);
        let (committed, batches) = mpsc::channel(settings.batches_max);
        let clock = settings.clock.clone();
        let closing = CancellationToken::new();
        let writer = Writer::new(opened.writer, opened.lock, settings, committed);
        let writer = tokio::spawn(writer.run(jobs, closing.clone()));
        let store = Self {
            line,
            readers: opened.readers,
            clock,
            closing,
            writer: Mutex::new(Some(writer)),
        };
        Ok((store, batches))
    }

    /// Answers a question from one snapshot.
    fn read<'a, T, F, Q>(&'a self, question: Q) -> Reading<'a, T>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
        Q: FnOnce(Transaction<'static, Sqlite>) -> F + Send + 'a,
    {
        let answer = async move {
            let snapshot = self.readers.begin().await?;
            question(snapshot).await
        };
        async move {
            match timeout(READ_DEADLINE, answer).await {
                Ok(answer) => answer.map_err(Fault::into_error),
                Err(_) => Err(Error::unavailable("the store took too long")),
            }
        }
        .boxed()
    }
}

impl Store for SqliteStore {
    fn submit(&self, command: Command) -> Pending {
        let deadline = Instant::now() + COMMAND_DEADLINE;
        let client_id = command.client_id().cloned();
        let (reply, result) = oneshot::channel();
        match self.line.try_send(Job {
            command,
            reply,
            deadline,
        }) {
            Ok(()) => Pending::waiting(client_id, result, deadline),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Pending::refused(Error::unavailable("too many commands wait for the store"))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                Pending::refused(Error::unavailable("the store is closed"))
            }
        }
    }

    fn sync(&self, who: UserRef, request: SyncBody) -> Reading<'_, SyncPage> {
        self.read(move |snapshot| read::sync::sync(snapshot, who, request))
    }

    fn history(&self, who: UserRef, request: HistoryBody) -> Reading<'_, HistoryPage> {
        self.read(move |snapshot| read::history::history(snapshot, who, request))
    }

    fn bootstrap(&self, who: Person) -> Reading<'_, Bootstrap> {
        let now = (self.clock)();
        self.read(move |snapshot| read::bootstrap::bootstrap(snapshot, who, now))
    }

    fn head(&self, who: UserRef, conversation_id: ConversationId) -> Reading<'_, Head> {
        self.read(move |snapshot| read::head(snapshot, who, conversation_id))
    }

    fn checkpoint(&self, who: UserRef, since: u64) -> Reading<'_, Checkpoint> {
        self.read(move |snapshot| read::sync::checkpoint(snapshot, who, since))
    }

    fn queue(&self) -> Reading<'_, QueueSnapshot> {
        self.read(read::queue)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.closing.cancel();
            let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
            if let Some(writer) = writer
                && let Err(failure) = writer.await
            {
                error!(%failure, "the store's writer did not end well");
            }
            self.readers.close().await;
        }
        .boxed()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("closing", &self.closing.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Why a command or a question failed, before it is put into words.
#[derive(Debug)]
enum Fault {
    /// The rules refuse it.
    Refused(Error),
    /// The database failed.
    Broken(sqlx::Error),
    /// The database failed, and gave up the transaction with all that was in it.
    Lost(sqlx::Error),
}

impl Fault {
    /// What the caller hears; the log gets the rest.
    fn into_error(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Broken(failure) | Self::Lost(failure) => {
                error!(%failure, "the database failed");
                match failure {
                    sqlx::Error::Database(failure) if failure.is_unique_violation() => {
                        Error::Internal
                    }
                    sqlx::Error::Decode(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_) => Error::Internal,
                    sqlx::Error::PoolClosed => Error::unavailable("the store is closed"),
                    _ => Error::unavailable("the store failed"),
                }
            }
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(failure: sqlx::Error) -> Self {
        Self::Broken(failure)
    }
}
