//! The commands, one file each, and the rows that several of them read and write.

mod close;
mod point;
mod send;
mod start;
mod take;

use super::Fault;
use super::round::{Round, SITE, TENANT};
use super::row::{self, column, select_conversation};
use crate::command::Command;
use crate::conversation::{Conversation, State};
use crate::id::ConversationId;
use crate::person::UserRef;
use crate::reply::Ack;

pub(super) async fn carry_out_one(round: &mut Round<'_>, command: Command) -> Result<Ack, Fault> {
    match command {
        Command::Send(command) => send::send(round, command).await,
        Command::Start(command) => start::start(round, command).await,
        Command::Take(command) => take::take(round, command).await,
        Command::Close(command) => close::close(round, command).await,
        Command::Point(command) => point::point(round, command).await,
    }
}

async fn conversation(
    round: &mut Round<'_>,
    id: ConversationId,
) -> Result<Option<Conversation>, sqlx::Error> {
    sqlx::query(select_conversation!("WHERE c.id = ?1"))
        .bind(id.uuid())
        .fetch_optional(&mut *round.connection)
        .await?
        .map(|found| row::conversation(&found))
        .transpose()
}

async fn open_conversation(
    round: &mut Round<'_>,
    customer: &UserRef,
) -> Result<Option<Conversation>, sqlx::Error> {
    sqlx::query(select_conversation!(
        "WHERE c.tenant_id = ?1 AND c.site_id = ?2 AND c.customer_id = ?3 AND c.state <> 'closed'"
    ))
    .bind(TENANT)
    .bind(SITE)
    .bind(&*customer.id)
    .fetch_optional(&mut *round.connection)
    .await?
    .map(|found| row::conversation(&found))
    .transpose()
}

/// The conversation that a customer's next one follows or continues, when none is open.
async fn last_conversation(
    round: &mut Round<'_>,
    customer: &UserRef,
) -> Result<Option<Conversation>, sqlx::Error> {
    sqlx::query(select_conversation!(
        "WHERE c.tenant_id = ?1 AND c.customer_id = ?2 ORDER BY c.closed_at DESC, c.id DESC LIMIT 1"
    ))
    .bind(TENANT)
    .bind(&*customer.id)
    .fetch_optional(&mut *round.connection)
    .await?
    .map(|found| row::conversation(&found))
    .transpose()
}

/// Writes a conversation, new or changed. Its messages and pointers are written apart.
async fn save(round: &mut Round<'_>, conversation: &Conversation) -> Result<(), sqlx::Error> {
    let (state, assignment, closure) = match &conversation.state {
        State::Queued => ("queued", None, None),
        State::Active(assignment) => ("active", Some(assignment), None),
        State::Closed {
            assignment,
            closure,
        } => ("closed", assignment.as_ref(), Some(closure)),
    };
    sqlx::query(
        "INSERT INTO conversation (id, tenant_id, site_id, group_id, customer_id, customer_name, state, \
         assignee_id, assignee_name, assigned_at, assign_rev, previous_id, last_seq, rev, public_rev, \
         left_queue_rev, created_at, queued_at, closed_at, closed_by, close_reason, reopen_count) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) \
         ON CONFLICT (id) DO UPDATE SET customer_name = ?6, state = ?7, assignee_id = ?8, assignee_name = ?9, \
         assigned_at = ?10, assign_rev = ?11, last_seq = ?13, rev = ?14, public_rev = ?15, \
         left_queue_rev = ?16, queued_at = ?18, closed_at = ?19, closed_by = ?20, close_reason = ?21, \
         reopen_count = ?22",
    )
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
    .execute(&mut *round.connection)
    .await
    .map(drop)
}
