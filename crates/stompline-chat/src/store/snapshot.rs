//! What questions read, from one moment.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::conversation::{Conversation, Phase};
use crate::id::ConversationId;
use crate::message::Message;
use crate::person::{Role, UserRef};
use crate::reply::{QueueSnapshot, ReaderHead};

/// A view of the database that does not change while it is read.
pub(super) trait Snapshot: Send {
    /// The stamp of the last commit: everything up to it is in the snapshot, and nothing after it.
    fn settled(&mut self) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// The conversation of that name.
    fn conversation(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Conversation>, sqlx::Error>> + Send;

    /// The conversation that a customer means without naming one: the open one, else the one closed last.
    fn latest(
        &mut self,
        customer: &UserRef,
    ) -> impl Future<Output = Result<Option<ConversationId>, sqlx::Error>> + Send;

    /// The queue, with at most that many of those who wait.
    fn queue(
        &mut self,
        entries_max: usize,
    ) -> impl Future<Output = Result<QueueSnapshot, sqlx::Error>> + Send;

    /// Heads as their reader sees them.
    fn heads(
        &mut self,
        which: &Heads<'_>,
    ) -> impl Future<Output = Result<VecDeque<ReaderHead>, sqlx::Error>> + Send;

    /// The stamps alone of the heads that [`Heads::Changed`] names: every session asks for them all the time.
    fn stamps(
        &mut self,
        since: &Since<'_>,
    ) -> impl Future<Output = Result<Vec<(ConversationId, u64)>, sqlx::Error>> + Send;

    /// Those of `customers` with a conversation that changed after `since` as they see it.
    fn customers_behind(
        &mut self,
        customers: &[Arc<str>],
        since: u64,
    ) -> impl Future<Output = Result<Vec<Arc<str>>, sqlx::Error>> + Send;

    /// The changed messages that somebody may see, in `rev` order; only those of the conversations in `open`, if it
    /// is there.
    fn changed_messages(
        &mut self,
        since: &Since<'_>,
        open: Option<&[ConversationId]>,
    ) -> impl Future<Output = Result<VecDeque<Message>, sqlx::Error>> + Send;

    /// The conversations that an agent could see while they waited and cannot see now, with the stamps by which they
    /// left, in `rev` order.
    fn gone(
        &mut self,
        since: &Since<'_>,
    ) -> impl Future<Output = Result<Vec<(ConversationId, u64)>, sqlx::Error>> + Send;

    /// Messages of one conversation from the end that `place` says: ascending from the start, or descending.
    fn messages(
        &mut self,
        place: &Place,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Message>, sqlx::Error>> + Send;
}

/// Which heads, in which order.
pub(super) enum Heads<'a> {
    /// Those that somebody may see and that changed, in `rev` order.
    Changed(&'a Since<'a>),
    /// That one, for that reader.
    One(&'a UserRef, ConversationId),
    /// An agent's own, the last changed first.
    Own(&'a Own<'a>),
}

/// Which of an agent's own conversations.
pub(super) struct Own<'a> {
    pub(super) agent: &'a UserRef,
    pub(super) state: Phase,
    pub(super) customer: Option<&'a str>,
    pub(super) conversation: Option<ConversationId>,
    /// Only those with a smaller stamp.
    pub(super) before: u64,
    pub(super) limit: usize,
}

/// Whose changes, after which stamp, and how many of each sort.
pub(super) struct Since<'a> {
    pub(super) who: &'a UserRef,
    pub(super) rev: u64,
    pub(super) limit: usize,
}

/// Which messages, and from which end of them a page is taken.
pub(super) struct Place {
    pub(super) id: ConversationId,
    pub(super) role: Role,
    /// Exclusive on both sides.
    pub(super) bounds: (u64, u64),
    pub(super) from_start: bool,
}
