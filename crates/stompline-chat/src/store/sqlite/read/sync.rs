//! What changed since a cursor.

use std::collections::{BTreeMap, VecDeque};

use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::super::Fault;
use super::super::round::TENANT;
use super::super::row::{self, column, count, limit, select_reader_head};
use super::settled;
use crate::body::SyncBody;
use crate::id::ConversationId;
use crate::message::Message;
use crate::page::{self, Changes, PAGE_BYTES_MAX};
use crate::person::{Role, UserRef};
use crate::reply::{Checkpoint, ReaderHead, SyncPage};

/// Selects the conversations that agent $2 may see and that changed after $3. The two halves have nothing in common,
/// since nobody is assigned to what waits; each names its index, because finding them any other way reads all that
/// was ever said.
macro_rules! changed_for_agent {
    () => {
        "SELECT id FROM conversation INDEXED BY conversation_queued \
         WHERE tenant_id = $1 AND state = 'queued' AND rev > $3 \
         UNION ALL SELECT id FROM conversation INDEXED BY conversation_assignee \
         WHERE tenant_id = $1 AND assignee_id = $2 AND state IN ('active', 'closed') AND rev > $3"
    };
}

/// True for the conversations that the JSON array $6 names, and for all when there is none.
macro_rules! in_open {
    ($id:literal) => {
        concat!(
            "($6 IS NULL OR ",
            $id,
            " IN (SELECT unhex(value, '-') FROM json_each($6)))"
        )
    };
}

pub(in super::super) async fn sync(
    mut snapshot: Transaction<'static, Sqlite>,
    who: UserRef,
    request: SyncBody,
) -> Result<SyncPage, Fault> {
    let settled = settled(&mut snapshot).await?;
    if request.since > settled {
        return Ok(page::reset(settled));
    }
    let since = Since {
        who: &who,
        rev: request.since,
        items: request.limit(),
    };
    let changes = Changes {
        heads: since.heads(&mut snapshot).await?,
        messages: since.messages(&mut snapshot, request.open.as_ref()).await?,
        gone: since.gone(&mut snapshot).await?,
        settled,
    };
    Ok(changes.page(since.items, PAGE_BYTES_MAX))
}

pub(in super::super) async fn checkpoint(
    mut snapshot: Transaction<'static, Sqlite>,
    who: UserRef,
    since: u64,
) -> Result<Checkpoint, Fault> {
    let settled = settled(&mut snapshot).await?;
    let since = Since {
        who: &who,
        rev: since,
        items: SyncBody::LIMIT_MAX,
    };
    let heads = since.stamps(&mut snapshot).await?;
    let gone = since.gone(&mut snapshot).await?;
    Ok(page::checkpoint(heads, gone, since.items, settled))
}

/// Whose changes, after which stamp, and how many of each sort.
struct Since<'a> {
    who: &'a UserRef,
    rev: u64,
    items: usize,
}

impl Since<'_> {
    /// The heads' stamps alone: every session asks for them all the time.
    async fn stamps(
        &self,
        snapshot: &mut SqliteConnection,
    ) -> Result<Vec<(ConversationId, u64)>, sqlx::Error> {
        let sql = match self.who.role {
            Role::Customer => {
                "SELECT id, public_rev AS rev FROM conversation \
                 WHERE tenant_id = $1 AND customer_id = $2 AND public_rev > $3 ORDER BY public_rev LIMIT $4"
            }
            Role::Agent => concat!(
                "SELECT id, rev FROM conversation WHERE id IN (",
                changed_for_agent!(),
                ") ORDER BY rev LIMIT $4"
            ),
        };
        let rows = self.fetch(snapshot, sql, None).await?;
        row::all(&rows, |found| {
            Ok((row::id(found, "id")?, count(found, "rev")?))
        })
    }

    async fn heads(
        &self,
        snapshot: &mut SqliteConnection,
    ) -> Result<VecDeque<ReaderHead>, sqlx::Error> {
        let sql = match self.who.role {
            Role::Customer => select_reader_head!(
                "WHERE c.tenant_id = $1 AND c.customer_id = $2 AND c.public_rev > $3 \
                 ORDER BY c.public_rev LIMIT $4"
            ),
            Role::Agent => select_reader_head!(
                "WHERE c.id IN (",
                changed_for_agent!(),
                ") ORDER BY c.rev LIMIT $4"
            ),
        };
        let rows = self.fetch(snapshot, sql, None).await?;
        row::all(&rows, |found| reader_head(found, self.who.role))
    }

    async fn messages(
        &self,
        snapshot: &mut SqliteConnection,
        open: Option<&BTreeMap<ConversationId, u64>>,
    ) -> Result<VecDeque<Message>, sqlx::Error> {
        // A conversation with a newer message is itself newer, which keeps the search to those that changed.
        let sql = match self.who.role {
            Role::Customer => concat!(
                "SELECT m.* FROM conversation c CROSS JOIN message m ON m.conversation_id = c.id \
                 WHERE c.tenant_id = $1 AND c.customer_id = $2 AND c.public_rev > $3 \
                 AND m.visibility = 'public' AND m.rev > $3 AND ",
                in_open!("c.id"),
                " ORDER BY m.rev LIMIT $4"
            ),
            Role::Agent => concat!(
                "SELECT m.* FROM message m WHERE m.conversation_id IN (",
                changed_for_agent!(),
                ") AND m.rev > $3 AND ",
                in_open!("m.conversation_id"),
                " ORDER BY m.rev LIMIT $4"
            ),
        };
        let ids = open.map(|open| serde_json::json!(open.keys().collect::<Vec<_>>()).to_string());
        let rows = self.fetch(snapshot, sql, ids).await?;
        row::all(&rows, row::message)
    }

    /// What an agent could see while it waited and cannot see now. A customer loses nothing.
    async fn gone<C>(&self, snapshot: &mut SqliteConnection) -> Result<C, sqlx::Error>
    where
        C: Default + FromIterator<(ConversationId, u64)>,
    {
        if self.who.role == Role::Customer {
            return Ok(C::default());
        }
        let sql = "SELECT id, left_queue_rev FROM conversation \
                   WHERE tenant_id = $1 AND left_queue_rev > $3 AND state <> 'queued' AND assignee_id IS NOT $2 \
                   ORDER BY left_queue_rev LIMIT $4";
        let rows = self.fetch(snapshot, sql, None).await?;
        row::all(&rows, |found| {
            Ok((row::id(found, "id")?, count(found, "left_queue_rev")?))
        })
    }

    async fn fetch(
        &self,
        snapshot: &mut SqliteConnection,
        sql: &'static str,
        open: Option<String>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        sqlx::query(sql)
            .bind(TENANT)
            .bind(&*self.who.id)
            .bind(column(self.rev))
            .bind(limit(Changes::fetch(self.items)))
            .bind(self.who.role.as_str())
            .bind(open)
            .fetch_all(snapshot)
            .await
    }
}

/// A row of `select_conversation!(@reader, ..)`.
pub(super) fn reader_head(found: &SqliteRow, reader: Role) -> Result<ReaderHead, sqlx::Error> {
    Ok(ReaderHead {
        head: row::conversation(found)?.head(reader),
        unread: count(found, "unread")?,
    })
}
