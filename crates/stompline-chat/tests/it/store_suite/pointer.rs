//! How far people have come.

use stompline_chat::event::Change;
use stompline_chat::head::Pointer;

use super::Backend;
use crate::desk::{agent, code, customer};

pub(super) async fn pointers_only_grow(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = desk.say(&anna, "one").await.conversation_id;
    desk.say(&anna, "two").await;
    desk.take(&lin, id).await.unwrap();
    desk.events();
    let moves = [
        ((1, 0), false),
        ((1, 1), false),
        ((1, 1), true),
        ((0, 9), false),
        ((2, 1), true),
    ];
    for (to, duplicate) in moves {
        let ack = desk.point(&lin, id, to).await.unwrap();
        assert_eq!(ack.duplicate, duplicate, "{to:?}");
    }
    let found: Vec<_> = desk
        .events()
        .into_iter()
        .map(|event| match event.change {
            Change::PointerMoved(Pointer {
                delivered_seq,
                read_seq,
                ..
            }) => (delivered_seq, read_seq),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [(1, 0), (1, 1), (2, 2)]);
    assert_eq!(code(desk.point(&agent("b"), id, (1, 1)).await), "forbidden");
}

pub(super) async fn pointers_are_part_of_the_head(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = desk.say(&anna, "one").await.conversation_id;
    desk.say_in(&lin, id, "two").await.unwrap();
    let cursor = desk.sync(&anna, 0).await.cursor;
    desk.point(&lin, id, (1, 1)).await.unwrap();
    desk.point(&anna, id, (2, 0)).await.unwrap();
    let page = desk.sync(&anna, cursor).await;
    assert!(page.messages.is_empty(), "a pointer changes no message");
    let mut pointers = page.conversations[0].head.pointers.clone();
    pointers.sort_by_key(|pointer| pointer.user.role);
    let wanted = [
        Pointer {
            user: anna.user.clone(),
            delivered_seq: 2,
            read_seq: 0,
        },
        Pointer {
            user: lin.user.clone(),
            delivered_seq: 1,
            read_seq: 1,
        },
    ];
    assert_eq!(pointers, wanted);
}
