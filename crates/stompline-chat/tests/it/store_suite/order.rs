//! Order and completeness: seq, rev, prev.

use std::collections::HashMap;

use futures_util::future::join_all;
use stompline_chat::id::ClientId;
use stompline_chat::person::Role;

use super::Backend;
use crate::desk::{agent, customer, saying, saying_in, texts};

pub(super) async fn seq_is_dense_under_fifty_senders(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    desk.take(&lin, id).await.unwrap();
    let sender = async |person, round: usize| {
        let mut acked = Vec::new();
        for n in 0..round {
            acked.push(
                desk.say_in(person, id, &n.to_string())
                    .await
                    .unwrap()
                    .seq
                    .unwrap(),
            );
        }
        assert!(
            acked.is_sorted(),
            "one sender's own messages keep their order"
        );
    };
    join_all((0..50).map(|n| sender(if n % 2 == 0 { &anna } else { &lin }, 10))).await;
    let seqs: Vec<_> = desk
        .messages(&anna, id)
        .await
        .iter()
        .map(|message| message.seq)
        .collect();
    assert_eq!(seqs, (1..=501).collect::<Vec<u64>>());
}

pub(super) async fn revs_and_chains_have_no_gap(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let lin = agent("a");
    let one = async |n: u64| {
        let customer = customer(&n.to_string());
        let id = desk.say(&customer, "hello").await.conversation_id;
        desk.take(&lin, id).await.unwrap();
        for text in ["hi", "how are you?"] {
            let ack = desk.say_in(&lin, id, text).await.unwrap();
            desk.point(&customer, id, (ack.seq.unwrap(), 0))
                .await
                .unwrap();
        }
        desk.end(&customer, id).await.unwrap();
        desk.say(&customer, "wait").await;
    };
    join_all((0..30).map(one)).await;
    let events = desk.events();
    let revs: Vec<_> = events.iter().map(|event| event.rev).collect();
    assert_eq!(revs, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(revs.len(), 30 * 10);
    for reader in [Role::Customer, Role::Agent] {
        let mut held = HashMap::new();
        for event in &events {
            let body = serde_json::to_value(event.body(reader)).unwrap();
            let before = held.insert(event.conversation_id, event.rev).unwrap_or(0);
            assert_eq!(body["prev"], before, "{body}");
            assert_eq!(body["rev"], event.rev);
            assert!(event.rev > before);
        }
        for (id, rev) in held {
            let customer = events
                .iter()
                .find(|event| event.conversation_id == id)
                .unwrap();
            let head = desk
                .store
                .head(customer.recipients[0].clone(), id)
                .await
                .unwrap();
            assert_eq!(head.rev, rev, "the chain ends at the head");
        }
    }
}

pub(super) async fn commands_keep_their_order(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let wanted: Vec<_> = (1..=200).map(|n| n.to_string()).collect();
    let pending: Vec<_> = wanted
        .iter()
        .map(|text| desk.submit(saying(&anna, ClientId::fresh(), text)))
        .collect();
    let acks = join_all(pending).await;
    let seqs: Vec<_> = acks
        .iter()
        .map(|ack| ack.as_ref().unwrap().seq.unwrap())
        .collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<u64>>());
    let id = acks[0].as_ref().unwrap().conversation_id;
    assert_eq!(texts(&desk.messages(&anna, id).await), wanted);
}

pub(super) async fn batch_is_handed_over_before_its_results(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    for n in 1..=20 {
        let ack = desk.say(&anna, &n.to_string()).await;
        let events = desk.events();
        assert_eq!(events.last().map(|event| event.rev), Some(ack.rev));
    }
}

pub(super) async fn queue_changes_are_chained(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let (anna, ben, lin) = (customer("7"), customer("8"), agent("a"));
    assert_eq!(desk.store.queue().await.unwrap().version, 0);
    let first = desk.say(&anna, "hello").await.conversation_id;
    let second = desk.say(&ben, "hello").await.conversation_id;
    desk.take(&lin, first).await.unwrap();
    // Nobody who waits is concerned by this.
    desk.submit(saying_in(&anna, first, "thanks"))
        .await
        .unwrap();
    desk.end(&ben, second).await.unwrap();
    let changes: Vec<_> = desk
        .batches()
        .into_iter()
        .filter_map(|batch| batch.queue)
        .collect();
    let found: Vec<_> = changes
        .iter()
        .map(|change| {
            let entries: Vec<_> = change.entries.iter().map(|head| head.id).collect();
            (change.waiting, entries, change.removed.clone())
        })
        .collect();
    assert_eq!(
        found,
        [
            (1, vec![first], vec![]),
            (2, vec![second], vec![]),
            (1, vec![], vec![first]),
            (0, vec![], vec![second])
        ]
    );
    let mut held = 0;
    for change in &changes {
        assert_eq!(change.prev, held);
        held = change.version;
    }
    let snapshot = desk.store.queue().await.unwrap();
    assert_eq!((snapshot.version, snapshot.waiting), (held, 0));
    let body = serde_json::to_value(&changes[0]).unwrap();
    assert_eq!(body["event"], "queue.changed");
    assert_eq!(body["entries"][0]["lastMessage"]["text"], "hello");
}
