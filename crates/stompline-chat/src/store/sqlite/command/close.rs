//! End a conversation.

use super::super::Fault;
use super::super::round::Round;
use super::conversation;
use super::save::{Beside, save};
use crate::command::Close;
use crate::error::Error;
use crate::reply::Ack;

pub(super) async fn close(round: &mut Round<'_>, command: Close) -> Result<Ack, Fault> {
    let Close {
        by,
        conversation_id,
        reason,
    } = command;
    let mut found = conversation(round, conversation_id)
        .await?
        .ok_or(Error::NotFound)?;
    let event = found.close(&by, reason, round.stamp())?;
    let rev = found.head(by.role).rev;
    let Some(event) = event else {
        return Ok(Ack::change(found.id, rev, true));
    };
    round.push(event);
    save(round, &found, Beside::Nothing).await?;
    Ok(Ack::change(found.id, rev, false))
}
