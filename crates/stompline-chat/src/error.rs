//! Why a command or a question was refused.

use std::borrow::Cow;
use std::time::Duration;

use crate::person::Person;

/// A refusal, as one person would tell it to another; [`Error::code`] is the same for programs.
///
/// This is the only place where a refusal gets its code, its text and its waiting time.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The conversation takes no more messages.
    #[error("the conversation is closed")]
    Closed,
    /// The command cannot be understood or asks for something that does not exist in this form.
    #[error("{0}")]
    BadRequest(Cow<'static, str>),
    /// A value is longer than allowed.
    #[error("{what} has {actual} {unit}; at most {allowed} are allowed")]
    TooLarge {
        /// The value.
        what: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        actual: usize,
        /// How many there may be.
        allowed: usize,
    },
    /// Too many of these at once.
    #[error("too fast; try again in {} ms", .retry_after.as_millis())]
    RateLimited {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// The caller may see this but not do it, or may not see it and knows that it exists.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Another agent was faster.
    #[error("{} has already taken this conversation", .assignee.name)]
    AlreadyTaken {
        /// Who has it now.
        assignee: Person,
    },
    /// The conversation changed hands since the caller looked at it.
    #[error("the conversation has changed: `assignRev` is {assign_rev} now")]
    Stale {
        /// The stamp to try again with.
        assign_rev: u64,
    },
    /// There is no such thing, or it is not the caller's to know of.
    #[error("there is no such conversation")]
    NotFound,
    /// The store cannot answer now. Whether a command took effect is unknown; repeating it with the same
    /// `clientId` is safe.
    #[error("{reason}; try again in {} ms", .retry_after.as_millis())]
    Unavailable {
        /// What is missing, without internals.
        reason: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// A fault of ours, which repeating will not cure. The log has the details.
    #[error("the server failed to do this; the failure is logged")]
    Internal,
}

impl Error {
    /// The code on the wire. Codes never change their meaning.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge { .. } => "too_large",
            Self::RateLimited { .. } => "rate_limited",
            Self::Forbidden(_) => "forbidden",
            Self::AlreadyTaken { .. } => "already_taken",
            Self::Stale { .. } => "stale",
            Self::NotFound => "not_found",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// How long to wait before the same command may be repeated by itself. Absent: repeating does not help.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// Who has the conversation instead, when that is the reason.
    pub const fn assignee(&self) -> Option<&Person> {
        match self {
            Self::AlreadyTaken { assignee } => Some(assignee),
            _ => None,
        }
    }

    /// A command that cannot be understood, with what is allowed instead.
    pub fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::BadRequest(reason.into())
    }

    /// The store cannot answer now; a second is long enough for a lock or a burst to pass.
    pub(crate) const fn unavailable(reason: &'static str) -> Self {
        Self::Unavailable {
            reason,
            retry_after: Duration::from_secs(1),
        }
    }
}
