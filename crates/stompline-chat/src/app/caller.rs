//! Who sent a frame, as the chat sees it.

use std::sync::Arc;

use stompline::{FromParts, Parts, Rejection, Session, auth::Principal};

use crate::{
    app::Chat,
    person::{Person, Role, UserRef},
};

/// The sender of a frame.
pub(super) struct Caller {
    pub(super) person: Person,
    pub(super) session: Arc<Session>,
    /// The receipt that the frame asked for, repeated in the ack.
    pub(super) receipt: Option<String>,
}

impl FromParts<Chat> for Caller {
    type Rejection = Rejection;

    async fn from_parts(parts: &mut Parts, _chat: &Chat) -> Result<Self, Rejection> {
        let person = person(parts.session.principal()).ok_or_else(|| {
            Rejection::forbidden("the chat is for users of type customer or agent")
        })?;
        Ok(Self {
            person,
            session: Arc::clone(&parts.session),
            receipt: parts.receipt.clone(),
        })
    }
}

/// The person that a principal is; `None` if it is of another realm.
pub(super) fn person(principal: &Principal) -> Option<Person> {
    let role = Role::parse(principal.user_type())?;
    let id: Arc<str> = principal.name().as_str().into();
    Some(Person::new(
        UserRef { id, role },
        principal.display_if_given(),
    ))
}

/// Drops what the chat kept with a session.
pub(super) fn forget(session: &Session) {
    super::typing::forget(session);
}
