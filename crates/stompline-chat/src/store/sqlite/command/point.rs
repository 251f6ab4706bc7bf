//! Say how far one has come.

use super::super::Fault;
use super::super::round::Round;
use super::conversation;
use super::save::{Beside, save};
use crate::command::PointerMove;
use crate::error::Error;
use crate::event::Change;
use crate::reply::Ack;

pub(super) async fn point(round: &mut Round<'_>, command: PointerMove) -> Result<Ack, Fault> {
    let PointerMove {
        who,
        conversation_id,
        delivered,
        read,
    } = command;
    let mut found = conversation(round, conversation_id)
        .await?
        .ok_or(Error::NotFound)?;
    let event = found.point(&who, delivered, read, round.stamp())?;
    let rev = found.head(who.role).rev;
    let Some(event) = event else {
        return Ok(Ack::change(found.id, rev, true));
    };
    let beside = match &event.change {
        Change::PointerMoved(pointer) => Beside::Pointer(pointer),
        _ => Beside::Nothing,
    };
    save(round, &found, beside).await?;
    round.push(event);
    Ok(Ack::change(found.id, rev, false))
}
