//! The embedded store: one SQLite file, one writer, a few readers.
//!
//! The writer is one task that owns one connection. It takes whatever is in line when it becomes free, carries it out
//! in one transaction (each command in a savepoint of its own) and commits once. So commits are shared under load
//! and nothing waits when there is none.

mod ledger;
mod open;
mod save;
mod settings;
mod snapshot;
mod sql;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::SqlitePool;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use self::open::OpenError;
pub use self::settings::SqliteSettings;
use self::snapshot::SqliteSnapshot;
use self::writer::SqliteWriter;
use crate::body::{HistoryBody, ListBody, SyncBody};
use crate::command::Command;
use crate::error::Error;
use crate::event::Batch;
use crate::head::Head;
use crate::id::ConversationId;
use crate::person::{Person, UserRef};
use crate::reply::{Bootstrap, Checkpoint, HistoryPage, ListPage, QueueSnapshot, SyncPage};
use crate::store::fault::Fault;
use crate::store::line::Line;
use crate::store::read::{self, READ_DEADLINE};
use crate::store::round::Context;
use crate::store::{Pending, Reading, Store};
use crate::time::Clock;

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
    line: Line,
    readers: SqlitePool,
    clock: Clock,
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
        let writer = SqliteWriter {
            connection: opened.writer,
            context: Context::new(&settings.common),
            lock: opened.lock,
        };
        let (line, batches) = Line::open(writer, &settings.common);
        let store = Self {
            line,
            readers: opened.readers,
            clock: settings.common.clock,
        };
        Ok((store, batches))
    }

    /// Answers a question from one snapshot.
    fn read<'a, T, F, Q>(&'a self, question: Q) -> Reading<'a, T>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
        Q: FnOnce(SqliteSnapshot) -> F + Send + 'a,
    {
        let answer = async move {
            let snapshot = self.readers.begin().await?;
            question(SqliteSnapshot(snapshot)).await
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
        self.line.submit(command)
    }

    fn sync(&self, who: UserRef, request: SyncBody) -> Reading<'_, SyncPage> {
        self.read(move |snapshot| read::sync::sync(snapshot, who, request))
    }

    fn history(&self, who: UserRef, request: HistoryBody) -> Reading<'_, HistoryPage> {
        self.read(move |snapshot| read::history::history(snapshot, who, request))
    }

    fn list(&self, agent: UserRef, request: ListBody) -> Reading<'_, ListPage> {
        self.read(move |snapshot| read::list::list(snapshot, agent, request))
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

    fn customers_behind(&self, customers: Vec<Arc<str>>, since: u64) -> Reading<'_, Vec<Arc<str>>> {
        self.read(move |snapshot| read::sync::customers_behind(snapshot, customers, since))
    }

    fn settled(&self) -> Reading<'_, u64> {
        self.read(read::settled)
    }

    fn queue(&self) -> Reading<'_, QueueSnapshot> {
        self.read(read::queue)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.line.close().await;
            self.readers.close().await;
        }
        .boxed()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("closing", &self.line.is_closing())
            .finish_non_exhaustive()
    }
}
