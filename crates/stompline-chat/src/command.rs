//! What may be asked of a store that changes something: whole commands, checked.

use std::sync::Arc;

use crate::id::{ClientId, ConversationId};
use crate::message::Content;
use crate::person::{Person, UserRef};

/// One change, all of it or nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command {
    /// Say something.
    Send(NewMessage),
    /// Begin to wait for an agent.
    Start(Start),
    /// Take a waiting conversation.
    Take(Take),
    /// End a conversation.
    Close(Close),
    /// Say how far one has come.
    Point(PointerMove),
}

/// Say something, in the conversation that [`Target`] names.
///
/// From a customer this opens a conversation when none is open, or reopens the last one when it was closed less than
/// a day ago. From an agent it takes a waiting conversation first.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Who speaks, under the name their session has now.
    pub sender: Person,
    /// Where.
    pub target: Target,
    /// What.
    pub draft: Draft,
}

/// A message that has no place yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The sender's name for it: the same name again gives the first result again.
    pub client_id: ClientId,
    /// What is said.
    pub content: Content,
    /// The `seq` of the message that this answers.
    pub reply_to: Option<u64>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// That conversation.
    Conversation(ConversationId),
    /// The open conversation of that customer.
    Customer(UserRef),
}

/// Begin to wait for an agent. A customer who has an open conversation gets that one.
#[derive(Debug, Clone)]
pub struct Start {
    /// Who waits.
    pub customer: Person,
    /// The customer's name for this start; absent: repeating it after a close starts another.
    pub client_id: Option<ClientId>,
}

/// Take a waiting conversation.
#[derive(Debug, Clone)]
pub struct Take {
    /// Who takes it.
    pub agent: Person,
    /// Which.
    pub conversation_id: ConversationId,
    /// The stage that the agent saw; absent: take it if it still waits.
    pub assign_rev: Option<u64>,
}

/// End a conversation.
#[derive(Debug, Clone)]
pub struct Close {
    /// Which side ends it.
    pub by: UserRef,
    /// Which.
    pub conversation_id: ConversationId,
    /// Why, in their words.
    pub reason: Option<Arc<str>>,
}

/// Say how far one has come: cumulative, so that a lower value than before changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointerMove {
    /// Whose pointers.
    pub who: UserRef,
    /// Where.
    pub conversation_id: ConversationId,
    /// The highest `seq` that reached a device; 0 says nothing.
    pub delivered: u64,
    /// The highest `seq` that was seen; 0 says nothing.
    pub read: u64,
}

impl Command {
    /// The sender's own name for this, to be repeated in the answer.
    pub(crate) fn client_id(&self) -> Option<&ClientId> {
        match self {
            Self::Send(send) => Some(&send.draft.client_id),
            Self::Start(start) => start.client_id.as_ref(),
            Self::Take(_) | Self::Close(_) | Self::Point(_) => None,
        }
    }
}

macro_rules! from_command {
    ($($kind:ident($command:ty)),*) => {
        $(impl From<$command> for Command {
            fn from(command: $command) -> Self {
                Self::$kind(command)
            }
        })*
    };
}

from_command!(
    Send(NewMessage),
    Start(Start),
    Take(Take),
    Close(Close),
    Point(PointerMove)
);
