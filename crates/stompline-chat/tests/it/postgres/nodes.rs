//! Two nodes on one database.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, join_all};
use sqlx::Executor;
use stompline_chat::id::ClientId;

use super::{HOLD, LET_GO, PostgresBackend, WAIT, on_message, server, until_waiting};
use crate::desk::{Desk, agent, client_id, code, customer, saying, saying_in};
use crate::store_suite::{Backend, Client};

async fn two_nodes() -> (PostgresBackend, Desk, Desk) {
    let backend = PostgresBackend::create();
    let (one, other) = (backend.open().await, backend.open().await);
    (backend, one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_sends_from_both_nodes_are_one_order() {
    let (_backend, mut one, mut other) = two_nodes().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = one.say(&anna, "hello").await.conversation_id;
    one.take(&lin, id).await.unwrap();
    let writing = AtomicBool::new(true);
    let sends = (0..20).map(async |n| {
        let (desk, sender) = if n % 2 == 0 {
            (&one, &anna)
        } else {
            (&other, &lin)
        };
        for m in 0..10 {
            let text = format!("{n} {m}");
            desk.submit(saying_in(sender, id, &text)).await.unwrap();
        }
    });
    let all_sends = async {
        join_all(sends).await;
        writing.store(false, Ordering::Relaxed);
    };
    // A client that only follows its cursor, on changing nodes.
    let following = async {
        let (mut client, mut turn) = (Client::default(), 0);
        loop {
            let last = !writing.load(Ordering::Relaxed);
            turn += 1;
            let desk = if turn % 2 == 0 { &one } else { &other };
            if !client.sync(desk, &lin, 5).await && last {
                return client;
            }
        }
    };
    let (client, ()) = join(following, all_sends).await;
    let messages: Vec<_> = client.messages.into_values().collect();
    let seqs: Vec<_> = messages.iter().map(|message| message.seq).collect();
    assert_eq!(
        seqs,
        (1..=201).collect::<Vec<u64>>(),
        "dense, and none was missed"
    );
    assert!(
        messages.windows(2).all(|pair| pair[0].rev < pair[1].rev),
        "a later place has a later stamp"
    );
    let mut revs = Vec::new();
    for desk in [&mut one, &mut other] {
        let mine: Vec<_> = desk.events().iter().map(|event| event.rev).collect();
        assert!(mine.is_sorted(), "each node publishes in order");
        assert!(!mine.is_empty(), "each node publishes what it committed");
        revs.extend(mine);
    }
    revs.sort_unstable();
    assert_eq!(
        revs,
        (1..=203).collect::<Vec<u64>>(),
        "every change is published once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takers_on_two_nodes_have_one_winner() {
    let (_backend, one, other) = two_nodes().await;
    for n in 0..20 {
        let id = one
            .say(&customer(&n.to_string()), "hello")
            .await
            .conversation_id;
        let (lin, mei) = (agent("lin"), agent("mei"));
        let (first, second) = join(one.take(&lin, id), other.take(&mei, id)).await;
        let (winner, lost) = match (first, second) {
            (Ok(_), Err(lost)) => (lin, lost),
            (Err(lost), Ok(_)) => (mei, lost),
            both => panic!("not one winner: {both:?}"),
        };
        assert_eq!(lost.code(), "already_taken");
        assert_eq!(lost.assignee(), Some(&winner));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repetition_on_another_node_is_known() {
    let (_backend, one, other) = two_nodes().await;
    let anna = customer("7");
    for n in 0..10 {
        let name = client_id(&format!("c-{n}"));
        let repeated = |desk: &Desk| desk.submit(saying(&anna, name.clone(), "hello"));
        let (first, second) = join(repeated(&one), repeated(&other)).await;
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_ne!(first.duplicate, second.duplicate, "one of them was first");
        assert_eq!(
            (first.id, first.seq, first.rev),
            (second.id, second.seq, second.rev)
        );
    }
    let id = one.sync(&anna, 0).await.conversations[0].head.id;
    assert_eq!(
        other.messages(&anna, id).await.len(),
        10,
        "and one conversation"
    );
    let (first, second) = (
        one.start(&customer("8"), Some("s-1")).await,
        other.start(&customer("8"), Some("s-1")).await,
    );
    assert_eq!(first.conversation_id, second.conversation_id);
    assert!(second.duplicate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_is_one_chain_over_both_nodes() {
    let (_backend, mut one, mut other) = two_nodes().await;
    let start = async |n: u64| {
        let desk = if n.is_multiple_of(2) { &one } else { &other };
        desk.start(&customer(&n.to_string()), None).await;
    };
    join_all((0..30).map(start)).await;
    let mut changes: Vec<_> = [&mut one, &mut other]
        .into_iter()
        .flat_map(Desk::batches)
        .filter_map(|batch| batch.queue)
        .collect();
    changes.sort_by_key(|change| change.version);
    let mut held = (0, 0);
    for change in changes {
        assert_eq!(change.prev, held.0);
        held = (change.version, held.1 + change.entries.len() as u64);
        assert_eq!(
            change.waiting, held.1,
            "counted when no other node could write"
        );
    }
    assert_eq!(held, (30, 30));
}

#[tokio::test]
async fn each_node_knows_how_far_the_others_are() {
    let (_backend, one, other) = two_nodes().await;
    assert_eq!(other.store.settled().await.unwrap(), 0);
    let ack = one.say(&customer("7"), "hello").await;
    assert_eq!(other.store.settled().await.unwrap(), ack.rev);
    let checkpoint = other.store.checkpoint(customer("7").user, 0).await.unwrap();
    assert_eq!(checkpoint.heads, [(ack.conversation_id, ack.rev)]);
}

/// The order that matters: a slow writer takes its stamp first and commits last, and a reader looks in between.
#[tokio::test]
async fn later_stamp_never_shows_before_an_earlier_one() {
    let (backend, one, other) = two_nodes().await;
    let (anna, ben, lin) = (customer("7"), customer("8"), agent("a"));
    let mut observer = backend.connect().await;
    on_message(&mut observer, "slow", WAIT).await;
    observer.execute(HOLD).await.unwrap();
    let slow = one.submit(saying(&anna, ClientId::fresh(), "slow"));
    until_waiting(&mut observer, 1).await;
    let mut fast = other.submit(saying(&ben, ClientId::fresh(), "fast"));
    tokio::select! {
        result = &mut fast => panic!("it overtook a stamp that was given before: {result:?}"),
        () = until_waiting(&mut observer, 2) => {}
    }
    let mut client = Client::default();
    client.sync(&other, &lin, 200).await;
    assert_eq!(client.cursor, 0, "nothing is settled");
    observer.execute(LET_GO).await.unwrap();
    let (slow, fast) = join(slow, fast).await;
    assert!(slow.unwrap().rev < fast.unwrap().rev);
    client.sync(&other, &lin, 200).await;
    assert_eq!(client.messages.len(), 2);
}

/// The same order with stamps from a sequence, as one would do it at first: it must lose a change, or else the test
/// above tests nothing.
#[tokio::test]
async fn stamps_of_a_sequence_would_lose_a_change() {
    let database = server::fresh_database().await;
    let (mut slow, mut fast) = (
        server::connect(&database).await,
        server::connect(&database).await,
    );
    slow.execute("CREATE SEQUENCE stamp; CREATE TABLE change (rev BIGINT NOT NULL)")
        .await
        .unwrap();
    let change = "INSERT INTO change SELECT nextval('stamp')";
    slow.execute("BEGIN").await.unwrap();
    slow.execute(change).await.unwrap();
    fast.execute(change).await.unwrap();
    let mut reader = server::connect(&database).await;
    let (mut cursor, mut seen) = (0, BTreeSet::new());
    for round in 0..2 {
        let found: Vec<i64> = sqlx::query_scalar("SELECT rev FROM change WHERE rev > $1")
            .bind(cursor)
            .fetch_all(&mut reader)
            .await
            .unwrap();
        cursor = found.iter().copied().max().unwrap_or(cursor);
        seen.extend(found);
        if round == 0 {
            slow.execute("COMMIT").await.unwrap();
        }
    }
    let all: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM change")
        .fetch_one(&mut reader)
        .await
        .unwrap();
    assert_eq!((all, seen), (2, BTreeSet::from([2])), "1 is never seen");
}

#[tokio::test]
async fn node_that_stopped_within_a_transaction_is_ended() {
    let backend = PostgresBackend::create();
    let settings = stompline_chat::store::postgres::PostgresSettings::default()
        .lock_timeout(std::time::Duration::from_millis(500));
    let desk = backend.open_with(settings).await;
    let mut observer = backend.connect().await;
    let note = "INSERT INTO seen SELECT current_setting('idle_in_transaction_session_timeout')";
    observer
        .execute("CREATE TABLE seen (setting TEXT)")
        .await
        .unwrap();
    on_message(&mut observer, "hello", note).await;
    desk.say(&customer("7"), "hello").await;
    let seen: String = sqlx::query_scalar("SELECT setting FROM seen")
        .fetch_one(&mut observer)
        .await
        .unwrap();
    assert_eq!(seen, "500ms");
    // What the server then does to a session that falls asleep while it holds the tenant's row.
    let mut frozen = backend.stall().await;
    frozen
        .execute("SET idle_in_transaction_session_timeout = 100")
        .await
        .unwrap();
    let mut left = 20;
    while code(
        desk.submit(saying(&customer("7"), ClientId::fresh(), "still here"))
            .await,
    ) != "ok"
    {
        left -= 1;
        assert!(left > 0, "the frozen session holds up everybody");
    }
}
