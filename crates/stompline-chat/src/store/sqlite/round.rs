//! One transaction of the writer: many commands, one commit.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Executor, Sqlite, SqliteConnection};
use tracing::debug;
use uuid::Uuid;

use super::Fault;
use super::command::carry_out_one;
use super::row::{column, count, optional_time};
use super::writer::Context;
use crate::command::Command;
use crate::conversation::{GROUP_DEFAULT, Stamp};
use crate::error::Error;
use crate::event::{Batch, Event, Queue, QueueChange};
use crate::reply::Ack;
use crate::time::Timestamp;

/// The only tenant for now.
pub(super) const TENANT: &str = "default";

/// The only site for now.
pub(super) const SITE: &str = "default";

/// A transaction that is being filled.
pub(super) struct Round<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) context: &'a Context,
    now: Timestamp,
    /// The last stamp given.
    rev: u64,
    queue_rev: u64,
    events: Vec<Event>,
}

/// What a transaction made true, and the result of each of its commands, in order.
type Done = (Batch, Vec<Result<Ack, Error>>);

/// Carries out all commands in one transaction. A refused command leaves no trace in it; an error means that nothing
/// happened at all.
///
/// Every call of the database costs two changes of thread, so statements that follow each other go together.
pub(super) async fn carry_out(
    connection: &mut SqliteConnection,
    context: &Context,
    commands: Vec<Command>,
) -> Result<Done, sqlx::Error> {
    match fill(&mut *connection, context, commands).await {
        Ok(done) => Ok(done),
        Err(failure) => {
            // After some failures SQLite has rolled back already, and says so.
            if let Err(second) = connection.execute("ROLLBACK").await {
                debug!(failure = %second, "rolling back after a failed commit");
            }
            Err(failure)
        }
    }
}

async fn fill(
    connection: &mut SqliteConnection,
    context: &Context,
    commands: Vec<Command>,
) -> Result<Done, sqlx::Error> {
    let mut round = Round::begin(connection, context).await?;
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        results.push(round.attempt(command).await?);
    }
    let batch = round.commit().await?;
    Ok((batch, results))
}

impl<'a> Round<'a> {
    /// The write lock is taken at the start: a transaction that reads first and then finds the lock taken cannot
    /// wait for it.
    async fn begin(
        connection: &'a mut SqliteConnection,
        context: &'a Context,
    ) -> Result<Self, sqlx::Error> {
        let stamps = sqlx::query(
            "BEGIN IMMEDIATE; \
             SELECT t.rev, g.queue_rev FROM tenant t JOIN chat_group g ON g.tenant_id = t.id \
             WHERE t.id = $1 AND g.id = $2",
        )
        .bind(TENANT)
        .bind(GROUP_DEFAULT)
        .fetch_one(&mut *connection)
        .await?;
        Ok(Self {
            now: (context.settings.clock)(),
            rev: count(&stamps, "rev")?,
            queue_rev: count(&stamps, "queue_rev")?,
            events: Vec::new(),
            connection,
            context,
        })
    }

    /// One command. An error means that the whole transaction is lost.
    async fn attempt(&mut self, command: Command) -> Result<Result<Ack, Error>, sqlx::Error> {
        let (rev, events) = (self.rev, self.events.len());
        match carry_out_one(self, command).await {
            Ok(ack) => Ok(Ok(ack)),
            Err(Fault::Lost(failure)) => Err(failure),
            Err(fault) => {
                self.rev = rev;
                self.events.truncate(events);
                Ok(Err(fault.into_error()))
            }
        }
    }

    /// All that one command writes, in a savepoint. `write` comes from [`in_savepoint`]; what a command is refused
    /// for is found out before.
    pub(super) async fn write(&mut self, write: Write<'_>) -> Result<(), Fault> {
        let Err(failure) = write.execute(&mut *self.connection).await else {
            return Ok(());
        };
        match self
            .connection
            .execute("ROLLBACK TO command; RELEASE command")
            .await
        {
            Ok(_) => Err(Fault::Broken(failure)),
            // After a full disk, for one, SQLite itself gives up the whole transaction.
            Err(_) => Err(Fault::Lost(failure)),
        }
    }

    async fn commit(mut self) -> Result<Batch, sqlx::Error> {
        let queue = if self.events.is_empty() {
            self.connection.execute("COMMIT").await?;
            None
        } else if self.events.iter().any(|event| event.queue.is_some()) {
            Some(self.commit_with_queue().await?)
        } else {
            sqlx::query("UPDATE tenant SET rev = $1 WHERE id = $2; COMMIT")
                .bind(column(self.rev))
                .bind(TENANT)
                .execute(&mut *self.connection)
                .await?;
            None
        };
        let queue = queue.map(|queue| QueueChange::new(queue, &self.events));
        Ok(Batch {
            events: self.events,
            queue,
        })
    }

    /// The next stamp. It is used up by [`Round::push`].
    pub(super) const fn stamp(&self) -> Stamp {
        Stamp {
            rev: self.rev + 1,
            at: self.now,
        }
    }

    /// An event made with the last [`Round::stamp`].
    pub(super) fn push(&mut self, event: Event) {
        debug_assert_eq!(event.rev, self.rev + 1, "one event, one stamp");
        self.rev = event.rev;
        self.events.push(event);
    }

    /// A new id, larger than those before it.
    pub(super) fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.now.millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or(0);
        match self.context.ids.lock() {
            Ok(ids) => Uuid::new_v7(uuid::Timestamp::from_unix(&*ids, millis / 1_000, nanos)),
            // A poisoned counter still leaves the random part.
            Err(_) => Uuid::new_v7(uuid::Timestamp::from_unix(
                uuid::NoContext,
                millis / 1_000,
                nanos,
            )),
        }
    }
}

impl Round<'_> {
    /// Commits with the last stamp as the queue's own, having counted who waits then.
    async fn commit_with_queue(&mut self) -> Result<Queue, sqlx::Error> {
        let counts = sqlx::query(
            "UPDATE tenant SET rev = $1 WHERE id = $2; \
             UPDATE chat_group SET queue_rev = $1 WHERE tenant_id = $2 AND id = $3; \
             SELECT COUNT(*) AS waiting, MIN(queued_at) AS longest FROM conversation \
             WHERE tenant_id = $2 AND group_id = $3 AND state = 'queued'; \
             COMMIT",
        )
        .bind(column(self.rev))
        .bind(TENANT)
        .bind(GROUP_DEFAULT)
        // All rows, and so all statements: the one row comes before the commit.
        .fetch_all(&mut *self.connection)
        .await?;
        let counts = counts.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(Queue {
            group_id: GROUP_DEFAULT.to_owned(),
            version: self.rev,
            prev: self.queue_rev,
            waiting: count(counts, "waiting")?,
            longest_waiting_since: optional_time(counts, "longest")?,
        })
    }
}

/// A statement for [`Round::write`], with its values.
pub(super) type Write<'q> = Query<'q, Sqlite, SqliteArguments<'q>>;

/// Makes one savepoint of the statements of a command.
macro_rules! in_savepoint {
    ($($statement:expr),+) => {
        concat!("SAVEPOINT command; ", $($statement, "; ",)+ "RELEASE command")
    };
}
pub(super) use in_savepoint;
