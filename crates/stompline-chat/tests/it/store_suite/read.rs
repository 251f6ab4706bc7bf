//! History, first screen, queue.

use std::time::Duration;

use serde_json::json;
use stompline_chat::body::{HistoryBody, ListBody};
use stompline_chat::id::ConversationId;
use stompline_chat::person::Person;
use stompline_chat::reply::HistoryPage;

use super::Backend;
use crate::desk::{Desk, agent, code, customer, saying, texts};

async fn history(desk: &Desk, who: &Person, request: HistoryBody) -> HistoryPage {
    desk.store.history(who.user.clone(), request).await.unwrap()
}

async fn with_messages(desk: &Desk, who: &Person, count: usize) -> ConversationId {
    let pending: Vec<_> = (1..=count)
        .map(|n| {
            desk.submit(saying(
                who,
                stompline_chat::id::ClientId::fresh(),
                &n.to_string(),
            ))
        })
        .collect();
    futures_util::future::join_all(pending)
        .await
        .pop()
        .unwrap()
        .unwrap()
        .conversation_id
}

pub(super) async fn history_keeps_its_bounds(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let id = with_messages(&desk, &anna, 120).await;
    // before, after, limit: first and last seq, more
    let rows = [
        (None, None, None, (71, 120), true),
        (None, None, Some(100), (21, 120), true),
        (None, None, Some(500), (21, 120), true),
        (Some(51), None, None, (1, 50), false),
        (Some(52), None, None, (2, 51), true),
        (Some(3), None, Some(9), (1, 2), false),
        (None, Some(100), None, (101, 120), false),
        (None, Some(0), Some(10), (1, 10), true),
        (Some(20), Some(10), None, (11, 19), false),
        (Some(20), Some(10), Some(4), (11, 14), true),
        (Some(u64::MAX), None, Some(1), (120, 120), true),
    ];
    for (before, after, limit, (first, last), more) in rows {
        let request = HistoryBody {
            conversation_id: Some(id),
            before,
            after,
            limit,
        };
        let page = history(&desk, &anna, request).await;
        let seqs: Vec<_> = page.messages.iter().map(|message| message.seq).collect();
        let row = format!("before {before:?} after {after:?} limit {limit:?}");
        assert_eq!(seqs, (first..=last).collect::<Vec<u64>>(), "{row}");
        assert_eq!(page.more, more, "{row}");
        assert_eq!(page.conversation_id, id);
    }
    for (before, after) in [
        (Some(1), None),
        (None, Some(120)),
        (Some(0), None),
        (None, Some(u64::MAX)),
    ] {
        let request = HistoryBody {
            conversation_id: Some(id),
            before,
            after,
            limit: None,
        };
        let page = history(&desk, &anna, request).await;
        assert!(page.messages.is_empty() && !page.more);
    }
}

pub(super) async fn history_of_long_texts_comes_in_pieces(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let long = "龍".repeat(8_000);
    for _ in 0..8 {
        desk.say(&anna, &long).await;
    }
    let page = history(&desk, &anna, HistoryBody::default()).await;
    let json = serde_json::to_string(&page).unwrap();
    assert!(
        json.len() <= 256 * 1024,
        "an answer fits the outbox: {}",
        json.len()
    );
    assert_eq!(
        page.messages.last().unwrap().seq,
        8,
        "it is cut at the far end"
    );
    assert!(page.more);
    assert_eq!(desk.messages(&anna, page.conversation_id).await.len(), 8);
    let sync = desk.sync(&anna, 0).await;
    assert!(sync.more && sync.messages.len() < 8);
}

pub(super) async fn customer_may_leave_out_the_conversation(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let nothing = desk
        .store
        .history(anna.user.clone(), HistoryBody::default())
        .await;
    assert_eq!(code(nothing), "not_found");
    let first = with_messages(&desk, &anna, 2).await;
    assert_eq!(
        history(&desk, &anna, HistoryBody::default())
            .await
            .conversation_id,
        first
    );
    desk.end(&anna, first).await.unwrap();
    assert_eq!(
        history(&desk, &anna, HistoryBody::default())
            .await
            .conversation_id,
        first
    );
    let second = desk.start(&anna, None).await.conversation_id;
    assert_eq!(
        history(&desk, &anna, HistoryBody::default())
            .await
            .conversation_id,
        second
    );
    let unnamed = desk
        .store
        .history(agent("a").user, HistoryBody::default())
        .await;
    assert_eq!(code(unnamed), "bad_request");
}

pub(super) async fn bootstrap_of_a_customer(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let empty = desk.store.bootstrap(anna.clone()).await.unwrap();
    assert!(empty.conversations.is_empty());
    let old = with_messages(&desk, &anna, 1).await;
    desk.end(&anna, old).await.unwrap();
    desk.start(&anna, None).await;
    let id = with_messages(&desk, &anna, 60).await;
    let found = desk.store.bootstrap(anna.clone()).await.unwrap();
    assert_eq!(found.me, anna);
    assert_eq!(found.conversations.len(), 1, "the latest one");
    let open = &found.conversations[0];
    assert_eq!(
        (open.head.head.id, open.messages.len(), open.more),
        (id, 50, true)
    );
    assert_eq!(open.messages.last().unwrap().seq, 60);
    assert_eq!(found.cursor, open.head.head.rev);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["replyTo"], "bootstrap");
    assert_eq!(json["conversations"][0]["lastSeq"], 60);
    assert_eq!(json["serverTime"], "2026-11-22T09:30:12.000Z");
    assert_eq!(json["me"]["role"], "customer");
}

pub(super) async fn bootstrap_of_an_agent(backend: &impl Backend) {
    let desk = backend.open().await;
    let lin = agent("a");
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(with_messages(&desk, &customer(&n.to_string()), 25).await);
    }
    desk.take(&lin, ids[0]).await.unwrap();
    desk.take(&lin, ids[1]).await.unwrap();
    desk.end(&lin, ids[1]).await.unwrap();
    desk.take(&agent("b"), ids[2]).await.unwrap();
    let found = desk.store.bootstrap(lin).await.unwrap();
    let open: Vec<_> = found
        .conversations
        .iter()
        .map(|open| open.head.head.id)
        .collect();
    assert_eq!((open, found.more), (vec![ids[0]], false), "active and mine");
    let queue = found.queue.unwrap();
    assert_eq!(queue.waiting, 1);
    assert_eq!(queue.entries[0].id, ids[3]);
    assert_eq!(queue, desk.store.queue().await.unwrap());
    assert_eq!(found.conversations[0].messages.len(), 20);
    assert_eq!(found.conversations[0].head.unread, 25);
}

pub(super) async fn own_conversations_come_page_by_page(backend: &impl Backend) {
    let desk = backend.open().await;
    let lin = agent("a");
    let mut ids = Vec::new();
    for n in 0..7 {
        let id = desk.say(&customer(&n.to_string()), "hi").await;
        ids.push(id.conversation_id);
        desk.take(&lin, ids[n]).await.unwrap();
    }
    for id in &ids[..5] {
        desk.end(&lin, *id).await.unwrap();
    }
    let other = desk.say(&customer("8"), "hi").await.conversation_id;
    desk.take(&agent("b"), other).await.unwrap();
    desk.say(&customer("9"), "waits").await;
    let list = async |who: &Person, body: serde_json::Value| {
        let body: ListBody = serde_json::from_value(body).unwrap();
        let page = desk.store.list(who.user.clone(), body).await.unwrap();
        let heads = page.conversations.iter().map(|item| &item.head);
        let last = heads.clone().next_back().map(|head| head.rev);
        (
            heads.map(|head| head.id).collect::<Vec<_>>(),
            page.more,
            last,
        )
    };
    let (first, more, last) = list(&lin, json!({"state": "closed", "limit": 3})).await;
    assert_eq!((first, more), (vec![ids[4], ids[3], ids[2]], true));
    let rest = list(&lin, json!({"state": "closed", "limit": 3, "before": last})).await;
    assert_eq!((rest.0, rest.1), (vec![ids[1], ids[0]], false));
    let exact = list(&lin, json!({"state": "closed", "limit": 5})).await;
    assert_eq!((exact.0.len(), exact.1), (5, false));
    let active = list(&lin, json!({"state": "active"})).await;
    assert_eq!((active.0, active.1), (vec![ids[6], ids[5]], false));
    let of_one = list(&lin, json!({"state": "closed", "customerId": "3"})).await;
    assert_eq!(of_one.0, [ids[3]]);
    let named = list(&lin, json!({"state": "closed", "conversationId": ids[1]})).await;
    assert_eq!(named.0, [ids[1]]);
    let foreign = list(&lin, json!({"state": "active", "conversationId": other})).await;
    assert_eq!(foreign.0, []);
    let (none, more, _) = list(&lin, json!({"state": "queued"})).await;
    assert_eq!((none, more), (Vec::new(), false));
    let closed: ListBody = serde_json::from_value(json!({"state": "closed"})).unwrap();
    let namesake = desk.store.list(customer("a").user, closed).await;
    assert_eq!(code(namesake), "forbidden");
}

pub(super) async fn queue_names_who_waits_longest(backend: &impl Backend) {
    let desk = backend.open().await;
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(
            desk.say(&customer(&n.to_string()), "hello")
                .await
                .conversation_id,
        );
        backend.clock().advance(Duration::from_millis(10));
    }
    // A message while waiting does not lose the place.
    desk.say(&customer("0"), "hello?").await;
    let queue = desk.store.queue().await.unwrap();
    let entries: Vec<_> = queue.entries.iter().map(|head| head.id).collect();
    assert_eq!(entries, ids[..50]);
    assert_eq!(queue.waiting, 60);
    assert_eq!(
        queue.longest_waiting_since,
        Some(queue.entries[0].queued_at)
    );
    assert_eq!(
        queue.entries[0].last_message.as_ref().unwrap().text,
        "hello?"
    );
}

pub(super) async fn unread_counts_the_other_side(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = with_messages(&desk, &anna, 3).await;
    desk.say_in(&lin, id, "four").await.unwrap();
    desk.say(&anna, "five").await;
    let unread = async |who: &Person| desk.sync(who, 0).await.conversations[0].unread;
    assert_eq!((unread(&anna).await, unread(&lin).await), (1, 4));
    desk.point(&lin, id, (3, 2)).await.unwrap();
    desk.point(&anna, id, (5, 5)).await.unwrap();
    assert_eq!((unread(&anna).await, unread(&lin).await), (0, 2));
    let messages = desk.messages(&anna, id).await;
    assert_eq!(texts(&messages), ["1", "2", "3", "four", "five"]);
    with_messages(&desk, &anna, 250).await;
    let screen = desk.store.bootstrap(lin).await.unwrap();
    assert_eq!(
        screen.conversations[0].head.unread, 200,
        "further back nobody counts"
    );
}
