//! Commands in line, and the one task that writes.

use std::sync::Mutex;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Pending;
use super::pending::COMMAND_DEADLINE;
use super::round::Done;
use super::settings::Common;
use crate::command::Command;
use crate::error::Error;
use crate::event::Batch;
use crate::reply::Ack;

/// What the writer writes to. It belongs to the writer alone.
pub(super) trait Transact: Send + 'static {
    /// Carries out all commands in one transaction. A refused command leaves no trace in it; an error is every
    /// command's result and means that nothing happened or, after a lost connection, that nobody knows.
    fn transact(
        &mut self,
        commands: Vec<Command>,
    ) -> impl Future<Output = Result<Done, Error>> + Send;

    /// Lets go of the database.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// The line that commands stand in, and its writer.
///
/// The writer takes whatever is in line when it becomes free, and has it carried out with one commit. So commits are
/// shared under load, and nothing waits when there is none.
pub(super) struct Line {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    /// Taken by whoever closes the store and waits for the writer.
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// A command in line.
struct Job {
    command: Command,
    reply: oneshot::Sender<Result<Ack, Error>>,
    /// When the caller gives up. A command that was not begun by then is not carried out.
    deadline: Instant,
}

impl Line {
    /// Starts the writer. What it commits comes out of the receiver.
    pub(super) fn open(
        transact: impl Transact,
        settings: &Common,
    ) -> (Self, mpsc::Receiver<Batch>) {
        let (jobs, line) = mpsc::channel(settings.queue_commands_max);
        let (committed, batches) = mpsc::channel(settings.batches_max);
        let closing = CancellationToken::new();
        let writer = Writer {
            transact,
            jobs_max: settings.commit_commands_max,
            committed,
        };
        let writer = tokio::spawn(writer.run(line, closing.clone()));
        let line = Self {
            jobs,
            closing,
            writer: Mutex::new(Some(writer)),
        };
        (line, batches)
    }

    /// Puts a command in line, at once and in order.
    pub(super) fn submit(&self, command: Command) -> Pending {
        let deadline = Instant::now() + COMMAND_DEADLINE;
        let client_id = command.client_id().cloned();
        let (reply, result) = oneshot::channel();
        match self.jobs.try_send(Job {
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

    /// Finishes what is in line and refuses what comes later.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if let Some(writer) = writer
            && let Err(failure) = writer.await
        {
            error!(%failure, "the store's writer did not end well");
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }
}

/// The task that writes.
struct Writer<T> {
    transact: T,
    jobs_max: usize,
    committed: mpsc::Sender<Batch>,
}

impl<T: Transact> Writer<T> {
    /// Carries out what comes down the line until nobody can send any more, or until `closing`; then what is left in
    /// line.
    async fn run(mut self, mut line: mpsc::Receiver<Job>, closing: CancellationToken) {
        let mut jobs = Vec::with_capacity(self.jobs_max);
        let mut closed = std::pin::pin!(closing.cancelled_owned());
        loop {
            let received = tokio::select! {
                received = line.recv_many(&mut jobs, self.jobs_max) => received,
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
        self.transact.close().await;
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
        if commands.is_empty() {
            return;
        }
        match self.transact.transact(commands).await {
            Ok((batch, results)) => {
                publish(&self.committed, batch).await;
                for (reply, result) in replies.into_iter().zip(results) {
                    // A caller may have stopped waiting.
                    let _ = reply.send(result);
                }
            }
            Err(refusal) => {
                error!(
                    commands = replies.len(),
                    "a commit failed; all of it failed"
                );
                for reply in replies {
                    let _ = reply.send(Err(refusal.clone()));
                }
            }
        }
    }
}

async fn publish(committed: &mpsc::Sender<Batch>, batch: Batch) {
    if batch.events.is_empty() {
        return;
    }
    if committed.send(batch).await.is_err() {
        warn!("nobody publishes committed events; clients learn of them by sync only");
    }
}
