//! What commands read and write in SQLite.

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::save::save;
use super::sql::select_conversation;
use crate::command::Target;
use crate::conversation::Conversation;
use crate::id::{ClientId, ConversationId};
use crate::person::{Role, UserRef};
use crate::store::fault::Fault;
use crate::store::ledger::{BeforeSending, Beside, Ledger};
use crate::store::round::{SITE, TENANT};
use crate::store::row;

macro_rules! select_sent_before {
    () => {
        "SELECT * FROM message \
         WHERE tenant_id = $1 AND sender_role = $2 AND sender_id = $3 AND client_id = $4"
    };
}

/// The writer's open transaction.
///
/// Every call of the database costs two changes of thread, so statements that follow each other go together.
pub(super) struct SqliteLedger<'a> {
    pub(super) connection: &'a mut SqliteConnection,
}

impl Ledger for SqliteLedger<'_> {
    async fn conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, Fault> {
        let found = sqlx::query(select_conversation!("WHERE c.id = $1"))
            .bind(id.uuid())
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(found.as_ref().map(row::conversation).transpose()?)
    }

    async fn open_conversation(
        &mut self,
        customer: &UserRef,
    ) -> Result<Option<Conversation>, Fault> {
        let found = sqlx::query(select_conversation!(
            "WHERE c.tenant_id = $1 AND c.site_id = $2 AND c.customer_id = $3 AND c.state <> 'closed'"
        ))
        .bind(TENANT)
        .bind(SITE)
        .bind(&*customer.id)
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(found.as_ref().map(row::conversation).transpose()?)
    }

    async fn last_conversation(
        &mut self,
        customer: &UserRef,
    ) -> Result<Option<Conversation>, Fault> {
        let found = sqlx::query(select_conversation!(
            "WHERE c.tenant_id = $1 AND c.customer_id = $2 ORDER BY c.closed_at DESC, c.id DESC LIMIT 1"
        ))
        .bind(TENANT)
        .bind(&*customer.id)
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(found.as_ref().map(row::conversation).transpose()?)
    }

    async fn started_before(
        &mut self,
        customer: &UserRef,
        client_id: &ClientId,
    ) -> Result<Option<ConversationId>, Fault> {
        let found = sqlx::query_scalar::<_, Uuid>(
            "SELECT conversation_id FROM conversation_start \
             WHERE tenant_id = $1 AND customer_id = $2 AND client_id = $3",
        )
        .bind(TENANT)
        .bind(&*customer.id)
        .bind(client_id.as_str())
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(found.map(ConversationId::new))
    }

    async fn before_sending(
        &mut self,
        sender: &UserRef,
        client_id: &ClientId,
        target: &Target,
    ) -> Result<BeforeSending, Fault> {
        let sql = match (sender.role, target) {
            (Role::Agent, Target::Conversation(_)) => concat!(
                select_sent_before!(),
                "; ",
                select_conversation!("WHERE c.id = $7")
            ),
            _ => concat!(
                select_sent_before!(),
                "; ",
                select_conversation!(
                    "WHERE c.tenant_id = $1 AND c.site_id = $5 AND c.customer_id = $6 AND c.state <> 'closed'"
                )
            ),
        };
        let (customer, id) = match target {
            Target::Customer(customer) => (customer, None),
            Target::Conversation(id) => (sender, Some(id.uuid())),
        };
        let rows = sqlx::query(sql)
            .bind(TENANT)
            .bind(sender.role.as_str())
            .bind(&*sender.id)
            .bind(client_id.as_str())
            .bind(SITE)
            .bind(&*customer.id)
            .bind(id)
            .fetch_all(&mut *self.connection)
            .await?;
        let mut found = BeforeSending::default();
        for row in &rows {
            // Only messages have a place.
            if row.try_column("seq").is_ok() {
                found.sent_before = Some(row::message(row)?);
            } else {
                found.conversation = Some(row::conversation(row)?);
            }
        }
        Ok(found)
    }

    async fn save(&mut self, conversation: &Conversation, beside: Beside<'_>) -> Result<(), Fault> {
        save(self.connection, conversation, beside).await
    }
}
