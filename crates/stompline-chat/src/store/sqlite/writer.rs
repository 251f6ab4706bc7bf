//! The transactions of the one connection that writes.

use std::fs::File;

use sqlx::{Connection, Executor, SqliteConnection};
use tracing::{debug, error, warn};

use super::ledger::SqliteLedger;
use crate::command::Command;
use crate::conversation::GROUP_DEFAULT;
use crate::error::Error;
use crate::event::{Batch, Queue, QueueChange};
use crate::store::line::Transact;
use crate::store::round::{Context, Done, Round, TENANT};
use crate::store::row::{column, count, optional_time};

/// Owns the writing connection and what only writing needs.
pub(super) struct SqliteWriter {
    pub(super) connection: SqliteConnection,
    pub(super) context: Context,
    /// Held, not used: it keeps other processes out until the connection is gone.
    pub(super) lock: File,
}

impl Transact for SqliteWriter {
    async fn transact(&mut self, commands: Vec<Command>) -> Result<Done, Error> {
        let count = commands.len();
        match fill(&mut self.connection, &self.context, commands).await {
            Ok(done) => Ok(done),
            Err(failure) => {
                error!(%failure, commands = count, "a commit failed; none of it happened");
                // After some failures SQLite has rolled back already, and says so.
                if let Err(second) = self.connection.execute("ROLLBACK").await {
                    debug!(failure = %second, "rolling back after a failed commit");
                }
                Err(Error::unavailable("the store could not write"))
            }
        }
    }

    async fn close(self) {
        if let Err(failure) = self.connection.close().await {
            warn!(%failure, "the database did not close well; it repairs itself when opened");
        }
        drop(self.lock);
    }
}

async fn fill(
    connection: &mut SqliteConnection,
    context: &Context,
    commands: Vec<Command>,
) -> Result<Done, sqlx::Error> {
    let (rev, queue_rev) = begin(connection).await?;
    let mut round = Round::new(SqliteLedger { connection }, context, rev);
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        results.push(round.attempt(command).await?);
    }
    let batch = commit(round, queue_rev).await?;
    Ok((batch, results))
}

/// Begins a transaction; the last stamps of the tenant and of its queue. The write lock is taken at the start: a
/// transaction that reads first and then finds the lock taken cannot wait for it.
async fn begin(connection: &mut SqliteConnection) -> Result<(u64, u64), sqlx::Error> {
    let stamps = sqlx::query(
        "BEGIN IMMEDIATE; \
         SELECT t.rev, g.queue_rev FROM tenant t JOIN chat_group g ON g.tenant_id = t.id \
         WHERE t.id = $1 AND g.id = $2",
    )
    .bind(TENANT)
    .bind(GROUP_DEFAULT)
    .fetch_one(connection)
    .await?;
    Ok((count(&stamps, "rev")?, count(&stamps, "queue_rev")?))
}

async fn commit(round: Round<'_, SqliteLedger<'_>>, queue_rev: u64) -> Result<Batch, sqlx::Error> {
    let rev = round.rev();
    let touches_queue = round.touches_queue();
    let (ledger, events) = round.finish();
    let queue = if events.is_empty() {
        ledger.connection.execute("COMMIT").await?;
        None
    } else if touches_queue {
        Some(commit_with_queue(ledger.connection, rev, queue_rev).await?)
    } else {
        sqlx::query("UPDATE tenant SET rev = $1 WHERE id = $2; COMMIT")
            .bind(column(rev))
            .bind(TENANT)
            .execute(ledger.connection)
            .await?;
        None
    };
    let queue = queue.map(|queue| QueueChange::new(queue, &events));
    Ok(Batch { events, queue })
}

/// Commits with the last stamp as the queue's own, having counted who waits then.
async fn commit_with_queue(
    connection: &mut SqliteConnection,
    rev: u64,
    queue_rev: u64,
) -> Result<Queue, sqlx::Error> {
    let counts = sqlx::query(
        "UPDATE tenant SET rev = $1 WHERE id = $2; \
         UPDATE chat_group SET queue_rev = $1 WHERE tenant_id = $2 AND id = $3; \
         SELECT COUNT(*) AS waiting, MIN(queued_at) AS longest FROM conversation \
         WHERE tenant_id = $2 AND group_id = $3 AND state = 'queued'; \
         COMMIT",
    )
    .bind(column(rev))
    .bind(TENANT)
    .bind(GROUP_DEFAULT)
    // All rows, and so all statements: the one row comes before the commit.
    .fetch_all(connection)
    .await?;
    let counts = counts.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Queue {
        group_id: GROUP_DEFAULT.to_owned(),
        version: rev,
        prev: queue_rev,
        waiting: count(counts, "waiting")?,
        longest_waiting_since: optional_time(counts, "longest")?,
    })
}
