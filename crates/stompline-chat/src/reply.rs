//! The answers to one session: acks, refusals, pages, the first screen.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::head::Head;
use crate::id::{ClientId, ConversationId, MessageId};
use crate::message::Message;
use crate::person::Person;
use crate::time::Timestamp;

/// What a command came to, for `/user/queue/acks`. It exists only after the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    /// The sender's name for the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The STOMP receipt that the frame asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Always true; a [`Refusal`] says false.
    pub ok: bool,
    /// Where it took effect.
    pub conversation_id: ConversationId,
    /// The message, if the command made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The stamp of the change; of the conversation's last change when there was nothing to do.
    pub rev: u64,
    /// When the message was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// True when there was nothing left to do, because this had been done before.
    pub duplicate: bool,
}

impl Ack {
    pub(crate) fn change(conversation_id: ConversationId, rev: u64, duplicate: bool) -> Self {
        Self {
            client_id: None,
            receipt: None,
            ok: true,
            conversation_id,
            id: None,
            seq: None,
            rev,
            created_at: None,
            duplicate,
        }
    }

    pub(crate) fn message(message: &Message, duplicate: bool) -> Self {
        Self {
            id: Some(message.id),
            seq: Some(message.seq),
            created_at: Some(message.created_at),
            ..Self::change(message.conversation_id, message.rev, duplicate)
        }
    }

    /// The same for the frame that asked for this receipt.
    pub fn with_receipt(self, receipt: Option<String>) -> Self {
        Self { receipt, ..self }
    }
}

/// Why a command came to nothing, for `/user/queue/acks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The sender's name for the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The STOMP receipt that the frame asked for and will not get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Always false.
    pub ok: bool,
    /// The reason, for programs.
    pub code: &'static str,
    /// The reason, for people.
    pub message: String,
    /// When it may be repeated by itself; absent: it may not.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "millis")]
    pub retry_after_ms: Option<Duration>,
    /// Who has the conversation instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Person>,
}

impl Refusal {
    /// The refusal that an error means for the command of that name and receipt.
    pub fn new(error: &Error, client_id: Option<ClientId>, receipt: Option<String>) -> Self {
        Self {
            client_id,
            receipt,
            ok: false,
            code: error.code(),
            message: error.to_string(),
            retry_after_ms: error.retry_after(),
            assignee: error.assignee().cloned(),
        }
    }
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn millis<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    millis.serialize(serializer)
}

/// A head with what only its reader knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReaderHead {
    /// The head.
    #[serde(flatten)]
    pub head: Head,
    /// How many messages of the other side the reader has not seen, among the last 200 of the conversation.
    pub unread: u64,
}

/// The answer to `/app/sync`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "replyTo", rename = "sync")]
pub struct SyncPage {
    /// The STOMP receipt that the question asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Where the next question starts.
    pub cursor: u64,
    /// True when there is more up to now.
    pub more: bool,
    /// True when the caller's cursor is not of this store: forget everything and begin with bootstrap.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
    /// The changed heads, in `rev` order.
    pub conversations: Vec<ReaderHead>,
    /// The changed messages, in `rev` order.
    pub messages: Vec<Message>,
    /// The conversations that the caller may see no more.
    pub gone: Vec<ConversationId>,
}

/// The answer to `/app/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "replyTo", rename = "history")]
pub struct HistoryPage {
    /// The STOMP receipt that the question asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Whose messages.
    pub conversation_id: ConversationId,
    /// The messages by `seq`, ascending.
    pub messages: Vec<Message>,
    /// True when there are more within the bounds asked for: newer ones after an `after`, else older ones.
    pub more: bool,
}

/// The answer to `/app/agent.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "replyTo", rename = "list")]
pub struct ListPage {
    /// The STOMP receipt that the question asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The heads, the last changed first.
    pub conversations: Vec<ReaderHead>,
    /// True when there are more, changed longer ago.
    pub more: bool,
}

/// The answer to SUBSCRIBE `/app/bootstrap`: all that a client needs for its first screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "replyTo", rename = "bootstrap")]
pub struct Bootstrap {
    /// Who the server takes the caller for.
    pub me: Person,
    /// An agent's active conversations, or a customer's latest one, newest change first.
    pub conversations: Vec<OpenConversation>,
    /// True when an agent has more conversations than are listed; `/app/agent.list` has the rest.
    pub more: bool,
    /// For agents: who waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueSnapshot>,
    /// Where sync starts.
    pub cursor: u64,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// A conversation with its last messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenConversation {
    /// The head.
    #[serde(flatten)]
    pub head: ReaderHead,
    /// The last messages by `seq`, ascending.
    pub messages: Vec<Message>,
    /// True when there are older ones; history has them.
    pub more: bool,
}

/// A group's queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueSnapshot {
    /// Whose queue.
    pub group_id: String,
    /// The stamp to which the next change on the group's topic is chained.
    pub version: u64,
    /// How many wait.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub longest_waiting_since: Option<Timestamp>,
    /// Those who wait longest, first come first.
    pub entries: Vec<Head>,
}

/// What a session must hold to be up to date, computed from the store and not from what was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The cursor to adopt by a client that is behind nothing.
    pub cursor: u64,
    /// The stamps of the caller's conversations that changed.
    pub heads: Vec<(ConversationId, u64)>,
    /// The conversations that the caller may see no more.
    pub gone: Vec<ConversationId>,
}
