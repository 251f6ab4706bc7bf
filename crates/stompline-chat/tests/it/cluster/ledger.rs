//! A store that several nodes seem to share: it commits nothing, and knows what a test says was committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use stompline_chat::body::{HistoryBody, ListBody, SyncBody};
use stompline_chat::command::{Command, Draft};
use stompline_chat::conversation::{Conversation, Stamp};
use stompline_chat::error::Error;
use stompline_chat::event::Event;
use stompline_chat::head::Head;
use stompline_chat::id::{ClientId, ConversationId, MessageId};
use stompline_chat::message::{Content, Text};
use stompline_chat::person::{Person, Role, UserRef};
use stompline_chat::reply::{
    Bootstrap, Checkpoint, HistoryPage, ListPage, QueueSnapshot, SyncPage,
};
use stompline_chat::store::{Pending, Reading, Store};
use stompline_chat::time::Timestamp;
use uuid::Uuid;

/// What was committed, by whichever node.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Committed>);

#[derive(Default)]
struct Committed {
    rev: u64,
    conversations: BTreeMap<ConversationId, Conversation>,
}

impl Committed {
    fn stamp(&mut self) -> Stamp {
        self.rev += 1;
        let at = Timestamp::from_millis(i64::try_from(self.rev).unwrap());
        Stamp { rev: self.rev, at }
    }
}

impl Ledger {
    /// A customer begins to wait and an agent takes it: two events.
    pub(super) fn meet(&self, customer: &Person, agent: &Person) -> (ConversationId, Vec<Event>) {
        let mut committed = self.0.lock().unwrap();
        let stamp = committed.stamp();
        let id = ConversationId::new(Uuid::from_u128(stamp.rev.into()));
        let (mut conversation, created) = Conversation::open(id, customer.clone(), None, stamp);
        let stamp = committed.stamp();
        let taken = conversation.take(agent, None, stamp).unwrap().unwrap();
        committed.conversations.insert(id, conversation);
        (id, vec![created, taken])
    }

    /// Somebody says something.
    pub(super) fn say(&self, id: ConversationId, who: &Person) -> Event {
        let mut committed = self.0.lock().unwrap();
        let stamp = committed.stamp();
        let draft = Draft {
            client_id: ClientId::fresh(),
            content: Content::Text(Text::parse("hello").unwrap()),
            reply_to: None,
        };
        let message = MessageId::new(Uuid::from_u128(stamp.rev.into()));
        let conversation = committed.conversations.get_mut(&id).unwrap();
        conversation.append(who, draft, message, stamp).unwrap().1
    }

    fn changed(&self, who: &UserRef, since: u64) -> Vec<(ConversationId, u64)> {
        let committed = self.0.lock().unwrap();
        let theirs = committed
            .conversations
            .values()
            .filter(|it| it.rev > since && it.may_read(who).is_ok());
        theirs.map(|it| (it.id, it.rev)).collect()
    }
}

fn unasked<T: Send + 'static>() -> Reading<'static, T> {
    ready(Err(Error::NotFound)).boxed()
}

impl Store for Ledger {
    fn submit(&self, _: Command) -> Pending {
        Pending::refused(Error::NotFound)
    }

    fn sync(&self, _: UserRef, _: SyncBody) -> Reading<'_, SyncPage> {
        unasked()
    }

    fn history(&self, _: UserRef, _: HistoryBody) -> Reading<'_, HistoryPage> {
        unasked()
    }

    fn list(&self, _: UserRef, _: ListBody) -> Reading<'_, ListPage> {
        unasked()
    }

    fn bootstrap(&self, _: Person) -> Reading<'_, Bootstrap> {
        unasked()
    }

    fn head(&self, _: UserRef, _: ConversationId) -> Reading<'_, Head> {
        unasked()
    }

    fn checkpoint(&self, who: UserRef, since: u64) -> Reading<'_, Checkpoint> {
        let cursor = self.0.lock().unwrap().rev;
        let checkpoint = Checkpoint {
            cursor,
            heads: self.changed(&who, since),
            gone: Vec::new(),
        };
        ready(Ok(checkpoint)).boxed()
    }

    fn customers_behind(&self, customers: Vec<Arc<str>>, since: u64) -> Reading<'_, Vec<Arc<str>>> {
        let is_behind = |id: &Arc<str>| {
            let who = UserRef {
                id: Arc::clone(id),
                role: Role::Customer,
            };
            !self.changed(&who, since).is_empty()
        };
        ready(Ok(customers.into_iter().filter(is_behind).collect())).boxed()
    }

    fn settled(&self) -> Reading<'_, u64> {
        ready(Ok(self.0.lock().unwrap().rev)).boxed()
    }

    fn queue(&self) -> Reading<'_, QueueSnapshot> {
        unasked()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
