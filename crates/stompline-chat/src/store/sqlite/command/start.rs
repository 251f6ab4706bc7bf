//! Begin to wait for an agent.

use uuid::Uuid;

use super::super::Fault;
use super::super::round::{Round, TENANT};
use super::save::{Beside, save};
use super::{conversation, last_conversation, open_conversation};
use crate::command::Start;
use crate::conversation::Conversation;
use crate::error::Error;
use crate::id::{ClientId, ConversationId};
use crate::person::{Person, Role, UserRef};
use crate::reply::Ack;

pub(super) async fn start(round: &mut Round<'_>, command: Start) -> Result<Ack, Fault> {
    let Start {
        customer,
        client_id,
    } = command;
    if customer.role() != Role::Customer {
        return Err(Error::Forbidden("only customers start conversations").into());
    }
    if let Some(client_id) = &client_id
        && let Some(id) = started_before(round, &customer.user, client_id).await?
        && let Some(first) = conversation(round, id).await?
    {
        return Ok(Ack::change(first.id, first.public_rev, true));
    }
    let open = open_conversation(round, &customer.user).await?;
    let is_open = open.is_some();
    let found = match open {
        Some(open) => open,
        None => open_another(round, &customer).await?,
    };
    match &client_id {
        Some(client_id) => save(round, &found, Beside::Start(client_id)).await?,
        None if is_open => {}
        None => save(round, &found, Beside::Nothing).await?,
    }
    Ok(Ack::change(found.id, found.public_rev, is_open))
}

/// Somebody who starts again wants a new conversation, however fresh the last one is.
async fn open_another(round: &mut Round<'_>, customer: &Person) -> Result<Conversation, Fault> {
    let previous = last_conversation(round, &customer.user).await?;
    let previous_id = previous.map(|previous| previous.id);
    let id = ConversationId::new(round.new_id());
    let (opened, event) = Conversation::open(id, customer.clone(), previous_id, round.stamp());
    round.push(event);
    Ok(opened)
}

async fn started_before(
    round: &mut Round<'_>,
    customer: &UserRef,
    client_id: &ClientId,
) -> Result<Option<ConversationId>, sqlx::Error> {
    sqlx::query_scalar::<_, Uuid>(
        "SELECT conversation_id FROM conversation_start \
         WHERE tenant_id = $1 AND customer_id = $2 AND client_id = $3",
    )
    .bind(TENANT)
    .bind(&*customer.id)
    .bind(client_id.as_str())
    .fetch_optional(&mut *round.connection)
    .await
    .map(|found| found.map(ConversationId::new))
}
