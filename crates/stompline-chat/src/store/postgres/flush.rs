//! Writing what changed: one statement for each table, however many rows.

use std::sync::Arc;

use sqlx::{Error, PgConnection};
use uuid::Uuid;

use super::work::{Work, closed_at};
use crate::conversation::{Conversation, State};
use crate::head::Pointer;
use crate::id::{ClientId, ConversationId};
use crate::message::Message;
use crate::person::UserRef;
use crate::store::round::{SITE, TENANT};
use crate::store::row::{column, content_json};

pub(super) async fn flush(connection: &mut PgConnection, work: Work) -> Result<(), Error> {
    let changes = &work.changes;
    let mut conversations: Vec<&Conversation> = changes
        .conversations
        .iter()
        .filter_map(|id| work.conversation(*id))
        .collect();
    if conversations.is_empty() {
        return Ok(());
    }
    // A customer has one open conversation at every moment, also within a statement: the old one is closed before the
    // new one is there.
    conversations.sort_by_key(|it| (closed_at(it).is_none(), it.id));
    save_conversations(connection, &conversations).await?;
    if !changes.messages.is_empty() {
        insert_messages(connection, &changes.messages).await?;
    }
    if !changes.pointers.is_empty() {
        save_pointers(connection, changes.pointers.iter()).await?;
    }
    if !changes.starts.is_empty() {
        insert_starts(connection, &changes.starts).await?;
    }
    Ok(())
}

/// Declares a struct of columns, each a list with one item for each row.
macro_rules! columns {
    ($name:ident<$life:lifetime> { $($field:ident: $type:ty,)* }) => {
        #[derive(Default)]
        struct $name<$life> {
            $($field: Vec<$type>,)*
        }
    };
}

columns!(ConversationColumns<'a> {
    id: Uuid,
    group_id: &'a str,
    customer_id: &'a str,
    customer_name: &'a str,
    state: &'a str,
    assignee_id: Option<&'a str>,
    assignee_name: Option<&'a str>,
    assigned_at: Option<i64>,
    assign_rev: i64,
    previous_id: Option<Uuid>,
    last_seq: i64,
    rev: i64,
    public_rev: i64,
    left_queue_rev: i64,
    created_at: i64,
    queued_at: i64,
    closed_at: Option<i64>,
    closed_by: Option<&'a str>,
    close_reason: Option<&'a str>,
    reopen_count: i64,
});

impl<'a> ConversationColumns<'a> {
    fn push(&mut self, it: &'a Conversation) {
        let (state, assignment, closure) = match &it.state {
            State::Queued => ("queued", None, None),
            State::Active(assignment) => ("active", Some(assignment), None),
            State::Closed {
                assignment,
                closure,
            } => ("closed", assignment.as_ref(), Some(closure)),
        };
        self.id.push(it.id.uuid());
        self.group_id.push(&it.group_id);
        self.customer_id.push(&it.customer.user.id);
        self.customer_name.push(&it.customer.name);
        self.state.push(state);
        self.assignee_id
            .push(assignment.map(|held| &*held.agent.user.id));
        self.assignee_name
            .push(assignment.map(|held| &*held.agent.name));
        self.assigned_at
            .push(assignment.map(|held| held.since.millis()));
        self.assign_rev.push(column(it.assign_rev));
        self.previous_id
            .push(it.previous_id.map(ConversationId::uuid));
        self.last_seq.push(column(it.last_seq));
        self.rev.push(column(it.rev));
        self.public_rev.push(column(it.public_rev));
        self.left_queue_rev.push(column(it.left_queue_rev));
        self.created_at.push(it.created_at.millis());
        self.queued_at.push(it.queued_at.millis());
        self.closed_at.push(closure.map(|end| end.at.millis()));
        self.closed_by.push(closure.map(|end| end.by.as_str()));
        self.close_reason
            .push(closure.and_then(|end| end.reason.as_deref()));
        self.reopen_count.push(column(it.reopen_count));
    }
}

const SAVE_CONVERSATIONS: &str = "\
    INSERT INTO conversation (tenant_id, site_id, id, group_id, customer_id, customer_name, state, assignee_id, \
    assignee_name, assigned_at, assign_rev, previous_id, last_seq, rev, public_rev, left_queue_rev, created_at, \
    queued_at, closed_at, closed_by, close_reason, reopen_count) \
    SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
    $9::text[], $10::bigint[], $11::bigint[], $12::uuid[], $13::bigint[], $14::bigint[], $15::bigint[], \
    $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::text[], $21::text[], $22::bigint[]) \
    ON CONFLICT (id) DO UPDATE SET customer_name = excluded.customer_name, state = excluded.state, \
    assignee_id = excluded.assignee_id, assignee_name = excluded.assignee_name, \
    assigned_at = excluded.assigned_at, assign_rev = excluded.assign_rev, last_seq = excluded.last_seq, \
    rev = excluded.rev, public_rev = excluded.public_rev, left_queue_rev = excluded.left_queue_rev, \
    queued_at = excluded.queued_at, closed_at = excluded.closed_at, closed_by = excluded.closed_by, \
    close_reason = excluded.close_reason, reopen_count = excluded.reopen_count";

async fn save_conversations(
    connection: &mut PgConnection,
    conversations: &[&Conversation],
) -> Result<(), Error> {
    let mut columns = ConversationColumns::default();
    for conversation in conversations {
        columns.push(conversation);
    }
    sqlx::query(SAVE_CONVERSATIONS)
        .bind(TENANT)
        .bind(SITE)
        .bind(columns.id)
        .bind(columns.group_id)
        .bind(columns.customer_id)
        .bind(columns.customer_name)
        .bind(columns.state)
        .bind(columns.assignee_id)
        .bind(columns.assignee_name)
        .bind(columns.assigned_at)
        .bind(columns.assign_rev)
        .bind(columns.previous_id)
        .bind(columns.last_seq)
        .bind(columns.rev)
        .bind(columns.public_rev)
        .bind(columns.left_queue_rev)
        .bind(columns.created_at)
        .bind(columns.queued_at)
        .bind(columns.closed_at)
        .bind(columns.closed_by)
        .bind(columns.close_reason)
        .bind(columns.reopen_count)
        .execute(connection)
        .await
        .map(drop)
}

columns!(MessageColumns<'a> {
    conversation_id: Uuid,
    seq: i64,
    id: Uuid,
    rev: i64,
    sender_role: &'a str,
    sender_id: &'a str,
    sender_name: &'a str,
    client_id: &'a str,
    kind: &'a str,
    visibility: &'a str,
    content: String,
    reply_to: Option<i64>,
    created_at: i64,
});

impl<'a> MessageColumns<'a> {
    fn push(&mut self, it: &'a Message) -> Result<(), Error> {
        self.conversation_id.push(it.conversation_id.uuid());
        self.seq.push(column(it.seq));
        self.id.push(it.id.uuid());
        self.rev.push(column(it.rev));
        self.sender_role.push(it.sender.user.role.as_str());
        self.sender_id.push(&it.sender.user.id);
        self.sender_name.push(&it.sender.name);
        self.client_id.push(it.client_id.as_str());
        self.kind.push(it.content.kind());
        self.visibility.push(it.visibility.as_str());
        self.content.push(content_json(&it.content)?);
        self.reply_to.push(it.reply_to.map(column));
        self.created_at.push(it.created_at.millis());
        Ok(())
    }
}

async fn insert_messages(connection: &mut PgConnection, messages: &[Message]) -> Result<(), Error> {
    let mut columns = MessageColumns::default();
    for message in messages {
        columns.push(message)?;
    }
    sqlx::query(
        "INSERT INTO message (tenant_id, conversation_id, seq, id, rev, sender_role, sender_id, sender_name, \
         client_id, kind, visibility, content, reply_to, created_at) \
         SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], \
         $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[])",
    )
    .bind(TENANT)
    .bind(columns.conversation_id)
    .bind(columns.seq)
    .bind(columns.id)
    .bind(columns.rev)
    .bind(columns.sender_role)
    .bind(columns.sender_id)
    .bind(columns.sender_name)
    .bind(columns.client_id)
    .bind(columns.kind)
    .bind(columns.visibility)
    .bind(columns.content)
    .bind(columns.reply_to)
    .bind(columns.created_at)
    .execute(connection)
    .await
    .map(drop)
}

columns!(PointerColumns<'a> {
    conversation_id: Uuid,
    role: &'a str,
    user_id: &'a str,
    delivered_seq: i64,
    read_seq: i64,
});

async fn save_pointers(
    connection: &mut PgConnection,
    pointers: impl Iterator<Item = (&(ConversationId, UserRef), &Pointer)>,
) -> Result<(), Error> {
    let mut columns = PointerColumns::default();
    for ((id, user), pointer) in pointers {
        columns.conversation_id.push(id.uuid());
        columns.role.push(user.role.as_str());
        columns.user_id.push(&user.id);
        columns.delivered_seq.push(column(pointer.delivered_seq));
        columns.read_seq.push(column(pointer.read_seq));
    }
    sqlx::query(
        "INSERT INTO participant (conversation_id, role, user_id, delivered_seq, read_seq) \
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) \
         ON CONFLICT (conversation_id, role, user_id) \
         DO UPDATE SET delivered_seq = excluded.delivered_seq, read_seq = excluded.read_seq",
    )
    .bind(columns.conversation_id)
    .bind(columns.role)
    .bind(columns.user_id)
    .bind(columns.delivered_seq)
    .bind(columns.read_seq)
    .execute(connection)
    .await
    .map(drop)
}

async fn insert_starts(
    connection: &mut PgConnection,
    starts: &[(Arc<str>, ClientId, ConversationId)],
) -> Result<(), Error> {
    let customers: Vec<&str> = starts.iter().map(|(customer, _, _)| &**customer).collect();
    let client_ids: Vec<&str> = starts.iter().map(|(_, name, _)| name.as_str()).collect();
    let ids: Vec<Uuid> = starts.iter().map(|(_, _, id)| id.uuid()).collect();
    sqlx::query(
        "INSERT INTO conversation_start (tenant_id, customer_id, client_id, conversation_id) \
         SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[])",
    )
    .bind(TENANT)
    .bind(customers)
    .bind(client_ids)
    .bind(ids)
    .execute(connection)
    .await
    .map(drop)
}
