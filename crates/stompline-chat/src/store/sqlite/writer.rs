//! The one task that writes.

use std::fs::File;
use std::sync::Mutex;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::ContextV7;

use super::{SqliteSettings, round};
use crate::command::Command;
use crate::error::Error;
use crate::event::Batch;
use crate::reply::Ack;

/// A command in line.
pub(super) struct Job {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<Ack, Error>>,
    /// When the caller gives up. A command that was not begun by then is not carried out.
    pub(super) deadline: Instant,
}

/// Owns the writing connection and what only writing needs.
pub(super) struct Writer {
    connection: SqliteConnection,
    context: Context,
    committed: mpsc::Sender<Batch>,
    /// Held, not used: it keeps other processes out until the connection is gone.
    lock: File,
}

/// What commands need besides the database.
pub(super) struct Context {
    pub(super) settings: SqliteSettings,
    /// Makes ids grow even within one millisecond.
    pub(super) ids: Mutex<ContextV7>,
}

impl Writer {
    pub(super) fn new(
        connection: SqliteConnection,
        lock: File,
        settings: SqliteSettings,
        committed: mpsc::Sender<Batch>,
    ) -> Self {
        let context = Context {
            settings,
            ids: Mutex::new(ContextV7::new()),
        };
        Self {
            connection,
            context,
            committed,
            lock,
        }
    }

    /// Carries out what comes down the line until nobody can send any more, or until `closing`; then what is left in
    /// line.
    pub(super) async fn run(mut self, mut line: mpsc::Receiver<Job>, closing: CancellationToken) {
        let jobs_max = self.context.settings.commit_commands_max;
        let mut jobs = Vec::with_capacity(jobs_max);
        let mut closed = std::pin::pin!(closing.cancelled_owned());
        loop {
            let received = tokio::select! {
                received = line.recv_many(&mut jobs, jobs_max) => received,
                () = &mut closed, if !line.is_closed() => {
                    line.close();
                    continue;
                }
            };
            if received == 0 {
                break;
            }
            self.commit(&mut jobs).await;
        }
        if let Err(failure) = self.connection.close().await {
            warn!(%failure, "the database did not close well; it repairs itself when opened");
        }
        drop(self.lock);
    }

    /// One commit for all `jobs`. Their results leave when it is done and its events are on their way.
    async fn commit(&mut self, jobs: &mut Vec<Job>) {
        let now = Instant::now();
        let mut commands = Vec::with_capacity(jobs.len());
        let mut replies = Vec::with_capacity(jobs.len());
        for Job {
            command,
            reply,
            deadline,
        } in jobs.drain(..)
        {
            if deadline <= now {
                // Nobody waits for this any more, and the caller was told to try again.
                continue;
            }
            commands.push(command);
            replies.push(reply);
        }
        match round::carry_out(&mut self.connection, &self.context, commands).await {
            Ok((batch, results)) => {
                self.publish(batch).await;
                for (reply, result) in replies.into_iter().zip(results) {
                    // A caller may have stopped waiting.
                    let _ = reply.send(result);
                }
            }
            Err(failure) => {
                error!(%failure, commands = replies.len(), "a commit failed; none of it happened");
                for reply in replies {
                    let _ = reply.send(Err(Error::unavailable("the store could not write")));
                }
            }
        }
    }

    async fn publish(&self, batch: Batch) {
        if batch.events.is_empty() {
            return;
        }
        if self.committed.send(batch).await.is_err() {
            warn!("nobody publishes committed events; clients learn of them by sync only");
        }
    }
}
