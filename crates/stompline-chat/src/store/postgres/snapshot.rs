//! Questions to PostgreSQL.

use std::collections::VecDeque;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Error, Postgres, Transaction};
use uuid::Uuid;

use super::sql::{changed_for_agent, select_conversation, select_reader_head};
use crate::conversation::{Conversation, GROUP_DEFAULT};
use crate::id::ConversationId;
use crate::message::Message;
use crate::person::{Role, UserRef};
use crate::reply::{QueueSnapshot, ReaderHead};
use crate::store::round::TENANT;
use crate::store::row::{self, column, count, limit, optional_time};
use crate::store::snapshot::{Heads, Own, Place, Since, Snapshot};

/// A reading transaction of one snapshot.
pub(super) struct PostgresSnapshot(pub(super) Transaction<'static, Postgres>);

impl Snapshot for PostgresSnapshot {
    async fn settled(&mut self) -> Result<u64, Error> {
        let stamp = sqlx::query("SELECT rev FROM tenant WHERE id = $1")
            .bind(TENANT)
            .fetch_one(&mut *self.0)
            .await?;
        count(&stamp, "rev")
    }

    async fn conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, Error> {
        sqlx::query(select_conversation!("WHERE c.id = $1"))
            .bind(id.uuid())
            .fetch_optional(&mut *self.0)
            .await?
            .map(|found| row::conversation(&found))
            .transpose()
    }

    async fn latest(&mut self, customer: &UserRef) -> Result<Option<ConversationId>, Error> {
        sqlx::query_scalar::<_, Uuid>(
            "SELECT id FROM conversation WHERE tenant_id = $1 AND customer_id = $2 \
             ORDER BY state = 'closed', closed_at DESC NULLS LAST, id DESC LIMIT 1",
        )
        .bind(TENANT)
        .bind(&*customer.id)
        .fetch_optional(&mut *self.0)
        .await
        .map(|found| found.map(ConversationId::new))
    }

    async fn queue(&mut self, entries_max: usize) -> Result<QueueSnapshot, Error> {
        let counts = sqlx::query(
            "SELECT g.queue_rev, COUNT(c.id) AS waiting, MIN(c.queued_at) AS longest \
             FROM chat_group g LEFT JOIN conversation c \
             ON c.tenant_id = g.tenant_id AND c.group_id = g.id AND c.state = 'queued' \
             WHERE g.tenant_id = $1 AND g.id = $2 GROUP BY g.tenant_id, g.id",
        )
        .bind(TENANT)
        .bind(GROUP_DEFAULT)
        .fetch_one(&mut *self.0)
        .await?;
        let entries = sqlx::query(select_conversation!(
            "WHERE c.tenant_id = $1 AND c.group_id = $2 AND c.state = 'queued' ORDER BY c.queued_at, c.id LIMIT $3"
        ))
        .bind(TENANT)
        .bind(GROUP_DEFAULT)
        .bind(limit(entries_max))
        .fetch_all(&mut *self.0)
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

    async fn heads(&mut self, which: &Heads<'_>) -> Result<VecDeque<ReaderHead>, Error> {
        let (sql, who, limit_items, rev, id) = match which {
            Heads::Changed(since) => {
                let sql = match since.who.role {
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
                (sql, since.who, since.limit, since.rev, None)
            }
            Heads::One(who, id) => {
                let sql = select_reader_head!("WHERE c.tenant_id = $1 AND c.id = $6 LIMIT $4");
                (sql, *who, 1, 0, Some(id.uuid()))
            }
            Heads::Own(own) => return self.own(own).await,
        };
        let rows = sqlx::query(sql)
            .bind(TENANT)
            .bind(&*who.id)
            .bind(column(rev))
            .bind(limit(limit_items))
            .bind(who.role.as_str())
            .bind(id)
            .fetch_all(&mut *self.0)
            .await?;
        row::all(&rows, |found| row::reader_head(found, who.role))
    }

    async fn stamps(&mut self, since: &Since<'_>) -> Result<Vec<(ConversationId, u64)>, Error> {
        let sql = match since.who.role {
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
        row::all(&self.changed(since, sql, None).await?, row::stamp)
    }

    async fn customers_behind(
        &mut self,
        customers: &[Arc<str>],
        since: u64,
    ) -> Result<Vec<Arc<str>>, Error> {
        let ids: Vec<&str> = customers.iter().map(|id| &**id).collect();
        let behind: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT customer_id FROM conversation \
             WHERE tenant_id = $1 AND customer_id = ANY ($2) AND public_rev > $3",
        )
        .bind(TENANT)
        .bind(ids)
        .bind(column(since))
        .fetch_all(&mut *self.0)
        .await?;
        Ok(behind.into_iter().map(Arc::from).collect())
    }

    async fn changed_messages(
        &mut self,
        since: &Since<'_>,
        open: Option<&[ConversationId]>,
    ) -> Result<VecDeque<Message>, Error> {
        // A conversation with a newer message is itself newer, which keeps the search to those that changed.
        let sql = match since.who.role {
            Role::Customer => {
                "SELECT m.* FROM conversation c JOIN message m ON m.conversation_id = c.id \
                 WHERE c.tenant_id = $1 AND c.customer_id = $2 AND c.public_rev > $3 \
                 AND m.visibility = 'public' AND m.rev > $3 AND ($6 IS NULL OR c.id = ANY ($6)) \
                 ORDER BY m.rev LIMIT $4"
            }
            Role::Agent => concat!(
                "SELECT m.* FROM message m WHERE m.conversation_id IN (",
                changed_for_agent!(),
                ") AND m.rev > $3 AND ($6 IS NULL OR m.conversation_id = ANY ($6)) \
                 ORDER BY m.rev LIMIT $4"
            ),
        };
        let ids = open.map(|open| open.iter().map(|id| id.uuid()).collect());
        row::all(&self.changed(since, sql, ids).await?, row::message)
    }

    async fn gone(&mut self, since: &Since<'_>) -> Result<Vec<(ConversationId, u64)>, Error> {
        let sql = "SELECT id, left_queue_rev AS rev FROM conversation \
                   WHERE tenant_id = $1 AND left_queue_rev > $3 AND state <> 'queued' AND assignee_id IS DISTINCT FROM $2 \
                   ORDER BY left_queue_rev LIMIT $4";
        row::all(&self.changed(since, sql, None).await?, row::stamp)
    }

    async fn messages(&mut self, place: &Place, max: usize) -> Result<Vec<Message>, Error> {
        let sql = if place.from_start {
            "SELECT * FROM message WHERE conversation_id = $1 AND seq > $2 AND seq < $3 \
             AND ($4 OR visibility = 'public') ORDER BY seq LIMIT $5"
        } else {
            "SELECT * FROM message WHERE conversation_id = $1 AND seq > $2 AND seq < $3 \
             AND ($4 OR visibility = 'public') ORDER BY seq DESC LIMIT $5"
        };
        let rows = sqlx::query(sql)
            .bind(place.id.uuid())
            .bind(column(place.bounds.0))
            .bind(column(place.bounds.1))
            .bind(place.role == Role::Agent)
            .bind(limit(max))
            .fetch_all(&mut *self.0)
            .await?;
        row::all(&rows, row::message)
    }
}

impl PostgresSnapshot {
    async fn own(&mut self, own: &Own<'_>) -> Result<VecDeque<ReaderHead>, Error> {
        let rows = sqlx::query(select_reader_head!(
            "WHERE c.tenant_id = $1 AND c.assignee_id = $2 AND c.state = $6 AND c.rev < $3 \
             AND ($7 IS NULL OR c.customer_id = $7) AND ($8 IS NULL OR c.id = $8) \
             ORDER BY c.rev DESC LIMIT $4"
        ))
        .bind(TENANT)
        .bind(&*own.agent.id)
        .bind(column(own.before))
        .bind(limit(own.limit))
        .bind(own.agent.role.as_str())
        .bind(own.state.as_str())
        .bind(own.customer)
        .bind(own.conversation.map(ConversationId::uuid))
        .fetch_all(&mut *self.0)
        .await?;
        row::all(&rows, |found| row::reader_head(found, own.agent.role))
    }

    async fn changed(
        &mut self,
        since: &Since<'_>,
        sql: &'static str,
        open: Option<Vec<Uuid>>,
    ) -> Result<Vec<PgRow>, Error> {
        sqlx::query(sql)
            .bind(TENANT)
            .bind(&*since.who.id)
            .bind(column(since.rev))
            .bind(limit(since.limit))
            .bind(since.who.role.as_str())
            .bind(open)
            .fetch_all(&mut *self.0)
            .await
    }
}
