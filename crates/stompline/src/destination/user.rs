//! Queues of users.

use std::borrow::Cow;
use std::sync::Arc;

use crate::name::UserName;

use super::prefix::below;
use super::{Destination, DestinationError, Prefixes, offset};

/// The part of a user destination after the user, without which it is none.
const USER_QUEUE: &str = "/queue/";

/// A queue of one user.
///
/// A subscriber names its own, `/user/queue/x`; a sender names somebody's, `/user/{name}/queue/x`. The
/// key under which both meet is the user and [`queue`](Self::queue).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserDestination {
    text: Arc<str>,
    queue_at: u16,
    owner: Option<UserName>,
}

impl UserDestination {
    /// The queue `queue` (such as `/queue/messages`) of whoever is served, named as its subscriber does.
    ///
    /// # Errors
    ///
    /// The text is malformed, holds `*`, `{` or `}`, or does not begin with `/queue/`.
    pub fn at_queue(prefixes: &Prefixes, queue: &str) -> Result<Self, DestinationError> {
        if !queue.starts_with(USER_QUEUE) {
            return Err(no_own_queue(prefixes));
        }
        match Destination::for_subscribe(prefixes, &format!("{}{queue}", prefixes.user()))? {
            Destination::User(user) => Ok(user),
            _ => Err(no_own_queue(prefixes)),
        }
    }

    /// The destination as it was named: `/user/queue/x` or `/user/{name}/queue/x`.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// The destination as it was named, shared.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What follows the user: `/queue/x`.
    pub fn queue(&self) -> &str {
        &self.text[usize::from(self.queue_at)..]
    }

    /// Whose queue it is, if somebody else's could be meant: that of a SEND, decoded.
    pub fn owner(&self) -> Option<&UserName> {
        self.owner.as_ref()
    }

    /// From `/user/{name}/queue/x`.
    pub(super) fn of_another(prefixes: &Prefixes, text: &str) -> Result<Self, DestinationError> {
        let parts = below(prefixes.user(), text).and_then(|rest| rest[1..].split_once('/'));
        let named = parts.filter(|(_, queue)| queue.starts_with(&USER_QUEUE[1..]));
        let Some((name, queue)) = named else {
            let user = prefixes.user().into();
            return Err(DestinationError::SendWithoutQueue { user });
        };
        let owner = UserName::new(decode_user_name(name))?;
        // One more for the `/` that the split took.
        let queue_at = offset(text.len() - queue.len() - 1);
        Ok(Self {
            text: Arc::from(text),
            queue_at,
            owner: Some(owner),
        })
    }

    /// From `/user/queue/x`.
    pub(super) fn of_oneself(prefixes: &Prefixes, text: &str) -> Result<Self, DestinationError> {
        let queue = below(prefixes.user(), text).filter(|rest| rest.starts_with(USER_QUEUE));
        let queue = queue.ok_or_else(|| no_own_queue(prefixes))?;
        let queue_at = offset(text.len() - queue.len());
        Ok(Self {
            text: Arc::from(text),
            queue_at,
            owner: None,
        })
    }
}

fn no_own_queue(prefixes: &Prefixes) -> DestinationError {
    DestinationError::SubscribeWithoutQueue {
        user: prefixes.user().into(),
    }
}

/// Writes a user name as one segment of a destination: `/` as `%2F`, `*` as `%2A`, `%` as `%25`.
///
/// [`Destination::for_send`] reads it back exactly.
pub fn encode_user_name(name: &str) -> Cow<'_, str> {
    if !name.contains(['%', '/', '*']) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(
        name.replace('%', "%25")
            .replace('/', "%2F")
            .replace('*', "%2A"),
    )
}

/// The reverse. Any other percent sign means itself, since names with one are usually sent unencoded.
fn decode_user_name(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut name = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        name.push_str(before);
        let decoded = match after.as_bytes() {
            [b'2', b'5', ..] => Some('%'),
            [b'2', b'F' | b'f', ..] => Some('/'),
            [b'2', b'A' | b'a', ..] => Some('*'),
            _ => None,
        };
        name.push(decoded.unwrap_or('%'));
        rest = if decoded.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    name.push_str(rest);
    Cow::Owned(name)
}
