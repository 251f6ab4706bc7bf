//! End a conversation.

use crate::command::Close;
use crate::error::Error;
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::ledger::{Beside, Ledger};
use crate::store::round::Round;

pub(super) async fn close<L: Ledger>(
    round: &mut Round<'_, L>,
    command: Close,
) -> Result<Ack, Fault> {
    let Close {
        by,
        conversation_id,
        reason,
    } = command;
    let mut found = round
        .ledger
        .conversation(conversation_id)
        .await?
        .ok_or(Error::NotFound)?;
    let event = found.close(&by, reason, round.stamp())?;
    let rev = found.head(by.role).rev;
    let Some(event) = event else {
        return Ok(Ack::change(found.id, rev, true));
    };
    round.push(event);
    round.ledger.save(&found, Beside::Nothing).await?;
    Ok(Ack::change(found.id, rev, false))
}
