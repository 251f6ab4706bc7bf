//! Destinations: parsed once, at the edge, into what they mean.

mod prefix;
#[cfg(test)]
mod tests;
mod user;

use std::fmt;
use std::sync::Arc;

use crate::name::NameError;
use crate::pattern::{DestinationPattern, PatternError, TextError, check_text};

pub use self::prefix::{PrefixError, Prefixes};
pub use self::user::{UserDestination, encode_user_name};

use self::prefix::below;

/// Why a text is no destination here.
///
/// The text itself is not repeated; whoever reports the error knows it. The code is
/// [`code`](Self::code) for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// The text cannot be a destination anywhere.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No prefix fits, or nothing follows it.
    #[error("a destination lies below one of {prefixes}")]
    UnknownPrefix {
        /// The prefixes that exist.
        prefixes: Prefixes,
    },
    /// SEND to a pattern.
    #[error("SEND needs one destination; a name with `*` is for SUBSCRIBE only")]
    SendToPattern,
    /// SUBSCRIBE to a pattern that is none, or is switched off.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// SUBSCRIBE to a pattern that is no broker destination.
    #[error("patterns are for broker destinations; name this one in full")]
    PatternElsewhere,
    /// SEND to a user destination that is not `/user/{name}/queue/...`.
    #[error("SEND to a user needs {user}/<name>/queue/<...>")]
    SendWithoutQueue {
        /// The user prefix.
        user: Box<str>,
    },
    /// SUBSCRIBE to a user destination that is not `/user/queue/...`.
    #[error("SUBSCRIBE to one's own messages needs {user}/queue/<...>")]
    SubscribeWithoutQueue {
        /// The user prefix.
        user: Box<str>,
    },
    /// SEND to a user whose name is none.
    #[error(transparent)]
    UserName(#[from] NameError),
}

impl DestinationError {
    /// The machine-readable code, the same for every cause: `unknown_destination`.
    pub fn code(&self) -> &'static str {
        "unknown_destination"
    }
}

/// Which of the meanings a destination has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DestinationKind {
    /// For a handler.
    App,
    /// For all who subscribe to it, by name or by pattern.
    Broker,
    /// For one user.
    User,
}

/// A destination and what it means.
///
/// At most 1,024 bytes, no empty segments, no control characters. A clone shares the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// For a handler.
    App(AppDestination),
    /// One name that is broadcast.
    Broker(BrokerDestination),
    /// A pattern of names that are broadcast. Only SUBSCRIBE can name one.
    Pattern(DestinationPattern),
    /// For one user: the named one (SEND) or oneself (SUBSCRIBE).
    User(UserDestination),
}

impl Destination {
    /// Reads the destination of a SEND.
    ///
    /// # Errors
    ///
    /// The text is malformed, has an unknown prefix, holds `*`, or names no user's queue.
    pub fn for_send(prefixes: &Prefixes, text: &str) -> Result<Self, DestinationError> {
        check_text(text, prefixes.separator())?;
        if text.contains('*') {
            return Err(DestinationError::SendToPattern);
        }
        match kind_of(prefixes, text)? {
            DestinationKind::App => Ok(Self::App(AppDestination::below(prefixes, text))),
            DestinationKind::Broker => Ok(Self::Broker(BrokerDestination(Arc::from(text)))),
            DestinationKind::User => UserDestination::of_another(prefixes, text).map(Self::User),
        }
    }

    /// Reads the destination of a SUBSCRIBE.
    ///
    /// # Errors
    ///
    /// The text is malformed, has an unknown prefix, is a pattern that is not allowed, or names
    /// something of a user that is no queue.
    pub fn for_subscribe(prefixes: &Prefixes, text: &str) -> Result<Self, DestinationError> {
        check_text(text, prefixes.separator())?;
        let kind = kind_of(prefixes, text)?;
        if text.contains(['*', '{', '}']) {
            let pattern = DestinationPattern::parse_with(prefixes.patterns(), text)?;
            return match kind {
                DestinationKind::Broker => Ok(Self::Pattern(pattern)),
                _ => Err(DestinationError::PatternElsewhere),
            };
        }
        match kind {
            DestinationKind::App => Ok(Self::App(AppDestination::below(prefixes, text))),
            DestinationKind::Broker => Ok(Self::Broker(BrokerDestination(Arc::from(text)))),
            DestinationKind::User => UserDestination::of_oneself(prefixes, text).map(Self::User),
        }
    }

    /// The destination as the client named it.
    pub fn name(&self) -> &str {
        match self {
            Self::App(app) => app.name(),
            Self::Broker(broker) => broker.name(),
            Self::Pattern(pattern) => pattern.as_str(),
            Self::User(user) => user.name(),
        }
    }

    /// The destination as the client named it, shared.
    pub fn text(&self) -> &Arc<str> {
        match self {
            Self::App(app) => app.text(),
            Self::Broker(broker) => broker.text(),
            Self::Pattern(pattern) => pattern.text(),
            Self::User(user) => user.text(),
        }
    }

    /// Which of the meanings it has.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::App(_) => DestinationKind::App,
            Self::Broker(_) | Self::Pattern(_) => DestinationKind::Broker,
            Self::User(_) => DestinationKind::User,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name(), f)
    }
}

fn kind_of(prefixes: &Prefixes, text: &str) -> Result<DestinationKind, DestinationError> {
    if below(prefixes.app(), text).is_some() {
        Ok(DestinationKind::App)
    } else if below(prefixes.user(), text).is_some() {
        Ok(DestinationKind::User)
    } else if prefixes
        .brokers()
        .any(|prefix| below(prefix, text).is_some())
    {
        Ok(DestinationKind::Broker)
    } else {
        Err(DestinationError::UnknownPrefix {
            prefixes: prefixes.clone(),
        })
    }
}

/// A destination that a handler receives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppDestination {
    text: Arc<str>,
    path_at: u16,
}

impl AppDestination {
    fn below(prefixes: &Prefixes, text: &str) -> Self {
        Self {
            text: Arc::from(text),
            path_at: offset(prefixes.app().len()),
        }
    }

    /// The whole destination: `/app/room/42`.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// The whole destination, shared.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What follows the prefix, which is what routes match: `/room/42`.
    pub fn path(&self) -> &str {
        &self.text[usize::from(self.path_at)..]
    }
}

/// One name that is broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BrokerDestination(Arc<str>);

impl BrokerDestination {
    /// The whole destination: `/topic/news`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The whole destination, shared.
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

fn offset(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("a checked destination has 1,024 bytes at most")
}
