//! Messages of one conversation, by place.

use super::readable;
use crate::body::HistoryBody;
use crate::error::Error;
use crate::message::Message;
use crate::page::{PAGE_BYTES_MAX, fitting};
use crate::person::{Role, UserRef};
use crate::reply::HistoryPage;
use crate::store::fault::Fault;
use crate::store::snapshot::{Place, Snapshot};

pub(in super::super) async fn history<S: Snapshot>(
    mut snapshot: S,
    who: UserRef,
    request: HistoryBody,
) -> Result<HistoryPage, Fault> {
    let id = match request.conversation_id {
        Some(id) => id,
        None if who.role == Role::Customer => {
            snapshot.latest(&who).await?.ok_or(Error::NotFound)?
        }
        None => return Err(Error::bad_request("`conversationId` is missing").into()),
    };
    readable(&mut snapshot, &who, id).await?;
    let place = Place {
        id,
        role: who.role,
        bounds: (
            request.after.unwrap_or(0),
            request.before.unwrap_or(u64::MAX),
        ),
        from_start: request.after.is_some(),
    };
    let mut room = PAGE_BYTES_MAX;
    let (messages, more) =
        messages(&mut snapshot, &place, request.limit(), &mut room, true).await?;
    Ok(HistoryPage {
        receipt: None,
        conversation_id: id,
        messages,
        more,
    })
}

/// At most `max` messages that fit into `room`, ascending, and whether there are more at the far end.
pub(super) async fn messages<S: Snapshot>(
    snapshot: &mut S,
    place: &Place,
    max: usize,
    room: &mut usize,
    first_always: bool,
) -> Result<(Vec<Message>, bool), sqlx::Error> {
    let mut messages = snapshot.messages(place, max + 1).await?;
    let fit = fitting(messages.iter().take(max), room, first_always);
    let more = messages.len() > fit;
    messages.truncate(fit);
    if !place.from_start {
        messages.reverse();
    }
    Ok((messages, more))
}
