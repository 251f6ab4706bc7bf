//! What is true for a moment: the ephemeral events of `/user/queue/signals`.
//!
//! They are never stored. A newer one with the same `key` replaces an older one that was not delivered yet.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::ConversationId;
use crate::person::UserRef;
use crate::reply::Checkpoint;

/// How long a client shows that somebody types, unless told otherwise, in milliseconds. Three times the pace at which
/// clients repeat it, so that a lost one does not show.
pub const TYPING_TTL_MS: u64 = 6_000;

/// Somebody types, or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "event", rename = "typing")]
pub struct Typing {
    /// What makes a newer one replace this.
    pub key: String,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub who: UserRef,
    /// Began, or stopped.
    pub on: bool,
    /// How long it holds, in milliseconds.
    pub ttl_ms: u64,
}

impl Typing {
    /// Somebody began or stopped to type in a conversation.
    pub fn new(conversation_id: ConversationId, who: UserRef, on: bool) -> Self {
        let key = format!("typing:{conversation_id}:{}:{}", who.role, who.id);
        Self {
            key,
            conversation_id,
            who,
            on,
            ttl_ms: TYPING_TTL_MS,
        }
    }
}

/// What a session must hold to be up to date; a client that is behind any of it asks for a sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "event", rename = "checkpoint")]
pub struct CheckpointSignal {
    /// What makes a newer one replace this.
    pub key: &'static str,
    /// The cursor to adopt by a client that is behind nothing.
    pub cursor: u64,
    /// The stamps of the conversations that changed.
    pub heads: BTreeMap<ConversationId, u64>,
    /// The conversations that the caller may see no more.
    pub gone: Vec<ConversationId>,
}

impl From<Checkpoint> for CheckpointSignal {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint {
            cursor,
            heads,
            gone,
        } = checkpoint;
        Self {
            key: "cp",
            cursor,
            heads: heads.into_iter().collect(),
            gone,
        }
    }
}
