//! Commands: what changes something. Each is queued in order before its handler returns; the ack follows the commit.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use stompline::{Message, Outgoing, Rejection, Reply, State};

use super::{Caller, Chat, typing};
use crate::{
    body::{CloseBody, PointerBody, SendBody, StartBody, TakeBody},
    command::Command,
    error::Error,
    id::ClientId,
    person::Person,
    reply::{Ack, Refusal},
    store::Pending,
};

/// Where answers to commands go, behind `/user`.
const ACKS: &str = "/queue/acks";

pub(super) async fn send(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: SendBody = decode(&body)?;
    // Whoever types again after this says something new.
    typing::forget(&caller.session);
    let name = body.client_id.clone();
    let pending = admit(&chat, &caller, |person| body.command(person));
    Ok(answer(caller, name, pending))
}

pub(super) async fn start(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: StartBody = if body.is_empty() {
        StartBody::default()
    } else {
        decode(&body)?
    };
    let name = body.client_id.clone();
    let pending = admit(&chat, &caller, |person| body.command(person));
    Ok(answer(caller, name, pending))
}

pub(super) async fn take(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: TakeBody = decode(&body)?;
    let pending = submit(&chat, Ok(body.command(caller.person.clone())));
    Ok(answer(caller, None, pending))
}

pub(super) async fn close(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: CloseBody = decode(&body)?;
    let pending = submit(&chat, body.command(caller.person.user.clone()));
    Ok(answer(caller, None, pending))
}

pub(super) async fn delivered(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: PointerBody = decode(&body)?;
    let pending = chat
        .shared
        .pointers
        .point(body.delivered(caller.person.user.clone()));
    Ok(quiet(caller, pending))
}

pub(super) async fn read(
    caller: Caller,
    State(chat): State<Chat>,
    body: Bytes,
) -> Result<Reply, Rejection> {
    let body: PointerBody = decode(&body)?;
    let pending = chat
        .shared
        .pointers
        .point(body.read(caller.person.user.clone()));
    Ok(quiet(caller, pending))
}

/// A body that is not what the command needs is refused before it is a command.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    serde_json::from_slice(body).map_err(|error| {
        Rejection::bad_request(format!(
            "the body is not the JSON that is wanted here: {error}"
        ))
    })
}

/// Submits what makes a message, as fast as its sender may.
fn admit(
    chat: &Chat,
    caller: &Caller,
    command: impl FnOnce(Person) -> Result<Command, Error>,
) -> Pending {
    match chat.shared.rates.admit(&caller.person.user) {
        Ok(()) => submit(chat, command(caller.person.clone())),
        Err(error) => Pending::refused(error),
    }
}

fn submit(chat: &Chat, command: Result<Command, Error>) -> Pending {
    match command {
        Ok(command) => chat.store().submit(command),
        Err(error) => Pending::refused(error),
    }
}

/// The ack, or the refusal, when the command is decided.
fn answer(caller: Caller, client_id: Option<String>, pending: Pending) -> Reply {
    Reply::pending(async move {
        let receipt = caller.receipt;
        match pending.await {
            Ok(ack) => acknowledge(&ack.with_receipt(receipt)),
            Err(error) => refuse(error, client_id, receipt),
        }
    })
}

/// Pointer moves come often and are confirmed only to those who ask for a receipt. Waiting for the write that carries one would hold
/// back everything behind it for up to a second, so only those who asked wait.
fn quiet(caller: Caller, pending: Pending) -> Reply {
    if caller.receipt.is_none() {
        return Reply::none();
    }
    answer(caller, None, pending)
}

fn acknowledge(ack: &Ack) -> Result<Reply, Rejection> {
    let message = Message::json(ack).map_err(|_| Rejection::internal())?;
    Ok(Reply::one(Outgoing::session(ACKS, message)))
}

fn refuse(
    error: Error,
    client_id: Option<String>,
    receipt: Option<String>,
) -> Result<Reply, Rejection> {
    let client_id = client_id.and_then(|name| ClientId::parse(name).ok());
    let refusal = Refusal::new(&error, client_id, receipt);
    let message = Message::json(&refusal).map_err(|_| Rejection::internal())?;
    Ok(Reply::refused(
        Outgoing::session(ACKS, message),
        error.into(),
    ))
}
