//! Where a conversation stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::person::{Person, Role};
use crate::time::Timestamp;

/// Where a conversation stands, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// The customer waits for an agent.
    Queued,
    /// An agent has it.
    Active,
    /// It is over, perhaps not for good.
    Closed,
}

impl Phase {
    /// The name, as on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }
}

/// Where a conversation stands, with what is true only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The customer waits for an agent.
    Queued,
    /// An agent has it.
    Active(Assignment),
    /// It is over, perhaps not for good.
    Closed {
        /// Who had it, if anybody.
        assignment: Option<Assignment>,
        /// How it ended.
        closure: Closure,
    },
}

/// Who has a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The agent.
    pub agent: Person,
    /// Since when.
    pub since: Timestamp,
}

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// When.
    pub at: Timestamp,
    /// Which side ended it.
    pub by: Role,
    /// Why, in their words.
    pub reason: Option<Arc<str>>,
}

/// The next change stamp and the time of the change, given by a store's writer.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// Larger than every stamp given before, over the whole store.
    pub rev: u64,
    /// Now.
    pub at: Timestamp,
}
