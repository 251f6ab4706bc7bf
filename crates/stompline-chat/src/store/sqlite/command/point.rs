//! Say how far one has come.

use super::super::Fault;
use super::super::round::Round;
use super::super::row::column;
use super::{conversation, save};
use crate::command::PointerMove;
use crate::error::Error;
use crate::event::Change;
use crate::head::Pointer;
use crate::id::ConversationId;
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
    save(round, &found).await?;
    if let Change::PointerMoved(pointer) = &event.change {
        save_pointer(round, found.id, pointer).await?;
    }
    round.push(event);
    Ok(Ack::change(found.id, rev, false))
}

async fn save_pointer(
    round: &mut Round<'_>,
    conversation_id: ConversationId,
    pointer: &Pointer,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO participant (conversation_id, role, user_id, delivered_seq, read_seq) \
         VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (conversation_id, role, user_id) DO UPDATE SET delivered_seq = ?4, read_seq = ?5",
    )
    .bind(conversation_id.uuid())
    .bind(pointer.user.role.as_str())
    .bind(&*pointer.user.id)
    .bind(column(pointer.delivered_seq))
    .bind(column(pointer.read_seq))
    .execute(&mut *round.connection)
    .await
    .map(drop)
}
