//! Rows out of conversations and what belongs to them.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Executor, Sqlite, SqliteConnection};

use crate::conversation::{Conversation, State};
use crate::id::ConversationId;
use crate::message::Message;
use crate::store::fault::Fault;
use crate::store::ledger::Beside;
use crate::store::round::{SITE, TENANT};
use crate::store::row::{self, column};

/// Makes one savepoint of the statements of a command.
macro_rules! in_savepoint {
    ($($statement:expr),+) => {
        concat!("SAVEPOINT command; ", $($statement, "; ",)+ "RELEASE command")
    };
}

/// Values $1 to $22. What stands beside the conversation uses its id $1, tenant $2 and customer $5, and counts on from
/// $23.
macro_rules! save_conversation {
    () => {
        "INSERT INTO conversation (id, tenant_id, site_id, group_id, customer_id, customer_name, state, \
         assignee_id, assignee_name, assigned_at, assign_rev, previous_id, last_seq, rev, public_rev, \
         left_queue_rev, created_at, queued_at, closed_at, closed_by, close_reason, reopen_count) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) \
         ON CONFLICT (id) DO UPDATE SET customer_name = $6, state = $7, assignee_id = $8, assignee_name = $9, \
         assigned_at = $10, assign_rev = $11, last_seq = $13, rev = $14, public_rev = $15, \
         left_queue_rev = $16, queued_at = $18, closed_at = $19, closed_by = $20, close_reason = $21, \
         reopen_count = $22"
    };
}

macro_rules! insert_message {
    () => {
        "INSERT INTO message (conversation_id, tenant_id, seq, id, rev, sender_role, sender_id, sender_name, \
         client_id, kind, visibility, content, reply_to, created_at) \
         VALUES ($1, $2, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)"
    };
}

macro_rules! save_pointer {
    () => {
        "INSERT INTO participant (conversation_id, role, user_id, delivered_seq, read_seq) \
         VALUES ($1, $23, $24, $25, $26) \
         ON CONFLICT (conversation_id, role, user_id) DO UPDATE SET delivered_seq = $25, read_seq = $26"
    };
}

macro_rules! insert_start {
    () => {
        "INSERT INTO conversation_start (tenant_id, customer_id, client_id, conversation_id) \
         VALUES ($2, $5, $23, $1)"
    };
}

/// Writes a conversation, new or changed, and what belongs to the same command: all of it or nothing.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    conversation: &Conversation,
    beside: Beside<'_>,
) -> Result<(), Fault> {
    let sql = match &beside {
        Beside::Nothing => in_savepoint!(save_conversation!()),
        Beside::Message(_) => in_savepoint!(save_conversation!(), insert_message!()),
        Beside::Pointer(_) => in_savepoint!(save_conversation!(), save_pointer!()),
        Beside::Start(_) => in_savepoint!(save_conversation!(), insert_start!()),
    };
    let write = bind_conversation(sqlx::query(sql), conversation);
    let write = match beside {
        Beside::Nothing => write,
        Beside::Message(message) => bind_message(write, message)?,
        Beside::Pointer(pointer) => write
            .bind(pointer.user.role.as_str())
            .bind(&*pointer.user.id)
            .bind(column(pointer.delivered_seq))
            .bind(column(pointer.read_seq)),
        Beside::Start(client_id) => write.bind(client_id.as_str()),
    };
    execute(connection, write).await
}

/// Carries out all that one command writes, in a savepoint; what a command is refused for is found out before.
async fn execute(connection: &mut SqliteConnection, write: Write<'_>) -> Result<(), Fault> {
    let Err(failure) = write.execute(&mut *connection).await else {
        return Ok(());
    };
    match connection
        .execute("ROLLBACK TO command; RELEASE command")
        .await
    {
        Ok(_) => Err(Fault::Broken(failure)),
        // After a full disk, for one, SQLite itself gives up the whole transaction.
        Err(_) => Err(Fault::Lost(failure)),
    }
}

/// A statement of [`in_savepoint`], with its values.
type Write<'q> = Query<'q, Sqlite, SqliteArguments<'q>>;

fn bind_conversation<'q>(write: Write<'q>, conversation: &'q Conversation) -> Write<'q> {
    let (state, assignment, closure) = match &conversation.state {
        State::Queued => ("queued", None, None),
        State::Active(assignment) => ("active", Some(assignment), None),
        State::Closed {
            assignment,
            closure,
        } => ("closed", assignment.as_ref(), Some(closure)),
    };
    write
        .bind(conversation.id.uuid())
        .bind(TENANT)
        .bind(SITE)
        .bind(&*conversation.group_id)
        .bind(&*conversation.customer.user.id)
        .bind(&*conversation.customer.name)
        .bind(state)
        .bind(assignment.map(|assignment| &*assignment.agent.user.id))
        .bind(assignment.map(|assignment| &*assignment.agent.name))
        .bind(assignment.map(|assignment| assignment.since.millis()))
        .bind(column(conversation.assign_rev))
        .bind(conversation.previous_id.map(ConversationId::uuid))
        .bind(column(conversation.last_seq))
        .bind(column(conversation.rev))
        .bind(column(conversation.public_rev))
        .bind(column(conversation.left_queue_rev))
        .bind(conversation.created_at.millis())
        .bind(conversation.queued_at.millis())
        .bind(closure.map(|closure| closure.at.millis()))
        .bind(closure.map(|closure| closure.by.as_str()))
        .bind(closure.and_then(|closure| closure.reason.as_deref()))
        .bind(column(conversation.reopen_count))
}

fn bind_message<'q>(write: Write<'q>, message: &'q Message) -> Result<Write<'q>, sqlx::Error> {
    let content = row::content_json(&message.content)?;
    Ok(write
        .bind(column(message.seq))
        .bind(message.id.uuid())
        .bind(column(message.rev))
        .bind(message.sender.user.role.as_str())
        .bind(&*message.sender.user.id)
        .bind(&*message.sender.name)
        .bind(message.client_id.as_str())
        .bind(message.content.kind())
        .bind(message.visibility.as_str())
        .bind(content)
        .bind(message.reply_to.map(column))
        .bind(message.created_at.millis()))
}
