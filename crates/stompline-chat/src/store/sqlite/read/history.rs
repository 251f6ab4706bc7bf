//! Messages of one conversation, by place.

use sqlx::{Sqlite, SqliteConnection, Transaction};
use uuid::Uuid;

use super::super::Fault;
use super::super::round::TENANT;
use super::super::row::{self, column, limit};
use super::readable;
use crate::body::HistoryBody;
use crate::error::Error;
use crate::id::ConversationId;
use crate::message::Message;
use crate::page::{PAGE_BYTES_MAX, fitting};
use crate::person::{Role, UserRef};
use crate::reply::HistoryPage;

pub(in super::super) async fn history(
    mut snapshot: Transaction<'static, Sqlite>,
    who: UserRef,
    request: HistoryBody,
) -> Result<HistoryPage, Fault> {
    let id = match request.conversation_id {
        Some(id) => id,
        None if who.role == Role::Customer => {
            latest(&mut snapshot, &who).await?.ok_or(Error::NotFound)?
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

/// Which messages, and from which end of them a page is taken.
pub(super) struct Place {
    pub(super) id: ConversationId,
    pub(super) role: Role,
    /// Exclusive on both sides.
    pub(super) bounds: (u64, u64),
    pub(super) from_start: bool,
}

/// At most `max` messages that fit into `room`, ascending, and whether there are more at the far end.
pub(super) async fn messages(
    snapshot: &mut SqliteConnection,
    place: &Place,
    max: usize,
    room: &mut usize,
    first_always: bool,
) -> Result<(Vec<Message>, bool), sqlx::Error> {
    let sql = if place.from_start {
        "SELECT * FROM message WHERE conversation_id = $1 AND seq > $2 AND seq < $3 \
         AND ($4 OR visibility = 'public') ORDER BY seq LIMIT $5"
    } else {
        "SELECT * FROM message WHERE conversation_id = $1 AND seq > $2 AND seq < $3 \
         AND ($4 OR visibility = 'public') ORDER BY seq DESC LIMIT $5"
    };
    let rows = sqlx::query(sql)
        .bind(place.id.uuid())
        .bind(column(place.bounds.0))
        .bind(column(place.bounds.1))
        .bind(place.role == Role::Agent)
        .bind(limit(max + 1))
        .fetch_all(snapshot)
        .await?;
    let mut messages: Vec<Message> = row::all(&rows, row::message)?;
    let fit = fitting(messages.iter().take(max), room, first_always);
    let more = messages.len() > fit;
    messages.truncate(fit);
    if !place.from_start {
        messages.reverse();
    }
    Ok((messages, more))
}

/// The conversation that a customer means without naming one: the open one, else the one closed last.
pub(super) async fn latest(
    snapshot: &mut SqliteConnection,
    customer: &UserRef,
) -> Result<Option<ConversationId>, sqlx::Error> {
    sqlx::query_scalar::<_, Uuid>(
        "SELECT id FROM conversation WHERE tenant_id = $1 AND customer_id = $2 \
         ORDER BY state = 'closed', closed_at DESC, id DESC LIMIT 1",
    )
    .bind(TENANT)
    .bind(&*customer.id)
    .fetch_optional(snapshot)
    .await
    .map(|found| found.map(ConversationId::new))
}
