//! One transaction of the writer: many commands, one commit.

use std::sync::Mutex;
use std::time::Duration;

use uuid::{ContextV7, Uuid};

use super::command::carry_out_one;
use super::fault::Fault;
use super::ledger::Ledger;
use super::settings::Common;
use crate::command::Command;
use crate::conversation::Stamp;
use crate::error::Error;
use crate::event::{Batch, Event};
use crate::reply::Ack;
use crate::time::{Clock, Timestamp};

/// The only tenant for now.
pub(super) const TENANT: &str = "default";

/// The only site for now.
pub(super) const SITE: &str = "default";

/// What a transaction made true, and the result of each of its commands, in order.
pub(super) type Done = (Batch, Vec<Result<Ack, Error>>);

/// What commands need besides the database.
pub(super) struct Context {
    clock: Clock,
    pub(super) reopen_window: Duration,
    /// Makes ids grow even within one millisecond.
    ids: Mutex<ContextV7>,
}

impl Context {
    pub(super) fn new(settings: &Common) -> Self {
        Self {
            clock: settings.clock.clone(),
            reopen_window: settings.reopen_window,
            ids: Mutex::new(ContextV7::new()),
        }
    }
}

/// A transaction that is being filled.
pub(super) struct Round<'a, L> {
    pub(super) ledger: L,
    pub(super) context: &'a Context,
    now: Timestamp,
    /// The last stamp given.
    rev: u64,
    events: Vec<Event>,
}

/// A place in the course of a transaction.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    rev: u64,
    events: usize,
}

impl<'a, L: Ledger> Round<'a, L> {
    /// Goes on from the last stamp that was committed.
    pub(super) fn new(ledger: L, context: &'a Context, rev: u64) -> Self {
        Self {
            ledger,
            context,
            now: (context.clock)(),
            rev,
            events: Vec::new(),
        }
    }

    /// One command. An error means that the whole transaction is lost.
    pub(super) async fn attempt(
        &mut self,
        command: Command,
    ) -> Result<Result<Ack, Error>, sqlx::Error> {
        let before = self.mark();
        match carry_out_one(self, command).await {
            Ok(ack) => Ok(Ok(ack)),
            Err(Fault::Lost(failure)) => Err(failure),
            Err(fault) => {
                self.go_back(before);
                Ok(Err(fault.into_error()))
            }
        }
    }
}

impl<L> Round<'_, L> {
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

    /// Where a command began, to go back to when it leaves no trace.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            rev: self.rev,
            events: self.events.len(),
        }
    }

    /// Forgets the stamps and the events since then.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.rev = mark.rev;
        self.events.truncate(mark.events);
    }

    /// The last stamp given.
    pub(super) const fn rev(&self) -> u64 {
        self.rev
    }

    /// Whether somebody began or ceased to wait, or changed while waiting.
    pub(super) fn touches_queue(&self) -> bool {
        self.events.iter().any(|event| event.queue.is_some())
    }

    /// The ledger and what happened in it, in order.
    pub(super) fn finish(self) -> (L, Vec<Event>) {
        (self.ledger, self.events)
    }
}
