//! Pointer moves, thinned before the store sees them.
//!
//! Reading down a page moves a pointer many times a second. The first move of a participant is written at once, and
//! after that one a second: each write carries everything up to then, since pointers are cumulative.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::command::PointerMove;
use crate::error::Error;
use crate::id::ConversationId;
use crate::person::UserRef;
use crate::reply::Ack;
use crate::store::pending::COMMAND_DEADLINE;
use crate::store::{Pending, Store};

/// The time between two writes of one participant's pointers.
pub const POINTER_PACE: Duration = Duration::from_secs(1);

/// How many participants may be between two writes: ten thousand busy conversations.
const PACED_MAX: usize = 20_000;

/// How many of one participant's moves may wait for the same write; what one session may have pending.
const WAITERS_MAX: usize = 64;

/// Hands pointer moves to a store, at most one write a second for each participant.
///
/// [`PointerWriter::close`] writes what is held back; dropping it without that loses up to a second of moves, which
/// clients repeat.
pub struct PointerWriter {
    shared: Arc<Shared>,
    /// Taken by whoever closes the writer and waits for its task.
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    store: Arc<dyn Store>,
    pacer: Mutex<Pacer>,
    /// Rung when there is something to wait for and was not before, and when it is time to stop.
    changed: Notify,
}

impl PointerWriter {
    /// Starts the task that writes held moves when their time comes.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let shared = Arc::new(Shared {
            store,
            pacer: Mutex::new(Pacer::default()),
            changed: Notify::new(),
        });
        let task = tokio::spawn(Arc::clone(&shared).run());
        Self {
            shared,
            task: Mutex::new(Some(task)),
        }
    }

    /// Moves somebody's pointers, now or within a second. The result resolves with the write that carries the move;
    /// nobody has to wait for it.
    ///
    /// # Errors
    ///
    /// Through the result: those of [`Store::submit`], and [`Error::RateLimited`] when too many are held back.
    pub fn point(&self, moved: PointerMove) -> Pending {
        let mut pacer = self.shared.pacer();
        match pacer.offer(Instant::now(), moved) {
            Offered::Write(moved) => {
                // Pauses end in the order in which they began, so only the first one needs to be told.
                if pacer.paced.len() == 1 {
                    self.shared.changed.notify_one();
                }
                self.shared.store.submit(moved.into())
            }
            Offered::Held { result, until } => {
                Pending::waiting(None, result, until + COMMAND_DEADLINE)
            }
            Offered::Refused(error) => Pending::refused(error),
        }
    }

    /// Writes what is held back, waits for it, and refuses further moves.
    pub async fn close(&self) {
        let held = self.shared.pacer().close();
        self.shared.changed.notify_one();
        self.shared.write(held).await;
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task
            && let Err(failure) = task.await
        {
            tracing::error!(%failure, "the pointer writer did not end well");
        }
    }
}

impl Drop for PointerWriter {
    fn drop(&mut self) {
        self.shared.pacer().close();
        self.shared.changed.notify_one();
    }
}

impl fmt::Debug for PointerWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paced = self.shared.pacer().paced.len();
        f.debug_struct("PointerWriter")
            .field("paced", &paced)
            .finish_non_exhaustive()
    }
}

impl Shared {
    async fn run(self: Arc<Self>) {
        loop {
            let wake = {
                let pacer = self.pacer();
                if pacer.closed {
                    return;
                }
                pacer.next_wake()
            };
            match wake {
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {
                        let due = self.pacer().due(Instant::now());
                        self.write(due).await;
                    }
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    /// Submits all at once, so that they share a commit, and tells those who wait.
    async fn write(&self, held: Vec<Held>) {
        let writes = held.into_iter().map(|Held { moved, waiters }| {
            let pending = self.store.submit(moved.into());
            async move {
                let result = pending.await;
                for waiter in waiters {
                    // Few wait for this.
                    let _ = waiter.send(result.clone());
                }
            }
        });
        join_all(writes).await;
    }

    /// The pacer is whole after each of its methods, so a panic elsewhere does not spoil it.
    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (ConversationId, UserRef);

/// Decides which move is written when. Knows no clock and no store.
#[derive(Default)]
struct Pacer {
    paced: HashMap<Key, Paced>,
    /// The keys of `paced` by the end of their pause.
    wakes: BTreeMap<(Instant, u64), Key>,
    /// Keeps equal times apart.
    turn: u64,
    closed: bool,
}

/// A participant who was written less than a pace ago.
struct Paced {
    until: (Instant, u64),
    held: Option<Held>,
}

struct Held {
    moved: PointerMove,
    waiters: Vec<oneshot::Sender<Result<Ack, Error>>>,
}

/// What becomes of a move.
enum Offered {
    Write(PointerMove),
    Held {
        result: oneshot::Receiver<Result<Ack, Error>>,
        until: Instant,
    },
    Refused(Error),
}

impl Pacer {
    fn offer(&mut self, now: Instant, moved: PointerMove) -> Offered {
        if self.closed {
            return Offered::Refused(Error::unavailable("the server is stopping"));
        }
        let key = (moved.conversation_id, moved.who.clone());
        let Some(paced) = self.paced.get_mut(&key) else {
            if self.paced.len() >= PACED_MAX {
                return Offered::Refused(Error::RateLimited {
                    retry_after: POINTER_PACE,
                });
            }
            self.pause(now, key);
            return Offered::Write(moved);
        };
        let held = paced.held.get_or_insert_with(|| Held {
            moved: moved.clone(),
            waiters: Vec::new(),
        });
        held.waiters.retain(|waiter| !waiter.is_closed());
        if held.waiters.len() >= WAITERS_MAX {
            return Offered::Refused(Error::RateLimited {
                retry_after: POINTER_PACE,
            });
        }
        held.moved.delivered = held.moved.delivered.max(moved.delivered);
        held.moved.read = held.moved.read.max(moved.read);
        let (waiter, result) = oneshot::channel();
        held.waiters.push(waiter);
        Offered::Held {
            result,
            until: paced.until.0,
        }
    }

    /// The moves whose pause is over. Each begins another pause; who moved nothing meanwhile is forgotten.
    fn due(&mut self, now: Instant) -> Vec<Held> {
        let mut due = Vec::new();
        while let Some(wake) = self.wakes.first_entry()
            && wake.key().0 <= now
        {
            let key = wake.remove();
            if let Some(held) = self.paced.remove(&key).and_then(|paced| paced.held) {
                self.pause(now, key);
                due.push(held);
            }
        }
        due
    }

    fn next_wake(&self) -> Option<Instant> {
        self.wakes.first_key_value().map(|((at, _), _)| *at)
    }

    fn close(&mut self) -> Vec<Held> {
        self.closed = true;
        self.wakes.clear();
        self.paced
            .drain()
            .filter_map(|(_, paced)| paced.held)
            .collect()
    }

    fn pause(&mut self, now: Instant, key: Key) {
        self.turn += 1;
        let until = (now + POINTER_PACE, self.turn);
        self.wakes.insert(until, key.clone());
        self.paced.insert(key, Paced { until, held: None });
    }
}

#[cfg(test)]
mod tests;
