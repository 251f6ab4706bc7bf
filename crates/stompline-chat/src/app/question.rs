//! Questions: what changed, what was said, what a first screen needs.

use bytes::Bytes;
use serde::Serialize;
use stompline::{Json, Message, Outgoing, Rejection, Reply, State};

use super::{Caller, Chat, command::decode};
use crate::{
    body::{HistoryBody, ListBody, SyncBody},
    reply::{Bootstrap, HistoryPage, ListPage, SyncPage},
};

/// Where answers to questions go, behind `/user`.
const SYNC: &str = "/queue/sync";

pub(super) async fn sync(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: SyncBody = decode(&body)?;
    let page = chat.store().sync(caller.person.user, body).await?;
    answer(&SyncPage {
        receipt: caller.receipt,
        ..page
    })
}

pub(super) async fn history(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: HistoryBody = decode(&body)?;
    let page = chat.store().history(caller.person.user, body).await?;
    answer(&HistoryPage {
        receipt: caller.receipt,
        ..page
    })
}

pub(super) async fn list(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: ListBody = decode(&body)?;
    let page = chat.store().list(caller.person.user, body).await?;
    answer(&ListPage {
        receipt: caller.receipt,
        ..page
    })
}

pub(super) async fn bootstrap(
    caller: Caller,
    State(chat): State<Chat>,
) -> Result<Json<Bootstrap>, Rejection> {
    Ok(Json(chat.store().bootstrap(caller.person).await?))
}

fn answer<T: Serialize>(page: &T) -> Result<Reply, Rejection> {
    let message = Message::json(page).map_err(|_| Rejection::internal())?;
    Ok(Reply::one(Outgoing::session(SYNC, message)))
}
