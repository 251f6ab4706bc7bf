//! Take a waiting conversation.

use crate::command::Take;
use crate::error::Error;
use crate::person::Role;
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::ledger::{Beside, Ledger};
use crate::store::round::Round;

pub(super) async fn take<L: Ledger>(round: &mut Round<'_, L>, command: Take) -> Result<Ack, Fault> {
    let Take {
        agent,
        conversation_id,
        assign_rev,
    } = command;
    if agent.role() != Role::Agent {
        return Err(Error::Forbidden("only agents take conversations").into());
    }
    let mut found = round
        .ledger
        .conversation(conversation_id)
        .await?
        .ok_or(Error::NotFound)?;
    let Some(event) = found.take(&agent, assign_rev, round.stamp())? else {
        return Ok(Ack::change(found.id, found.rev, true));
    };
    round.push(event);
    round.ledger.save(&found, Beside::Nothing).await?;
    Ok(Ack::change(found.id, found.rev, false))
}
