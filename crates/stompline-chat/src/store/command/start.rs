//! Begin to wait for an agent.

use crate::command::Start;
use crate::conversation::Conversation;
use crate::error::Error;
use crate::id::ConversationId;
use crate::person::{Person, Role};
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::ledger::{Beside, Ledger};
use crate::store::round::Round;

pub(super) async fn start<L: Ledger>(
    round: &mut Round<'_, L>,
    command: Start,
) -> Result<Ack, Fault> {
    let Start {
        customer,
        client_id,
    } = command;
    if customer.role() != Role::Customer {
        return Err(Error::Forbidden("only customers start conversations").into());
    }
    if let Some(client_id) = &client_id
        && let Some(id) = round
            .ledger
            .started_before(&customer.user, client_id)
            .await?
        && let Some(first) = round.ledger.conversation(id).await?
    {
        return Ok(Ack::change(first.id, first.public_rev, true));
    }
    let open = round.ledger.open_conversation(&customer.user).await?;
    let is_open = open.is_some();
    let found = match open {
        Some(open) => open,
        None => open_another(round, &customer).await?,
    };
    match &client_id {
        Some(client_id) => round.ledger.save(&found, Beside::Start(client_id)).await?,
        None if is_open => {}
        None => round.ledger.save(&found, Beside::Nothing).await?,
    }
    Ok(Ack::change(found.id, found.public_rev, is_open))
}

/// Somebody who starts again wants a new conversation, however fresh the last one is.
async fn open_another<L: Ledger>(
    round: &mut Round<'_, L>,
    customer: &Person,
) -> Result<Conversation, Fault> {
    let previous = round.ledger.last_conversation(&customer.user).await?;
    let previous_id = previous.map(|previous| previous.id);
    let id = ConversationId::new(round.new_id());
    let (opened, event) = Conversation::open(id, customer.clone(), previous_id, round.stamp());
    round.push(event);
    Ok(opened)
}
