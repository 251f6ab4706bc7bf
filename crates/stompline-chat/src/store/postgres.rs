//! The store for several nodes: one PostgreSQL database that they share.
//!
//! Each node has one connection that writes, and a few that read. The writer takes whatever is in line when it
//! becomes free, loads all that these commands are about, carries them out in memory, writes what changed, and
//! commits once: about six exchanges with the server, however many commands there are.
//!
//! Every transaction that writes holds the tenant's row from before it takes its first stamp until it has committed.
//! So the nodes write one after the other, stamps become visible in their order, and no reader ever sees a stamp
//! while a smaller one may still appear.

mod failure;
mod flush;
mod ledger;
mod load;
mod open;
mod settings;
mod snapshot;
mod sql;
mod work;
mod writer;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use self::open::OpenError;
pub use self::settings::PostgresSettings;
use self::snapshot::PostgresSnapshot;
use self::writer::PostgresWriter;
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

/// How a question begins: all of it sees the same commits, and it can change nothing.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A store in a PostgreSQL database that other nodes use too.
///
/// What this node commits comes out of its own receiver, in `rev` order; what other nodes commit comes out of
/// theirs. Over all nodes `rev` grows in the order of the commits and `seq` is dense, and a `clientId` is known on
/// every node.
///
/// When the connection is lost, the commands in flight end with [`Error::Unavailable`] and the next ones connect
/// again.
///
/// ```no_run
/// use stompline_chat::store::Store;
/// use stompline_chat::store::postgres::{PostgresSettings, PostgresStore};
///
/// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://stompline:secret@db.internal/stompline?sslmode=verify-full";
/// let settings = PostgresSettings::default().connections_max(10);
/// let (store, committed) = PostgresStore::open(url, settings).await?;
/// println!("{} wait", store.queue().await?.waiting);
/// # drop(committed);
/// # Ok(())
/// # }
/// ```
pub struct PostgresStore {
    line: Line,
    readers: PgPool,
    clock: Clock,
}

impl PostgresStore {
    /// Connects to `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, brings the tables up to date and starts the writer.
    ///
    /// Parameters after `?` are those of libpq: `sslmode` (`disable`, `prefer`, `require`, `verify-ca`,
    /// `verify-full`), `sslrootcert`, `sslcert`, `sslkey`, `host` (also a directory with a socket), `port`, `dbname`,
    /// `user`, `password`, `application_name` and `options`. What the URL leaves out comes, as with libpq, from the
    /// variables `PGHOST`, `PGPASSWORD` and so on, and from `~/.pgpass`.
    ///
    /// What is committed comes out of the receiver, in `rev` order; it has one reader, the publisher. When
    /// [`PostgresSettings::batches_max`] batches stand there the writer waits, since an event that the publisher
    /// cannot take must not be lost.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the database, what is wrong, and what to do; never the password.
    pub async fn open(
        url: &str,
        settings: PostgresSettings,
    ) -> Result<(Self, mpsc::Receiver<Batch>), OpenError> {
        let opened = open::open(url, &settings).await?;
        let writer = PostgresWriter::new(
            opened.options,
            opened.connection,
            Context::new(&settings.common),
            settings.acquire_timeout,
        );
        let (line, batches) = Line::open(writer, &settings.common);
        let store = Self {
            line,
            readers: opened.readers,
            clock: settings.common.clock,
        };
        Ok((store, batches))
    }

    /// Checks a URL without connecting.
    ///
    /// # Errors
    ///
    /// [`OpenError::Url`] says what is wrong with it, without the password.
    pub fn check_url(url: &str) -> Result<(), OpenError> {
        open::parse(url).map(drop)
    }

    /// Answers a question from one snapshot.
    fn read<'a, T, F, Q>(&'a self, question: Q) -> Reading<'a, T>
    where
        T: Send,
        F: Future<Output = Result<T, Fault>> + Send,
        Q: FnOnce(PostgresSnapshot) -> F + Send + 'a,
    {
        let answer = async move {
            let snapshot = self.readers.begin_with(BEGIN_SNAPSHOT).await?;
            question(PostgresSnapshot(snapshot)).await
        };
        async move {
            match timeout(READ_DEADLINE, answer).await {
                Ok(answer) => answer.map_err(failure::read_refusal),
                Err(_) => Err(Error::unavailable("the store took too long")),
            }
        }
        .boxed()
    }
}

impl Store for PostgresStore {
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

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("closing", &self.line.is_closing())
            .finish_non_exhaustive()
    }
}
