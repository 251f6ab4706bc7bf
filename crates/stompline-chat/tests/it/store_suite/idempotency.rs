//! Repeating a command is harmless.

use futures_util::future::join_all;
use stompline_chat::id::ClientId;

use super::Backend;
use crate::desk::{agent, client_id, customer, saying};

pub(super) async fn ten_repetitions_yield_one_message(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let repeated = || desk.submit(saying(&anna, client_id("c-1"), "hello"));
    // Five in one commit, then five more, each in its own.
    let mut acks: Vec<_> = join_all((0..5).map(|_| repeated()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for _ in 0..5 {
        acks.push(repeated().await.unwrap());
    }
    let first = acks[0].clone();
    assert_eq!((first.seq, first.duplicate), (Some(1), false));
    assert_eq!(first.client_id, Some(client_id("c-1")));
    for again in &acks[1..] {
        assert!(again.duplicate);
        assert_eq!(
            (
                again.id,
                again.seq,
                again.rev,
                again.created_at,
                again.conversation_id
            ),
            (
                first.id,
                first.seq,
                first.rev,
                first.created_at,
                first.conversation_id
            )
        );
    }
    assert_eq!(desk.messages(&anna, first.conversation_id).await.len(), 1);
    assert_eq!(
        desk.event_names(),
        ["conversation.created", "message.created"]
    );
}

pub(super) async fn client_ids_belong_to_their_sender(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("7"));
    let ack = desk
        .submit(saying(&anna, client_id("c-1"), "hello"))
        .await
        .unwrap();
    let other = desk
        .submit(saying(&customer("8"), client_id("c-1"), "hello"))
        .await
        .unwrap();
    assert_ne!(ack.conversation_id, other.conversation_id);
    desk.take(&lin, ack.conversation_id).await.unwrap();
    let target = stompline_chat::command::Target::Conversation(ack.conversation_id);
    let draft = crate::desk::draft(client_id("c-1"), "hi, how can I help?");
    let answer = stompline_chat::command::NewMessage {
        sender: lin,
        target,
        draft,
    };
    let answer = desk.submit(answer).await.unwrap();
    assert_eq!((answer.seq, answer.duplicate), (Some(2), false));
}

pub(super) async fn repetition_after_close_finds_the_first(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let first = desk
        .submit(saying(&anna, client_id("c-1"), "hello"))
        .await
        .unwrap();
    desk.end(&anna, first.conversation_id).await.unwrap();
    desk.events();
    let again = desk
        .submit(saying(&anna, client_id("c-1"), "hello"))
        .await
        .unwrap();
    assert!(again.duplicate);
    assert_eq!(again.id, first.id);
    assert_eq!(
        desk.event_names(),
        [""; 0],
        "nothing is reopened by a repetition"
    );
}

pub(super) async fn repeated_start_finds_the_first(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let first = desk.start(&anna, Some("s-1")).await;
    assert!(!first.duplicate);
    assert_eq!(desk.event_names(), ["conversation.created"]);
    let same = desk.start(&anna, Some("s-2")).await;
    assert_eq!(
        (same.conversation_id, same.duplicate),
        (first.conversation_id, true)
    );
    desk.end(&anna, first.conversation_id).await.unwrap();
    desk.events();
    for repeated in ["s-1", "s-2"] {
        let again = desk.start(&anna, Some(repeated)).await;
        assert_eq!(
            (again.conversation_id, again.duplicate),
            (first.conversation_id, true)
        );
    }
    assert_eq!(desk.event_names(), [""; 0]);
    let fresh = ClientId::fresh();
    let another = desk.start(&anna, Some(fresh.as_str())).await;
    assert_ne!(another.conversation_id, first.conversation_id);
}
