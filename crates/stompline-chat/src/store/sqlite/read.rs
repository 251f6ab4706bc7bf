//! The questions, each answered from one snapshot.

pub(super) mod bootstrap;
pub(super) mod history;
pub(super) mod sync;

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::Fault;
use super::round::TENANT;
use super::row::{self, count, limit, optional_time, select_conversation};
use crate::conversation::{Conversation, GROUP_DEFAULT};
use crate::error::Error;
use crate::head::Head;
use crate::id::ConversationId;
use crate::person::{Role, UserRef};
use crate::reply::QueueSnapshot;

/// How many of those who wait a snapshot names. The first ones matter; the rest is a number.
const QUEUE_ENTRIES_MAX: usize = 50;

pub(super) async fn head(
    mut snapshot: Transaction<'static, Sqlite>,
    who: UserRef,
    id: ConversationId,
) -> Result<Head, Fault> {
    let conversation = readable(&mut snapshot, &who, id).await?;
    Ok(conversation.head(who.role))
}

pub(super) async fn queue(
    mut snapshot: Transaction<'static, Sqlite>,
) -> Result<QueueSnapshot, Fault> {
    Ok(queue_in(&mut snapshot).await?)
}

async fn queue_in(snapshot: &mut SqliteConnection) -> Result<QueueSnapshot, sqlx::Error> {
    let counts = sqlx::query(
        "SELECT g.queue_rev, COUNT(c.id) AS waiting, MIN(c.queued_at) AS longest \
         FROM chat_group g LEFT JOIN conversation c \
         ON c.tenant_id = g.tenant_id AND c.group_id = g.id AND c.state = 'queued' \
         WHERE g.tenant_id = $1 AND g.id = $2 GROUP BY g.id",
    )
    .bind(TENANT)
    .bind(GROUP_DEFAULT)
    .fetch_one(&mut *snapshot)
    .await?;
    let entries = sqlx::query(select_conversation!(
        "WHERE c.tenant_id = $1 AND c.group_id = $2 AND c.state = 'queued' ORDER BY c.queued_at, c.id LIMIT $3"
    ))
    .bind(TENANT)
    .bind(GROUP_DEFAULT)
    .bind(limit(QUEUE_ENTRIES_MAX))
    .fetch_all(snapshot)
    .await?;
    Ok(QueueSnapshot {
        group_id: GROUP_DEFAULT.to_owned(),
        version: count(&counts, "queue_rev")?,
        waiting: count(&counts, "waiting")?,
        longest_waiting_since: optional_time(&counts, "longest")?,
        entries: row::all(&entries, |entry| {
            Ok(row::conversation(entry)?.head(Role::Agent))
        })?,
    })
}

/// A conversation that exists and that this person may read.
async fn readable(
    snapshot: &mut SqliteConnection,
    who: &UserRef,
    id: ConversationId,
) -> Result<Conversation, Fault> {
    let found = sqlx::query(select_conversation!("WHERE c.id = $1"))
        .bind(id.uuid())
        .fetch_optional(snapshot)
        .await?
        .ok_or(Error::NotFound)?;
    let found = row::conversation(&found)?;
    found.may_read(who)?;
    Ok(found)
}

/// The stamp of the last commit: everything up to it is in the snapshot, and nothing after it.
async fn settled(snapshot: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let stamp = sqlx::query("SELECT rev FROM tenant WHERE id = $1")
        .bind(TENANT)
        .fetch_one(snapshot)
        .await?;
    count(&stamp, "rev")
}
