//! Typing: passed on to the other side, never stored.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use stompline::{Messenger, Rejection, Session, State};

use super::{Caller, Chat, command::decode, publish::signal};
use crate::{body::TypingBody, id::ConversationId, signal::Typing};

/// Clients repeat it every two seconds; what comes faster says nothing new.
const PACE: Duration = Duration::from_secs(1);

/// What a session said last.
struct Last(Mutex<Option<(ConversationId, bool, Instant)>>);

pub(super) async fn typing(
    caller: Caller,
    State(chat): State<Chat>,
    messenger: Messenger,
    body: Bytes,
) -> Result<(), Rejection> {
    let TypingBody {
        conversation_id,
        on,
    } = decode(&body)?;
    if is_repetition(&caller.session, conversation_id, on) {
        return Ok(());
    }
    let me = caller.person.user;
    let head = chat.store().head(me.clone(), conversation_id).await?;
    let others = [
        Some(head.customer.user),
        head.assignee.map(|assignee| assignee.user),
    ];
    let typing = Typing::new(conversation_id, me.clone(), on);
    for other in others.into_iter().flatten().filter(|other| *other != me) {
        signal(
            &messenger,
            (other.role, &other.id),
            ("typing", &typing.key),
            &typing,
        )
        .await;
    }
    Ok(())
}

/// Drops what is remembered of a session.
pub(super) fn forget(session: &Session) {
    if let Some(last) = session.attributes().typed::<Last>() {
        *last.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn is_repetition(session: &Session, conversation: ConversationId, on: bool) -> bool {
    let last = session
        .attributes()
        .typed_or_insert_with(|| Last(Mutex::new(None)));
    let mut last = last.0.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let repeated = matches!(
        *last,
        Some((known, state, at)) if known == conversation && state == on && now.duration_since(at) < PACE
    );
    if !repeated {
        *last = Some((conversation, on, now));
    }
    repeated
}
