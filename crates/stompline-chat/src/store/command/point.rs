//! Say how far one has come.

use crate::command::PointerMove;
use crate::error::Error;
use crate::event::Change;
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::ledger::{Beside, Ledger};
use crate::store::round::Round;

pub(super) async fn point<L: Ledger>(
    round: &mut Round<'_, L>,
    command: PointerMove,
) -> Result<Ack, Fault> {
    let PointerMove {
        who,
        conversation_id,
        delivered,
        read,
    } = command;
    let mut found = round
        .ledger
        .conversation(conversation_id)
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
    round.ledger.save(&found, beside).await?;
    round.push(event);
    Ok(Ack::change(found.id, rev, false))
}
