//! What the HTTP requests of one SockJS session and its connection hand each other, besides the outbox.
//!
//! Messages that were posted wait here until the connection takes them. A receiving request says here that it is attached, and how it
//! left: properly, after a whole response, or because its socket broke.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::now;

/// Bytes of posted messages that wait for the connection before a further POST has to wait itself.
const INBOX_BYTES_MAX: usize = 128 * 1024;

/// Whether somebody receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// A request waits for frames or takes them.
    Attached,
    /// Nobody has been there since then.
    Detached(Instant),
    /// A receiver broke off. What it was given may be lost, so the session is over (SockJS protocol, "Handling close").
    Interrupted,
}

/// Why a request cannot receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttachError {
    /// Another one does.
    Occupied,
    /// A receiver on another node was given frames and has not said yet whether they left.
    Unsettled,
    /// The session is over.
    Gone,
}

/// See the module page.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The receiving request.
    pub(crate) receiver: AtomicWaker,
    /// One POST at a time: their messages stay in order, and waiting ones hold no memory.
    pub(crate) posting: tokio::sync::Mutex<()>,
    room: Notify,
    /// A receiver has left, one way or the other.
    settled: Notify,
    /// The session is over.
    ended: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    presence: Presence,
    /// Whoever is attached is on another node and has yet to say whether what it was given has left.
    awaits_word: bool,
    inbox: VecDeque<String>,
    inbox_bytes: usize,
    /// The connection looks after absences by itself and need not be woken for each.
    watched: bool,
    over: bool,
}

impl Exchange {
    /// A session whose first request is being answered.
    pub(crate) fn new(presence: Presence) -> Self {
        Self {
            receiver: AtomicWaker::new(),
            posting: tokio::sync::Mutex::new(()),
            room: Notify::new(),
            settled: Notify::new(),
            ended: Notify::new(),
            state: Mutex::new(State {
                presence,
                awaits_word: false,
                inbox: VecDeque::new(),
                inbox_bytes: 0,
                watched: false,
                over: false,
            }),
        }
    }

    pub(crate) fn presence(&self) -> Presence {
        self.lock().presence
    }

    pub(crate) fn attach(&self) -> Result<(), AttachError> {
        let mut state = self.lock();
        match state.presence {
            _ if state.over => Err(AttachError::Gone),
            Presence::Interrupted => Err(AttachError::Gone),
            Presence::Attached if state.awaits_word => Err(AttachError::Unsettled),
            Presence::Attached => Err(AttachError::Occupied),
            Presence::Detached(_) => {
                state.presence = Presence::Attached;
                Ok(())
            }
        }
    }

    /// Whether the receiver, which is on another node, has yet to say what became of what it was given.
    pub(crate) fn await_word(&self, awaits: bool) {
        self.lock().awaits_word = awaits;
    }

    /// Resolves when the receiver is not [unsettled](AttachError::Unsettled) any more.
    pub(crate) async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            if !self.lock().awaits_word {
                return;
            }
            settled.await;
        }
    }

    /// The receiver has its whole response. `true` if the connection has to be woken to notice.
    pub(crate) fn detach(&self) -> bool {
        let mut state = self.lock();
        state.presence = Presence::Detached(now());
        state.awaits_word = false;
        let unwatched = !state.watched;
        drop(state);
        self.settled.notify_waiters();
        unwatched
    }

    /// Whether the connection has a timer running that will look for an absence.
    pub(crate) fn watch(&self, watched: bool) {
        self.lock().watched = watched;
    }

    /// The receiver broke off.
    pub(crate) fn interrupt(&self) {
        let mut state = self.lock();
        state.presence = Presence::Interrupted;
        state.awaits_word = false;
        drop(state);
        self.settled.notify_waiters();
    }

    /// Hands messages to the connection, as soon as it has taken enough of those before. `false` if the session ended first.
    pub(crate) async fn deliver(&self, messages: Vec<String>) -> bool {
        loop {
            {
                let mut state = self.lock();
                if state.over || state.presence == Presence::Interrupted {
                    return false;
                }
                if state.inbox_bytes < INBOX_BYTES_MAX {
                    state.inbox_bytes += messages.iter().map(String::len).sum::<usize>();
                    state.inbox.extend(messages);
                    return true;
                }
            }
            self.room.notified().await;
        }
    }

    /// Takes all messages that wait.
    pub(crate) fn collect(&self) -> VecDeque<String> {
        let mut state = self.lock();
        state.inbox_bytes = 0;
        let taken = std::mem::take(&mut state.inbox);
        drop(state);
        if !taken.is_empty() {
            self.room.notify_one();
        }
        taken
    }

    /// The session is over: whoever waits is let go.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.over = true;
        state.inbox = VecDeque::new();
        state.inbox_bytes = 0;
        drop(state);
        self.room.notify_one();
        self.ended.notify_waiters();
        self.receiver.wake();
    }

    /// Resolves when the session is over.
    pub(crate) async fn ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.lock().over {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
