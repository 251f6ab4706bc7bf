use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::conversation::{Conversation, Stamp};
use crate::id::{ClientId, MessageId};
use crate::message::{Content, Text, Visibility};
use crate::person::{Person, Role, UserRef};
use crate::time::Timestamp;

fn head(rev: u64) -> ReaderHead {
    let id = ConversationId::new(Uuid::from_u128(u128::from(rev)));
    let customer = Person::new(UserRef::customer("7"), None);
    let stamp = Stamp {
        rev,
        at: Timestamp::from_millis(0),
    };
    let (conversation, _) = Conversation::open(id, customer, None, stamp);
    ReaderHead {
        head: conversation.head(Role::Agent),
        unread: 0,
    }
}

fn message(rev: u64, bytes: usize) -> Message {
    Message {
        id: MessageId::new(Uuid::from_u128(u128::from(rev))),
        conversation_id: ConversationId::new(Uuid::nil()),
        seq: rev,
        rev,
        client_id: ClientId::fresh(),
        visibility: Visibility::Public,
        sender: Person::new(UserRef::customer("7"), None),
        content: Content::Text(Text::parse("x".repeat(bytes)).unwrap()),
        reply_to: None,
        created_at: Timestamp::from_millis(0),
    }
}

/// Which of the three lists has an item at each stamp from 1 on.
type Layout = Vec<(bool, bool, bool)>;

/// What a store would find after `since`: no more than a page needs of each list.
fn changes(layout: &Layout, since: u64, limit: usize) -> Changes {
    let revs = |chosen: fn(&(bool, bool, bool)) -> bool| {
        let after = move |rev: &u64| *rev > since;
        layout
            .iter()
            .zip(1..)
            .filter(move |(row, _)| chosen(row))
            .map(|(_, rev)| rev)
            .filter(after)
            .take(Changes::fetch(limit))
            .collect::<Vec<u64>>()
    };
    Changes {
        heads: revs(|row| row.0).into_iter().map(head).collect(),
        messages: revs(|row| row.1)
            .into_iter()
            .map(|rev| message(rev, 10))
            .collect(),
        gone: revs(|row| row.2)
            .into_iter()
            .map(|rev| (ConversationId::new(Uuid::from_u128(u128::from(rev))), rev))
            .collect(),
        settled: layout.len() as u64,
    }
}

proptest! {
    #[test]
    fn pages_bring_everything_exactly_once(
        layout in vec(any::<(bool, bool, bool)>(), 0..60),
        limit in 1_usize..9,
        bytes_max in 1_usize..6_000,
    ) {
        let (mut cursor, mut heads, mut messages, mut gone) = (0, vec![], vec![], vec![]);
        loop {
            let page = changes(&layout, cursor, limit).page(limit, bytes_max);
            let items = page.conversations.len() + page.messages.len() + page.gone.len();
            prop_assert!(items <= limit + 2);
            heads.extend(page.conversations.iter().map(|item| item.head.rev));
            messages.extend(page.messages.iter().map(|message| message.rev));
            gone.extend(page.gone.iter().map(|id| id.uuid().as_u128()));
            prop_assert!(!page.more || page.cursor > cursor, "a page must get on");
            cursor = page.cursor;
            if !page.more {
                break;
            }
        }
        let whole = changes(&layout, 0, layout.len());
        prop_assert_eq!(cursor, layout.len() as u64);
        prop_assert_eq!(heads, whole.heads.iter().map(|item| item.head.rev).collect::<Vec<_>>());
        prop_assert_eq!(messages, whole.messages.iter().map(|item| item.rev).collect::<Vec<_>>());
        prop_assert_eq!(gone, whole.gone.iter().map(|(_, rev)| u128::from(*rev)).collect::<Vec<_>>());
    }
}

#[test]
fn long_texts_end_a_page_early() {
    let changes = || Changes {
        messages: (1..=4).map(|rev| message(rev, 4_000)).collect(),
        settled: 4,
        ..Changes::default()
    };
    let page = changes().page(200, 20_000);
    assert_eq!((page.messages.len(), page.cursor, page.more), (2, 2, true));
    let page = changes().page(200, 1);
    assert_eq!((page.messages.len(), page.cursor, page.more), (1, 1, true));
}

#[test]
fn foreign_cursor_is_told_to_reset() {
    let page = serde_json::to_value(reset(9)).unwrap();
    assert_eq!(
        (&page["replyTo"], &page["reset"], &page["cursor"]),
        (&"sync".into(), &true.into(), &9.into())
    );
}

#[test]
fn fitting_counts_from_the_front() {
    let messages: Vec<_> = (1..=4).map(|rev| message(rev, 244)).collect();
    let mut room = 2_500;
    assert_eq!(fitting(messages.iter(), &mut room, true), 2);
    assert_eq!(room, 500);
    assert_eq!(fitting(messages.iter(), &mut room, false), 0);
    assert_eq!(fitting(messages.iter(), &mut room, true), 1);
    assert_eq!(room, 0);
}

/// The estimates are what keeps answers within the outbox, so they must not be wishes.
#[test]
fn estimates_cover_ordinary_json() {
    let message = message(1, 4_000);
    assert!(serde_json::to_string(&message).unwrap().len() <= message_bytes(&message));
    assert!(serde_json::to_string(&head(1)).unwrap().len() <= HEAD_BYTES);
}
