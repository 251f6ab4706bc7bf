//! What a transaction knows and has changed, in memory.
//!
//! Commands of one transaction see each other here; the database sees them all at once, at the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::conversation::{Conversation, State};
use crate::head::Pointer;
use crate::id::{ClientId, ConversationId};
use crate::message::Message;
use crate::person::UserRef;
use crate::store::ledger::Beside;
use crate::time::Timestamp;

/// What was loaded, under what was changed since. An entry without a value says that the database has none.
#[derive(Default)]
pub(super) struct Work {
    conversations: HashMap<ConversationId, Option<Conversation>>,
    /// The open conversation of each customer.
    open: HashMap<Arc<str>, Option<ConversationId>>,
    /// The conversation of each customer that was closed last, as the database has it.
    last: HashMap<Arc<str>, Option<ConversationId>>,
    sent: HashMap<(UserRef, ClientId), Option<Message>>,
    started: HashMap<(Arc<str>, ClientId), Option<ConversationId>>,
    pub(super) changes: Changes,
}

/// What must be written.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) conversations: HashSet<ConversationId>,
    pub(super) messages: Vec<Message>,
    pub(super) pointers: HashMap<(ConversationId, UserRef), Pointer>,
    pub(super) starts: Vec<(Arc<str>, ClientId, ConversationId)>,
}

impl Work {
    /// Notes what a look-up brought; what is known already stands, since it may have changed.
    pub(super) fn learn(&mut self, id: ConversationId, found: Option<Conversation>) {
        self.conversations.entry(id).or_insert(found);
    }

    pub(super) fn learn_open(&mut self, customer: Arc<str>, found: Option<ConversationId>) {
        self.open.entry(customer).or_insert(found);
    }

    pub(super) fn learn_last(&mut self, customer: Arc<str>, found: Option<ConversationId>) {
        self.last.entry(customer).or_insert(found);
    }

    pub(super) fn learn_sent(&mut self, key: (UserRef, ClientId), found: Option<Message>) {
        self.sent.entry(key).or_insert(found);
    }

    pub(super) fn learn_started(
        &mut self,
        key: (Arc<str>, ClientId),
        found: Option<ConversationId>,
    ) {
        self.started.entry(key).or_insert(found);
    }

    /// Whether it was looked up.
    pub(super) fn knows(&self, id: ConversationId) -> bool {
        self.conversations.contains_key(&id)
    }

    pub(super) fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(&id)?.as_ref()
    }

    pub(super) fn knows_open(&self, customer: &str) -> bool {
        self.open.contains_key(customer)
    }

    pub(super) fn open(&self, customer: &str) -> Option<&Conversation> {
        self.conversation((*self.open.get(customer)?)?)
    }

    pub(super) fn knows_last(&self, customer: &str) -> bool {
        self.last.contains_key(customer)
    }

    /// The conversation of a customer that was closed last, here or in the database.
    pub(super) fn last(&self, customer: &str) -> Option<&Conversation> {
        let stored = self.last.get(customer).copied().flatten();
        let stored = stored.and_then(|id| self.conversation(id));
        let here = self
            .changes
            .conversations
            .iter()
            .filter_map(|id| self.conversation(*id))
            .filter(|conversation| &*conversation.customer.user.id == customer);
        here.chain(stored).max_by_key(|it| (closed_at(it), it.id))
    }

    pub(super) fn knows_sent(&self, key: &(UserRef, ClientId)) -> bool {
        self.sent.contains_key(key)
    }

    pub(super) fn sent(&self, key: &(UserRef, ClientId)) -> Option<&Message> {
        self.sent.get(key)?.as_ref()
    }

    pub(super) fn knows_started(&self, key: &(Arc<str>, ClientId)) -> bool {
        self.started.contains_key(key)
    }

    pub(super) fn started(&self, key: &(Arc<str>, ClientId)) -> Option<ConversationId> {
        self.started.get(key).copied().flatten()
    }

    pub(super) fn save(&mut self, conversation: &Conversation, beside: Beside<'_>) {
        let id = conversation.id;
        let customer = Arc::clone(&conversation.customer.user.id);
        match beside {
            Beside::Nothing => {}
            Beside::Message(message) => {
                let key = (message.sender.user.clone(), message.client_id.clone());
                self.sent.insert(key, Some(message.clone()));
                self.changes.messages.push(message.clone());
            }
            Beside::Pointer(pointer) => {
                let key = (id, pointer.user.clone());
                self.changes.pointers.insert(key, pointer.clone());
            }
            Beside::Start(client_id) => {
                let key = (Arc::clone(&customer), client_id.clone());
                self.started.insert(key, Some(id));
                let start = (Arc::clone(&customer), client_id.clone(), id);
                self.changes.starts.push(start);
            }
        }
        self.note_open(customer, conversation);
        self.changes.conversations.insert(id);
        self.conversations.insert(id, Some(conversation.clone()));
    }

    fn note_open(&mut self, customer: Arc<str>, conversation: &Conversation) {
        if closed_at(conversation).is_none() {
            self.open.insert(customer, Some(conversation.id));
        } else if self.open.get(&customer) == Some(&Some(conversation.id)) {
            self.open.insert(customer, None);
        }
    }
}

pub(super) const fn closed_at(conversation: &Conversation) -> Option<Timestamp> {
    match &conversation.state {
        State::Closed { closure, .. } => Some(closure.at),
        _ => None,
    }
}
