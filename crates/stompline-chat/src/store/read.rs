//! The questions, each answered from one snapshot.

pub(super) mod bootstrap;
pub(super) mod history;
pub(super) mod list;
pub(super) mod sync;

use super::fault::Fault;
use super::snapshot::Snapshot;
use crate::conversation::Conversation;
use crate::error::Error;
use crate::head::Head;
use crate::id::ConversationId;
use crate::person::UserRef;
use crate::reply::QueueSnapshot;

/// How long a question may take. Answers take milliseconds; longer means that the database is stuck.
pub(super) const READ_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);

/// How many of those who wait a snapshot names. The first ones matter; the rest is a number.
const QUEUE_ENTRIES_MAX: usize = 50;

pub(super) async fn head<S: Snapshot>(
    mut snapshot: S,
    who: UserRef,
    id: ConversationId,
) -> Result<Head, Fault> {
    let conversation = readable(&mut snapshot, &who, id).await?;
    Ok(conversation.head(who.role))
}

pub(super) async fn settled<S: Snapshot>(mut snapshot: S) -> Result<u64, Fault> {
    Ok(snapshot.settled().await?)
}

pub(super) async fn queue<S: Snapshot>(mut snapshot: S) -> Result<QueueSnapshot, Fault> {
    Ok(snapshot.queue(QUEUE_ENTRIES_MAX).await?)
}

/// A conversation that exists and that this person may read.
async fn readable<S: Snapshot>(
    snapshot: &mut S,
    who: &UserRef,
    id: ConversationId,
) -> Result<Conversation, Fault> {
    let found = snapshot.conversation(id).await?.ok_or(Error::NotFound)?;
    found.may_read(who)?;
    Ok(found)
}
