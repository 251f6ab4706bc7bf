//! The commands, one file each, and the rows that several of them read and write.

mod close;
mod point;
mod save;
mod send;
mod start;
mod take;

use super::Fault;
use super::round::{Round, SITE, TENANT};
use super::row::{self, select_conversation};
use crate::command::Command;
use crate::conversation::Conversation;
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
    sqlx::query(select_conversation!("WHERE c.id = $1"))
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
        "WHERE c.tenant_id = $1 AND c.site_id = $2 AND c.customer_id = $3 AND c.state <> 'closed'"
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
        "WHERE c.tenant_id = $1 AND c.customer_id = $2 ORDER BY c.closed_at DESC, c.id DESC LIMIT 1"
    ))
    .bind(TENANT)
    .bind(&*customer.id)
    .fetch_optional(&mut *round.connection)
    .await?
    .map(|found| row::conversation(&found))
    .transpose()
}
