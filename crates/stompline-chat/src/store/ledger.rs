//! What commands read and write, inside the transaction of a writer.

use super::fault::Fault;
use crate::command::Target;
use crate::conversation::Conversation;
use crate::head::Pointer;
use crate::id::{ClientId, ConversationId};
use crate::message::Message;
use crate::person::UserRef;

/// An open transaction, as commands see it: everything that was committed or saved before is there.
pub(super) trait Ledger: Send {
    /// The conversation of that name.
    fn conversation(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Conversation>, Fault>> + Send;

    /// A customer's open conversation; there is at most one.
    fn open_conversation(
        &mut self,
        customer: &UserRef,
    ) -> impl Future<Output = Result<Option<Conversation>, Fault>> + Send;

    /// The conversation that a customer's next one follows or continues, when none is open.
    fn last_conversation(
        &mut self,
        customer: &UserRef,
    ) -> impl Future<Output = Result<Option<Conversation>, Fault>> + Send;

    /// What the first start of that name began.
    fn started_before(
        &mut self,
        customer: &UserRef,
        client_id: &ClientId,
    ) -> impl Future<Output = Result<Option<ConversationId>, Fault>> + Send;

    /// What there is to know before a message finds its place.
    fn before_sending(
        &mut self,
        sender: &UserRef,
        client_id: &ClientId,
        target: &Target,
    ) -> impl Future<Output = Result<BeforeSending, Fault>> + Send;

    /// Writes a conversation, new or changed, and what belongs to the same command: all of it or nothing.
    fn save(
        &mut self,
        conversation: &Conversation,
        beside: Beside<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The answer to [`Ledger::before_sending`].
#[derive(Default)]
pub(super) struct BeforeSending {
    /// The same message, if it was sent before.
    pub(super) sent_before: Option<Message>,
    /// The target of an agent; for a customer, the open conversation, whichever was named.
    pub(super) conversation: Option<Conversation>,
}

/// What a command writes beside the conversation.
#[derive(Clone, Copy)]
pub(super) enum Beside<'a> {
    Nothing,
    Message(&'a Message),
    Pointer(&'a Pointer),
    /// The customer's name for a start.
    Start(&'a ClientId),
}
