//! What a list shows of a conversation: everything but its messages.

use std::sync::Arc;

use serde::Serialize;

use crate::conversation::Phase;
use crate::id::ConversationId;
use crate::person::{Person, Role, UserRef};
use crate::time::Timestamp;

/// How far one participant has come. Both only grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// Whose it is.
    #[serde(flatten)]
    pub user: UserRef,
    /// The highest `seq` that reached any of their devices.
    pub delivered_seq: u64,
    /// The highest `seq` that was on screen before their eyes.
    pub read_seq: u64,
}

/// The last message, shortened for a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Its place.
    pub seq: u64,
    /// Who said it.
    pub sender: Person,
    /// Its first [`Preview::CHARS_MAX`] characters.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
}

impl Preview {
    /// The longest preview, in characters: two lines of a list.
    pub const CHARS_MAX: usize = 120;
}

/// The whole state of a conversation for one audience; a newer `rev` replaces an older head entirely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Which conversation.
    pub id: ConversationId,
    /// The stamp of its last change that this audience may see.
    pub rev: u64,
    /// Waiting, being answered, or over.
    pub state: Phase,
    /// Counts the changes of hands; a take may name the one it saw.
    pub assign_rev: u64,
    /// Whose queue it waits in.
    pub group_id: Arc<str>,
    /// Who asks.
    pub customer: Person,
    /// Who answers or, once closed, answered last.
    pub assignee: Option<Person>,
    /// The `seq` of the last message; 0 when nothing was said.
    pub last_seq: u64,
    /// The last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Preview>,
    /// How far each participant has come.
    pub pointers: Vec<Pointer>,
    /// The conversation this one follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_id: Option<ConversationId>,
    /// How often it was taken up again after it was closed.
    pub reopen_count: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// Since when the customer has waited, or waited last.
    pub queued_at: Timestamp,
    /// When the assignee took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Timestamp>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Which side closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<Role>,
    /// Why, in the words of whoever closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_reason: Option<Arc<str>>,
}
