//! Checkpoints: every 30 s a session is told, from the store and not from what was pushed, what it must hold.
//!
//! A client that is behind has lost events on the way and asks for a sync. Sessions are spread over the seconds, and one for whom nothing was
//! committed since its last checkpoint costs a comparison.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use stompline::{Message, Outgoing, Stompline};
use tokio_util::sync::CancellationToken;

use super::{Chat, Shared, caller::person, publish::SIGNALS};
use crate::signal::CheckpointSignal;

/// Seconds between two checkpoints of a session: a lost event is healed within this time and a round trip.
const PERIOD_S: usize = 30;

#[derive(Default)]
pub(super) struct Checkpoints {
    /// The last `rev` that was committed.
    latest: AtomicU64,
    /// Sessions and the cursor of their last checkpoint, by the second in which their turn comes.
    turns: [Mutex<HashMap<Box<str>, u64>>; PERIOD_S],
}

impl Checkpoints {
    pub(super) fn advance(&self, rev: u64) {
        self.latest.fetch_max(rev, Ordering::Relaxed);
    }

    /// The last `rev` that is known to be committed, by whichever node.
    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Relaxed)
    }

    /// The sessions of this node.
    pub(super) fn watched(&self) -> Vec<Box<str>> {
        let turns = 0..PERIOD_S;
        turns
            .flat_map(|turn| self.with_turn(turn, |turn| turn.keys().cloned().collect::<Vec<_>>()))
            .collect()
    }

    /// Begins with what is committed now; what came before reaches the session by bootstrap or sync.
    pub(super) fn watch(&self, session: &str) {
        let latest = self.latest();
        self.with_turn(turn_of(session), |turn| turn.insert(session.into(), latest));
    }

    pub(super) fn forget(&self, session: &str) {
        self.with_turn(turn_of(session), |turn| turn.remove(session));
    }

    /// Sessions of a second for whom something may have been committed.
    fn due(&self, turn: usize) -> Vec<(Box<str>, u64)> {
        let latest = self.latest();
        self.with_turn(turn, |turn| {
            let behind = turn.iter().filter(|(_, cursor)| **cursor < latest);
            behind
                .map(|(session, cursor)| (session.clone(), *cursor))
                .collect()
        })
    }

    /// Where a session was told last that it must be.
    fn cursor(&self, session: &str) -> Option<u64> {
        self.with_turn(turn_of(session), |turn| turn.get(session).copied())
    }

    fn set(&self, session: &str, cursor: u64) {
        self.with_turn(turn_of(session), |turn| {
            if let Some(known) = turn.get_mut(session) {
                *known = cursor;
            }
        });
    }

    fn with_turn<T>(&self, turn: usize, act: impl FnOnce(&mut HashMap<Box<str>, u64>) -> T) -> T {
        act(&mut self.turns[turn]
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells the sessions of each second in turn, until `stop`.
pub(super) async fn run(chat: Chat, app: Stompline, stop: CancellationToken) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for turn in (0..PERIOD_S).cycle() {
        tokio::select! {
            _ = seconds.tick() => {}
            () = stop.cancelled() => return,
        }
        look(&chat).await;
        for (session, cursor) in chat.shared.checkpoints.due(turn) {
            if stop.is_cancelled() {
                return;
            }
            tell(&chat, &app, &session, cursor).await;
        }
    }
}

/// Asks the store how far it is: what other nodes commit may not come here, and it may not be there itself.
async fn look(chat: &Chat) {
    let Shared {
        store,
        checkpoints,
        health,
        ..
    } = &*chat.shared;
    match store.settled().await {
        Ok(rev) => {
            checkpoints.advance(rev);
            health.answered();
        }
        Err(error) => {
            tracing::debug!(%error, "the store does not say how far it is");
            health.failed(error);
        }
    }
}

/// Tells a session of this node where it must be, counting from `since` or from what it was told last if that is longer ago.
pub(super) async fn tell(chat: &Chat, app: &Stompline, id: &str, since: u64) {
    let Some(cursor) = chat.shared.checkpoints.cursor(id) else {
        return;
    };
    let cursor = cursor.min(since);
    let Some(session) = app.session(id) else {
        return;
    };
    let Some(person) = person(session.principal()) else {
        return;
    };
    let checkpoint = match chat.store().checkpoint(person.user, cursor).await {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            tracing::debug!(%error, "a checkpoint could not be computed");
            return;
        }
    };
    chat.shared.checkpoints.set(id, checkpoint.cursor);
    if checkpoint.heads.is_empty() && checkpoint.gone.is_empty() {
        return;
    }
    let signal = CheckpointSignal::from(checkpoint);
    if let Ok(message) = Message::json(&signal) {
        let message = message
            .header("event", "checkpoint")
            .header("key", signal.key);
        app.messenger()
            .publish_to_session(&session, Outgoing::session(SIGNALS, message));
    }
}

fn turn_of(session: &str) -> usize {
    session
        .bytes()
        .fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % PERIOD_S)
}
