//! Code that sees messages on their way to single sessions.

use std::sync::Arc;

use crate::{message::Message, pattern::DestinationPattern, session::Session};

/// Decides, for each session, whether it gets a message and in which form.
///
/// Destinations without a filter share one rendering among all subscribers; those with one pay for a rendering each. It runs while a message
/// is delivered and must be quick.
pub trait OutboundFilter: Send + Sync + 'static {
    /// The message as `session` may see it; `None` keeps it from that session.
    fn filter(&self, message: Message, session: &Session) -> Option<Message>;
}

impl<F> OutboundFilter for F
where
    F: Fn(Message, &Session) -> Option<Message> + Send + Sync + 'static,
{
    fn filter(&self, message: Message, session: &Session) -> Option<Message> {
        self(message, session)
    }
}

/// The filters of an application, by what clients subscribe to.
pub(crate) type Filters = Vec<(DestinationPattern, Arc<dyn OutboundFilter>)>;
