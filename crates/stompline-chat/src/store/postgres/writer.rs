//! The transactions of the one connection of this node that writes.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::failure::{Kind, kind, refusal};
use super::ledger::PostgresLedger;
use crate::command::Command;
use crate::conversation::GROUP_DEFAULT;
use crate::error::Error;
use crate::event::{Batch, Queue, QueueChange};
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::line::Transact;
use crate::store::round::{Context, Done, Round, TENANT};
use crate::store::row::{count, optional_time};

/// How long a batch of commands may take in all, with what is tried again. Shorter than what a command has, so that
/// its caller hears what was wrong.
const TRANSACT_DEADLINE: Duration = Duration::from_secs(8);

/// How often the same commands are tried when other transactions are in the way. None of ours ever is.
const CONFLICTS_MAX: u32 = 3;

/// Owns the writing connection, as long as there is one.
pub(super) struct PostgresWriter {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    context: Context,
    acquire_timeout: Duration,
}

/// How commands share their transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// What they change is written at once. A statement that fails does so for all of them.
    Together,
    /// Each in a savepoint of its own: slower, but a statement that fails undoes only its command.
    Apart,
}

impl PostgresWriter {
    pub(super) fn new(
        options: PgConnectOptions,
        connection: PgConnection,
        context: Context,
        acquire_timeout: Duration,
    ) -> Self {
        Self {
            options,
            connection: Some(connection),
            context,
            acquire_timeout,
        }
    }

    /// Tries until it is done, or until trying again makes no sense.
    async fn carry_out(&mut self, commands: &[Command]) -> Result<Done, Error> {
        let (mut mode, mut conflicts) = (Mode::Together, 0);
        loop {
            // Taken out while it is used: when this future is dropped in between, so is a connection of which nobody
            // knows where it stands.
            let (mut connection, stamps) = self.begin().await?;
            let failure = match fill(&mut connection, &self.context, stamps, (commands, mode)).await
            {
                Ok(done) => {
                    self.connection = Some(connection);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            self.roll_back(connection, &failure).await;
            match kind(&failure) {
                Kind::Statement if mode == Mode::Together && commands.len() > 1 => {
                    warn!(%failure, commands = commands.len(), "a statement failed; its commands are tried one by one");
                    mode = Mode::Apart;
                }
                Kind::Conflict if conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    debug!(%failure, conflicts, "another transaction was in the way");
                }
                Kind::Statement => return Err(Fault::Lost(failure).into_error()),
                _ => {
                    error!(%failure, commands = commands.len(), "a commit failed");
                    return Err(refusal(&failure));
                }
            }
        }
    }

    /// An open transaction that holds the tenant's row, and the last stamps. A connection that died while nobody used
    /// it is replaced.
    async fn begin(&mut self) -> Result<(PgConnection, Stamps), Error> {
        if let Some(mut connection) = self.connection.take() {
            match begin(&mut connection).await {
                Ok(stamps) => return Ok((connection, stamps)),
                Err(failure) if kind(&failure) == Kind::Connection => {
                    warn!(%failure, "the connection to the database was lost; connecting again");
                }
                Err(failure) => {
                    error!(%failure, "no transaction could begin");
                    self.roll_back(connection, &failure).await;
                    return Err(refusal(&failure));
                }
            }
        }
        let mut connection = self.connect().await?;
        match begin(&mut connection).await {
            Ok(stamps) => Ok((connection, stamps)),
            Err(failure) => {
                error!(%failure, "no transaction could begin");
                Err(refusal(&failure))
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        match timeout(self.acquire_timeout, self.options.connect()).await {
            Ok(Ok(connection)) => {
                info!("connected to the database again");
                return Ok(connection);
            }
            Ok(Err(failure)) => error!(%failure, "the database cannot be reached"),
            Err(_) => error!("the database cannot be reached: no answer in time"),
        }
        Err(Error::unavailable("the database cannot be reached"))
    }

    /// Ends a failed transaction, and keeps the connection if it is still good.
    async fn roll_back(&mut self, mut connection: PgConnection, failure: &sqlx::Error) {
        if kind(failure) == Kind::Connection {
            return;
        }
        match connection.execute("ROLLBACK").await {
            Ok(_) => self.connection = Some(connection),
            Err(second) => debug!(failure = %second, "rolling back after a failed commit"),
        }
    }
}

impl Transact for PostgresWriter {
    async fn transact(&mut self, commands: Vec<Command>) -> Result<Done, Error> {
        if let Ok(done) = timeout(TRANSACT_DEADLINE, self.carry_out(&commands)).await {
            return done;
        }
        error!(commands = commands.len(), "the database took too long");
        Err(Error::unavailable("the store took too long"))
    }

    async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(failure) = connection.close().await
        {
            debug!(%failure, "the connection to the database did not close well");
        }
    }
}

/// The last stamps that were committed.
#[derive(Debug, Clone, Copy)]
struct Stamps {
    rev: u64,
    queue_rev: u64,
}

/// Begins a transaction and waits until no other node writes. The second statement reads what the one that wrote last
/// has committed, which a join of both would not: it would have looked before it waited.
async fn begin(connection: &mut PgConnection) -> Result<Stamps, sqlx::Error> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SELECT rev AS stamp FROM tenant WHERE id = '{TENANT}' FOR UPDATE; \
         SELECT queue_rev AS stamp FROM chat_group WHERE tenant_id = '{TENANT}' AND id = '{GROUP_DEFAULT}'"
    );
    let rows = connection.fetch_all(&*sql).await?;
    match &rows[..] {
        [tenant, group] => Ok(Stamps {
            rev: count(tenant, "stamp")?,
            queue_rev: count(group, "stamp")?,
        }),
        _ => Err(sqlx::Error::RowNotFound),
    }
}

/// Carries out commands in the open transaction and commits it.
async fn fill(
    connection: &mut PgConnection,
    context: &Context,
    stamps: Stamps,
    (commands, mode): (&[Command], Mode),
) -> Result<Done, sqlx::Error> {
    let mut round = Round::new(PostgresLedger::new(connection), context, stamps.rev);
    let results = match mode {
        Mode::Together => together(&mut round, commands).await?,
        Mode::Apart => apart(&mut round, commands).await?,
    };
    let batch = commit(round, stamps.queue_rev).await?;
    Ok((batch, results))
}

type Results = Vec<Result<Ack, Error>>;

async fn together(
    round: &mut Round<'_, PostgresLedger<'_>>,
    commands: &[Command],
) -> Result<Results, sqlx::Error> {
    round.ledger.prepare(commands).await?;
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        results.push(round.attempt(command.clone()).await?);
    }
    round.ledger.flush().await?;
    Ok(results)
}

async fn apart(
    round: &mut Round<'_, PostgresLedger<'_>>,
    commands: &[Command],
) -> Result<Results, sqlx::Error> {
    let mut results = Vec::with_capacity(commands.len());
    for command in commands {
        round.ledger.connection.execute("SAVEPOINT command").await?;
        let before = round.mark();
        let failure = match in_savepoint(round, command).await {
            Ok(result) => {
                results.push(result);
                continue;
            }
            Err(failure) if kind(&failure) == Kind::Statement => failure,
            Err(failure) => return Err(failure),
        };
        round.go_back(before);
        round.ledger.discard();
        let undo = "ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command";
        round.ledger.connection.execute(undo).await?;
        results.push(Err(Fault::Lost(failure).into_error()));
    }
    Ok(results)
}

async fn in_savepoint(
    round: &mut Round<'_, PostgresLedger<'_>>,
    command: &Command,
) -> Result<Result<Ack, Error>, sqlx::Error> {
    round.ledger.prepare(std::slice::from_ref(command)).await?;
    let result = round.attempt(command.clone()).await?;
    round.ledger.flush().await?;
    let release = "RELEASE SAVEPOINT command";
    round.ledger.connection.execute(release).await?;
    Ok(result)
}

async fn commit(
    round: Round<'_, PostgresLedger<'_>>,
    queue_rev: u64,
) -> Result<Batch, sqlx::Error> {
    let rev = round.rev();
    let touches_queue = round.touches_queue();
    let (ledger, events) = round.finish();
    let queue = if events.is_empty() {
        ledger.connection.execute("COMMIT").await?;
        None
    } else if touches_queue {
        Some(commit_with_queue(ledger.connection, rev, queue_rev).await?)
    } else {
        let sql = format!("UPDATE tenant SET rev = {rev} WHERE id = '{TENANT}'; COMMIT");
        ledger.connection.execute(&*sql).await?;
        None
    };
    let queue = queue.map(|queue| QueueChange::new(queue, &events));
    Ok(Batch { events, queue })
}

/// Commits with the last stamp as the queue's own, having counted who waits then.
async fn commit_with_queue(
    connection: &mut PgConnection,
    rev: u64,
    queue_rev: u64,
) -> Result<Queue, sqlx::Error> {
    let sql = format!(
        "UPDATE tenant SET rev = {rev} WHERE id = '{TENANT}'; \
         UPDATE chat_group SET queue_rev = {rev} WHERE tenant_id = '{TENANT}' AND id = '{GROUP_DEFAULT}'; \
         SELECT COUNT(*) AS waiting, MIN(queued_at) AS longest FROM conversation \
         WHERE tenant_id = '{TENANT}' AND group_id = '{GROUP_DEFAULT}' AND state = 'queued'; \
         COMMIT"
    );
    // All rows, and so all statements: the one row comes before the commit.
    let rows = connection.fetch_all(&*sql).await?;
    let counts = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Queue {
        group_id: GROUP_DEFAULT.to_owned(),
        version: rev,
        prev: queue_rev,
        waiting: count(counts, "waiting")?,
        longest_waiting_since: optional_time(counts, "longest")?,
    })
}
