//! Coming back after an absence of any length.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use stompline_chat::body::SyncBody;
use stompline_chat::conversation::Phase;
use stompline_chat::id::ConversationId;
use stompline_chat::message::Message;
use stompline_chat::person::Person;
use stompline_chat::reply::{ReaderHead, SyncPage};

use super::Backend;
use crate::desk::{Desk, agent, customer};

/// What a client holds that does nothing but sync.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) cursor: u64,
    heads: BTreeMap<ConversationId, ReaderHead>,
    pub(crate) messages: BTreeMap<(ConversationId, u64), Message>,
}

impl Client {
    /// One question; true when there is more.
    pub(crate) async fn sync(&mut self, desk: &Desk, who: &Person, limit: usize) -> bool {
        let request = SyncBody {
            since: self.cursor,
            open: None,
            limit: Some(limit),
        };
        let page = desk.store.sync(who.user.clone(), request).await.unwrap();
        let items = page.conversations.len() + page.messages.len() + page.gone.len();
        assert!(items <= limit + 1, "a page has its limit");
        assert!(!page.more || page.cursor > self.cursor, "a page gets on");
        assert!(page.cursor >= self.cursor, "a cursor never goes back");
        self.apply(page)
    }

    fn apply(&mut self, page: SyncPage) -> bool {
        for item in page.conversations {
            assert!(item.head.rev > self.cursor && item.head.rev <= page.cursor);
            self.heads.insert(item.head.id, item);
        }
        for message in page.messages {
            assert!(message.rev > self.cursor && message.rev <= page.cursor);
            let before = self
                .messages
                .insert((message.conversation_id, message.seq), message);
            assert_eq!(before, None, "a message comes once");
        }
        for id in page.gone {
            self.heads.remove(&id);
            self.messages.retain(|(of, _), _| *of != id);
        }
        self.cursor = page.cursor;
        page.more
    }
}

/// Some hours at the desk: every sort of change.
async fn work(desk: &Desk, name: &str, rounds: usize) {
    let (customer, lin) = (customer(name), agent("a"));
    for round in 0..rounds {
        let ack = desk.say(&customer, &format!("{name} {round}")).await;
        let id = ack.conversation_id;
        desk.say_in(&lin, id, "let me look").await.unwrap();
        desk.point(&lin, id, (ack.seq.unwrap(), 0)).await.unwrap();
        if round % 3 == 0 {
            desk.end(&lin, id).await.unwrap();
        }
    }
}

pub(super) async fn sync_from_zero_brings_everything_once(backend: &impl Backend) {
    let desk = backend.open().await;
    for name in ["1", "2", "3"] {
        work(&desk, name, 7).await;
    }
    for limit in [1, 2, 7, 200] {
        let mut client = Client::default();
        while client.sync(&desk, &agent("a"), limit).await {}
        assert_eq!((client.heads.len(), client.messages.len()), (3, 3 * 7 * 2));
        let mut client = Client::default();
        while client.sync(&desk, &customer("2"), limit).await {}
        assert_eq!((client.heads.len(), client.messages.len()), (1, 7 * 2));
    }
}

pub(super) async fn sync_converges_while_writes_go_on(backend: &impl Backend) {
    let desk = backend.open().await;
    let lin = agent("a");
    let mut client = Client::default();
    let (pages, done) = (Cell::new(0), Cell::new(false));
    let writing = async {
        for round in 0..6 {
            // Every other round commits only when the reader has looked ten more times, long after it was begun.
            let stall = if round % 2 == 0 {
                Some(backend.stall().await)
            } else {
                None
            };
            let release = async {
                let until = pages.get() + 10;
                while stall.is_some() && pages.get() < until {
                    tokio::task::yield_now().await;
                }
                drop(stall);
            };
            let names = [
                format!("{round}a"),
                format!("{round}b"),
                "always".to_owned(),
            ];
            let people = names.iter().map(|name| work(&desk, name, 5));
            join(join_all(people), release).await;
        }
        done.set(true);
    };
    let reading = async {
        loop {
            let last = done.get();
            pages.set(pages.get() + 1);
            if !client.sync(&desk, &lin, 5).await && last {
                break;
            }
        }
    };
    join(writing, reading).await;
    let mut whole = Client::default();
    while whole.sync(&desk, &lin, 200).await {}
    assert_eq!(client.messages, whole.messages);
    assert_eq!(client.heads, whole.heads);
    assert_eq!(client.cursor, whole.cursor);
    assert_eq!(whole.messages.len(), 6 * 3 * 5 * 2);
}

pub(super) async fn open_limits_the_messages(backend: &impl Backend) {
    let desk = backend.open().await;
    let lin = agent("a");
    let mut ids = Vec::new();
    for name in ["1", "2", "3"] {
        ids.push(desk.say(&customer(name), "hello").await.conversation_id);
    }
    let messages = async |open: Option<&[usize]>| {
        let open = open.map(|open| open.iter().map(|index| (ids[*index], 0)).collect());
        let request = SyncBody {
            since: 0,
            open,
            limit: None,
        };
        let page = desk.store.sync(lin.user.clone(), request).await.unwrap();
        assert_eq!(page.conversations.len(), 3, "heads always come");
        page.messages
            .iter()
            .map(|message| message.conversation_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(messages(None).await, ids);
    assert_eq!(messages(Some(&[])).await, []);
    assert_eq!(messages(Some(&[0, 2])).await, [ids[0], ids[2]]);
}

pub(super) async fn conversation_of_another_agent_is_gone(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin, mei) = (customer("7"), agent("a"), agent("b"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    let cursor = desk.sync(&mei, 0).await.cursor;
    desk.take(&lin, id).await.unwrap();
    let page = desk.sync(&mei, cursor).await;
    assert_eq!(
        (page.gone, page.conversations, page.messages),
        (vec![id], vec![], vec![])
    );
    assert!(desk.sync(&lin, cursor).await.gone.is_empty());
    // Much later, and although it was closed since.
    desk.end(&lin, id).await.unwrap();
    assert_eq!(desk.sync(&mei, cursor).await.gone, [id]);
    let cursor = desk.sync(&mei, cursor).await.cursor;
    assert!(desk.sync(&mei, cursor).await.gone.is_empty(), "told once");
    // It waits again: everybody sees it.
    desk.say(&anna, "again").await;
    let page = desk.sync(&mei, cursor).await;
    assert!(page.gone.is_empty());
    assert_eq!(page.conversations[0].head.state, Phase::Queued);
    // And whoever had it before loses it to the next.
    let cursor = desk.sync(&lin, cursor).await.cursor;
    desk.take(&mei, id).await.unwrap();
    assert_eq!(desk.sync(&lin, cursor).await.gone, [id]);
}

pub(super) async fn conversation_closed_while_waiting_is_gone(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, mei) = (customer("7"), agent("b"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    let cursor = desk.sync(&mei, 0).await.cursor;
    desk.end(&anna, id).await.unwrap();
    assert_eq!(desk.sync(&mei, cursor).await.gone, [id]);
    assert_eq!(
        desk.sync(&anna, cursor).await.conversations[0].head.state,
        Phase::Closed
    );
}

pub(super) async fn foreign_cursor_is_told_to_reset(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let rev = desk.say(&anna, "hello").await.rev;
    assert!(!desk.sync(&anna, rev).await.reset);
    let page = desk.sync(&anna, rev + 1).await;
    assert!(page.reset && !page.more);
    assert_eq!(page.cursor, rev);
    assert!(desk.sync(&anna, u64::MAX).await.reset);
}

pub(super) async fn checkpoint_names_what_changed(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin, mei) = (customer("7"), agent("a"), agent("b"));
    assert_eq!(desk.store.settled().await.unwrap(), 0);
    let first = desk.say(&anna, "hello").await;
    assert_eq!(desk.store.settled().await.unwrap(), first.rev);
    let checkpoint = async |who: &Person, since| {
        let found = desk
            .store
            .checkpoint(who.user.clone(), since)
            .await
            .unwrap();
        (found.cursor, found.heads, found.gone)
    };
    let id = first.conversation_id;
    assert_eq!(
        checkpoint(&anna, 0).await,
        (first.rev, vec![(id, first.rev)], vec![])
    );
    assert_eq!(
        checkpoint(&anna, first.rev).await,
        (first.rev, vec![], vec![])
    );
    let taken = desk.take(&lin, id).await.unwrap();
    assert_eq!(
        checkpoint(&anna, first.rev).await,
        (taken.rev, vec![(id, taken.rev)], vec![])
    );
    assert_eq!(
        checkpoint(&mei, first.rev).await,
        (taken.rev, vec![], vec![id])
    );
    for n in 0..201 {
        desk.say(&customer(&format!("c{n}")), "hello").await;
    }
    let (cursor, heads, _) = checkpoint(&mei, taken.rev).await;
    assert_eq!(heads.len(), 200);
    assert_eq!(
        Some(cursor),
        heads.last().map(|(_, rev)| *rev),
        "it ends where it was cut"
    );
    let (_, rest, _) = checkpoint(&mei, cursor).await;
    assert_eq!(rest.len(), 1);
}

pub(super) async fn customers_behind_are_those_with_news(backend: &impl Backend) {
    let desk = backend.open().await;
    for name in ["1", "2", "3"] {
        desk.say(&customer(name), "hello").await;
    }
    let since = desk.store.settled().await.unwrap();
    desk.say(&customer("2"), "are you there?").await;
    let id = desk.say(&customer("4"), "me too").await.conversation_id;
    desk.say_in(&agent("a"), id, "yes").await.unwrap();
    let asked = |ids: &[&str]| ids.iter().map(|id| (*id).into()).collect();
    let behind = async |ids: &[&str], since| {
        let mut behind = desk
            .store
            .customers_behind(asked(ids), since)
            .await
            .unwrap();
        behind.sort();
        behind.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(behind(&["1", "2", "3", "9"], since).await, ["2"]);
    assert_eq!(behind(&["1", "4", "2"], since).await, ["2", "4"]);
    assert_eq!(behind(&["1", "3"], 0).await, ["1", "3"]);
    assert!(behind(&[], 0).await.is_empty());
    let settled = desk.store.settled().await.unwrap();
    assert!(behind(&["1", "2", "3", "4"], settled).await.is_empty());
}
