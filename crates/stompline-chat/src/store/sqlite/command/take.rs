//! Take a waiting conversation.

use super::super::Fault;
use super::super::round::Round;
use super::conversation;
use super::save::{Beside, save};
use crate::command::Take;
use crate::error::Error;
use crate::person::Role;
use crate::reply::Ack;

pub(super) async fn take(round: &mut Round<'_>, command: Take) -> Result<Ack, Fault> {
    let Take {
        agent,
        conversation_id,
        assign_rev,
    } = command;
    if agent.role() != Role::Agent {
        return Err(Error::Forbidden("only agents take conversations").into());
    }
    let mut found = conversation(round, conversation_id)
        .await?
        .ok_or(Error::NotFound)?;
    let Some(event) = found.take(&agent, assign_rev, round.stamp())? else {
        return Ok(Ack::change(found.id, found.rev, true));
    };
    round.push(event);
    save(round, &found, Beside::Nothing).await?;
    Ok(Ack::change(found.id, found.rev, false))
}
