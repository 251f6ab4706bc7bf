//! People at work on a store, in few words.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use stompline_chat::body::{HistoryBody, SyncBody};
use stompline_chat::command::{
    Close, Command, Draft, NewMessage, PointerMove, Start, Take, Target,
};
use stompline_chat::error::Error;
use stompline_chat::event::{Batch, Event};
use stompline_chat::id::{ClientId, ConversationId};
use stompline_chat::message::{Content, Message, Text};
use stompline_chat::person::{Person, UserRef};
use stompline_chat::reply::{Ack, SyncPage};
use stompline_chat::store::{Pending, Store};
use stompline_chat::time::{Clock, Timestamp};
use tokio::sync::mpsc;

/// A clock that stands still until told otherwise.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_795_339_812_000)))
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0
            .fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed)))
    }
}

/// An open store, and what it committed.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) batches: mpsc::Receiver<Batch>,
}

pub(crate) fn customer(id: &str) -> Person {
    Person::new(UserRef::customer(id), None)
}

pub(crate) fn agent(id: &str) -> Person {
    Person::new(UserRef::agent(id), None)
}

pub(crate) fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

pub(crate) fn draft(client_id: ClientId, text: &str) -> Draft {
    Draft {
        client_id,
        content: Content::Text(Text::parse(text).unwrap()),
        reply_to: None,
    }
}

/// The code of a refusal.
pub(crate) fn code<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

/// A message to the sender's own open conversation.
pub(crate) fn saying(sender: &Person, client_id: ClientId, text: &str) -> Command {
    let target = Target::Customer(sender.user.clone());
    NewMessage {
        sender: sender.clone(),
        target,
        draft: draft(client_id, text),
    }
    .into()
}

/// A message to that conversation.
pub(crate) fn saying_in(sender: &Person, id: ConversationId, text: &str) -> Command {
    let draft = draft(ClientId::fresh(), text);
    NewMessage {
        sender: sender.clone(),
        target: Target::Conversation(id),
        draft,
    }
    .into()
}

impl Desk {
    pub(crate) fn submit(&self, command: impl Into<Command>) -> Pending {
        self.store.submit(command.into())
    }

    pub(crate) async fn say(&self, sender: &Person, text: &str) -> Ack {
        self.submit(saying(sender, ClientId::fresh(), text))
            .await
            .unwrap()
    }

    pub(crate) async fn say_in(
        &self,
        sender: &Person,
        id: ConversationId,
        text: &str,
    ) -> Result<Ack, Error> {
        self.submit(saying_in(sender, id, text)).await
    }

    pub(crate) async fn start(&self, customer: &Person, client_id: Option<&str>) -> Ack {
        let client_id = client_id.map(|text| ClientId::parse(text).unwrap());
        self.submit(Start {
            customer: customer.clone(),
            client_id,
        })
        .await
        .unwrap()
    }

    pub(crate) async fn take(
        &self,
        agent: &Person,
        conversation_id: ConversationId,
    ) -> Result<Ack, Error> {
        self.submit(Take {
            agent: agent.clone(),
            conversation_id,
            assign_rev: None,
        })
        .await
    }

    pub(crate) async fn end(
        &self,
        by: &Person,
        conversation_id: ConversationId,
    ) -> Result<Ack, Error> {
        self.submit(Close {
            by: by.user.clone(),
            conversation_id,
            reason: None,
        })
        .await
    }

    pub(crate) async fn point(
        &self,
        who: &Person,
        conversation_id: ConversationId,
        (delivered, read): (u64, u64),
    ) -> Result<Ack, Error> {
        self.submit(PointerMove {
            who: who.user.clone(),
            conversation_id,
            delivered,
            read,
        })
        .await
    }

    /// The batches handed over since the last call.
    pub(crate) fn batches(&mut self) -> Vec<Batch> {
        std::iter::from_fn(|| self.batches.try_recv().ok()).collect()
    }

    /// The events handed over since the last call.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.batches()
            .into_iter()
            .flat_map(|batch| batch.events)
            .collect()
    }

    /// The names of the events handed over since the last call.
    pub(crate) fn event_names(&mut self) -> Vec<&'static str> {
        self.events().iter().map(Event::name).collect()
    }

    pub(crate) async fn sync(&self, who: &Person, since: u64) -> SyncPage {
        let request = SyncBody {
            since,
            ..SyncBody::default()
        };
        self.store.sync(who.user.clone(), request).await.unwrap()
    }

    /// All messages of a conversation, page by page from the start.
    pub(crate) async fn messages(&self, who: &Person, id: ConversationId) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        loop {
            let after = messages.last().map_or(0, |message| message.seq);
            let request = HistoryBody {
                conversation_id: Some(id),
                after: Some(after),
                limit: Some(100),
                ..HistoryBody::default()
            };
            let page = self.store.history(who.user.clone(), request).await.unwrap();
            messages.extend(page.messages);
            if !page.more {
                return messages;
            }
        }
    }
}

pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.content.text().unwrap().as_str())
        .collect()
}
