//! The store is the only memory.

use std::time::Duration;

use stompline_chat::conversation::Phase;

use super::Backend;
use crate::desk::{agent, code, customer};

pub(super) async fn every_state_survives(backend: &impl Backend) {
    let (waiting, active, closed) = (customer("1"), customer("2"), customer("3"));
    let lin = agent("a");
    let desk = backend.open().await;
    for person in [&waiting, &active, &closed] {
        let id = desk.say(person, "hello").await.conversation_id;
        if *person != waiting {
            desk.say_in(&lin, id, "hi").await.unwrap();
            desk.point(&lin, id, (1, 1)).await.unwrap();
        }
        if *person == closed {
            desk.end(&lin, id).await.unwrap();
        }
    }
    let mut before = Vec::new();
    for person in [&waiting, &active, &closed, &lin] {
        before.push(desk.sync(person, 0).await);
    }
    desk.store.close().await;

    let desk = backend.open().await;
    for (person, before) in [&waiting, &active, &closed, &lin].into_iter().zip(&before) {
        assert_eq!(desk.sync(person, 0).await, *before);
    }
    let states: Vec<_> = before[..3]
        .iter()
        .map(|page| page.conversations[0].head.state)
        .collect();
    assert_eq!(states, [Phase::Queued, Phase::Active, Phase::Closed]);
    // And each goes on from there.
    let ids: Vec<_> = before[..3]
        .iter()
        .map(|page| page.conversations[0].head.id)
        .collect();
    desk.take(&lin, ids[0]).await.unwrap();
    assert_eq!(
        desk.say_in(&lin, ids[1], "still here").await.unwrap().seq,
        Some(3)
    );
    backend.clock().advance(Duration::from_mins(1));
    assert_eq!(desk.say(&closed, "me too").await.conversation_id, ids[2]);
}

pub(super) async fn stamps_go_on_where_they_were(backend: &impl Backend) {
    let anna = customer("7");
    let mut desk = backend.open().await;
    let before = desk.say(&anna, "hello").await;
    let queue = desk.batches().pop().and_then(|batch| batch.queue).unwrap();
    desk.store.close().await;
    let mut desk = backend.open().await;
    let after = desk.say(&anna, "hello again").await;
    assert_eq!((after.rev, after.seq), (before.rev + 1, Some(2)));
    let batch = desk.batches().pop().unwrap();
    assert_eq!(batch.events[0].prev.public, before.rev);
    assert_eq!(batch.queue.unwrap().prev, queue.version);
}

pub(super) async fn closed_store_refuses_everything(backend: &impl Backend) {
    let anna = customer("7");
    let mut desk = backend.open().await;
    let last = desk.submit(crate::desk::saying(
        &anna,
        crate::desk::client_id("c"),
        "hello",
    ));
    desk.store.close().await;
    assert_eq!(
        last.await.unwrap().seq,
        Some(1),
        "what was in line is finished"
    );
    assert_eq!(
        desk.event_names(),
        ["conversation.created", "message.created"]
    );
    let refused = desk.submit(crate::desk::saying(
        &anna,
        crate::desk::client_id("d"),
        "hello",
    ));
    assert_eq!(code(refused.await), "unavailable");
    let read = desk.store.bootstrap(anna.clone()).await;
    assert_eq!(code(read), "unavailable");
    desk.store.close().await;
}
