//! Loading all that commands are about, many at a time.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection};
use uuid::Uuid;

use super::sql::select_conversation;
use super::work::{Work, closed_at};
use crate::command::{Command, Target};
use crate::id::{ClientId, ConversationId};
use crate::person::{Role, UserRef};
use crate::store::round::{SITE, TENANT};
use crate::store::row;

/// What some commands need to know.
#[derive(Default)]
pub(super) struct Wanted {
    conversations: HashSet<ConversationId>,
    /// Customers whose open conversation, or else the last one, matters.
    customers: HashSet<Arc<str>>,
    /// Customers whose last conversation matters, even if one is open.
    last: HashSet<Arc<str>>,
    sent: HashSet<(UserRef, ClientId)>,
    started: HashSet<(Arc<str>, ClientId)>,
}

impl Wanted {
    pub(super) fn by(commands: &[Command]) -> Self {
        let mut wanted = Self::default();
        for command in commands {
            wanted.add(command);
        }
        wanted
    }

    fn add(&mut self, command: &Command) {
        match command {
            Command::Send(send) => {
                self.send(&send.sender.user, &send.draft.client_id, &send.target);
            }
            Command::Start(start) => {
                let customer = &start.customer.user.id;
                self.customers.insert(Arc::clone(customer));
                if let Some(client_id) = &start.client_id {
                    self.start(customer, client_id);
                }
            }
            Command::Take(take) => self.conversation(take.conversation_id),
            Command::Close(close) => self.conversation(close.conversation_id),
            Command::Point(point) => self.conversation(point.conversation_id),
        }
    }

    pub(super) fn conversation(&mut self, id: ConversationId) {
        self.conversations.insert(id);
    }

    pub(super) fn customer(&mut self, customer: &UserRef) {
        self.customers.insert(Arc::clone(&customer.id));
    }

    pub(super) fn last(&mut self, customer: &UserRef) {
        self.last.insert(Arc::clone(&customer.id));
    }

    pub(super) fn start(&mut self, customer: &Arc<str>, client_id: &ClientId) {
        self.started
            .insert((Arc::clone(customer), client_id.clone()));
    }

    pub(super) fn send(&mut self, sender: &UserRef, client_id: &ClientId, target: &Target) {
        self.sent.insert((sender.clone(), client_id.clone()));
        match target {
            Target::Customer(customer) => self.customer(customer),
            Target::Conversation(id) => self.conversation(*id),
        }
        if sender.role == Role::Customer {
            self.customer(sender);
        }
    }

    /// Looks everything up that `work` does not know.
    pub(super) async fn load(
        self,
        connection: &mut PgConnection,
        work: &mut Work,
    ) -> Result<(), Error> {
        if !self.sent.is_empty() {
            sent(connection, work, self.sent).await?;
        }
        if !self.started.is_empty() {
            started(connection, work, self.started).await?;
        }
        if !self.conversations.is_empty() || !self.customers.is_empty() {
            conversations(connection, work, self.conversations, &self.customers).await?;
        }
        let without: Vec<_> = self
            .customers
            .into_iter()
            .filter(|customer| work.open(customer).is_none())
            .chain(self.last)
            .collect();
        if !without.is_empty() {
            last(connection, work, without).await?;
        }
        Ok(())
    }
}

async fn sent(
    connection: &mut PgConnection,
    work: &mut Work,
    wanted: HashSet<(UserRef, ClientId)>,
) -> Result<(), Error> {
    let (mut roles, mut ids, mut client_ids) = (Vec::new(), Vec::new(), Vec::new());
    for (sender, client_id) in &wanted {
        roles.push(sender.role.as_str());
        ids.push(&*sender.id);
        client_ids.push(client_id.as_str());
    }
    let rows = sqlx::query(
        // OFFSET 0 keeps the order: one look into the index for each key, never all messages against all keys, which is
        // what a plan without statistics takes for as good.
        "SELECT m.* FROM unnest($2::text[], $3::text[], $4::text[]) AS k (role, id, client_id) CROSS JOIN LATERAL \
         (SELECT * FROM message WHERE tenant_id = $1 AND sender_role = k.role AND sender_id = k.id \
         AND client_id = k.client_id OFFSET 0) m",
    )
    .bind(TENANT)
    .bind(roles)
    .bind(ids)
    .bind(client_ids)
    .fetch_all(connection)
    .await?;
    for found in &rows {
        let message = row::message(found)?;
        let key = (message.sender.user.clone(), message.client_id.clone());
        work.learn_sent(key, Some(message));
    }
    for key in wanted {
        work.learn_sent(key, None);
    }
    Ok(())
}

async fn started(
    connection: &mut PgConnection,
    work: &mut Work,
    wanted: HashSet<(Arc<str>, ClientId)>,
) -> Result<(), Error> {
    let (customers, client_ids): (Vec<&str>, Vec<&str>) = wanted
        .iter()
        .map(|(customer, client_id)| (&**customer, client_id.as_str()))
        .unzip();
    let rows: Vec<(String, String, Uuid)> = sqlx::query_as(
        "SELECT s.customer_id, s.client_id, s.conversation_id \
         FROM unnest($2::text[], $3::text[]) AS k (customer_id, client_id) CROSS JOIN LATERAL \
         (SELECT * FROM conversation_start WHERE tenant_id = $1 AND customer_id = k.customer_id \
         AND client_id = k.client_id OFFSET 0) s",
    )
    .bind(TENANT)
    .bind(customers)
    .bind(client_ids)
    .fetch_all(connection)
    .await?;
    for (customer, client_id, id) in rows {
        let client_id =
            ClientId::parse(client_id).map_err(|error| Error::Decode(Box::new(error)))?;
        work.learn_started((customer.into(), client_id), Some(ConversationId::new(id)));
    }
    for key in wanted {
        work.learn_started(key, None);
    }
    Ok(())
}

async fn conversations(
    connection: &mut PgConnection,
    work: &mut Work,
    wanted: HashSet<ConversationId>,
    customers: &HashSet<Arc<str>>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = wanted.iter().map(|id| id.uuid()).collect();
    let names: Vec<&str> = customers.iter().map(|customer| &**customer).collect();
    let rows = sqlx::query(select_conversation!(
        "WHERE c.id IN (SELECT unnest($4::uuid[]) UNION SELECT id FROM conversation \
         WHERE tenant_id = $1 AND site_id = $2 AND customer_id = ANY ($3) AND state <> 'closed')"
    ))
    .bind(TENANT)
    .bind(SITE)
    .bind(names)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    learn(work, &rows)?;
    for id in wanted {
        work.learn(id, None);
    }
    for customer in customers {
        work.learn_open(Arc::clone(customer), None);
    }
    Ok(())
}

/// The last conversations of customers who have none open.
async fn last(
    connection: &mut PgConnection,
    work: &mut Work,
    customers: Vec<Arc<str>>,
) -> Result<(), Error> {
    let names: Vec<&str> = customers.iter().map(|customer| &**customer).collect();
    let rows = sqlx::query(select_conversation!(
        "WHERE c.id IN (SELECT l.id FROM unnest($2::text[]) AS k (customer_id) CROSS JOIN LATERAL \
         (SELECT id FROM conversation WHERE tenant_id = $1 AND customer_id = k.customer_id \
         ORDER BY closed_at DESC NULLS LAST, id DESC LIMIT 1) l)"
    ))
    .bind(TENANT)
    .bind(names)
    .fetch_all(connection)
    .await?;
    for (id, customer) in learn(work, &rows)? {
        work.learn_last(customer, Some(id));
    }
    for customer in customers {
        work.learn_last(customer, None);
    }
    Ok(())
}

/// Notes conversations; their ids and customers.
fn learn(work: &mut Work, rows: &[PgRow]) -> Result<Vec<(ConversationId, Arc<str>)>, Error> {
    let mut learned = Vec::with_capacity(rows.len());
    for found in rows {
        let conversation = row::conversation(found)?;
        let (id, customer) = (conversation.id, Arc::clone(&conversation.customer.user.id));
        if closed_at(&conversation).is_none() {
            work.learn_open(Arc::clone(&customer), Some(id));
        }
        work.learn(id, Some(conversation));
        learned.push((id, customer));
    }
    Ok(learned)
}
