//! How conversations begin, change hands and end.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use stompline_chat::command::{NewMessage, Start, Take, Target};
use stompline_chat::conversation::Phase;
use stompline_chat::event::{Change, Event};
use stompline_chat::id::ClientId;
use stompline_chat::person::{Person, UserRef};

use super::Backend;
use crate::desk::{agent, code, customer, draft, saying, saying_in, texts};

pub(super) async fn first_message_opens_a_conversation(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let ack = desk.say(&anna, "hello").await;
    assert_eq!((ack.seq, ack.rev), (Some(1), 2));
    let events = desk.events();
    assert_eq!(
        events
            .iter()
            .map(|event| (event.name(), event.rev))
            .collect::<Vec<_>>(),
        [("conversation.created", 1), ("message.created", 2)]
    );
    let head = desk
        .store
        .head(anna.user.clone(), ack.conversation_id)
        .await
        .unwrap();
    assert_eq!((head.state, head.last_seq, head.rev), (Phase::Queued, 1, 2));
    let next = desk.say(&anna, "anybody there?").await;
    assert_eq!(
        (next.conversation_id, next.seq),
        (ack.conversation_id, Some(2))
    );
}

pub(super) async fn concurrent_first_messages_open_one(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let commands = (0..50).map(|n| match n % 2 {
        0 => desk.submit(Start {
            customer: anna.clone(),
            client_id: None,
        }),
        _ => desk.submit(saying(&anna, ClientId::fresh(), "hello")),
    });
    let acks = join_all(commands).await;
    let ids: BTreeSet<_> = acks
        .into_iter()
        .map(|ack| ack.unwrap().conversation_id)
        .collect();
    assert_eq!(ids.len(), 1);
    let created = desk
        .event_names()
        .iter()
        .filter(|name| **name == "conversation.created")
        .count();
    assert_eq!(created, 1);
}

pub(super) async fn one_of_many_takers_wins(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(
            desk.say(&customer(&n.to_string()), "hello")
                .await
                .conversation_id,
        );
    }
    desk.events();
    for id in ids {
        let agents: Vec<Person> = (0..10).map(|n| agent(&n.to_string())).collect();
        let takes = join_all(agents.iter().map(|agent| desk.take(agent, id))).await;
        let winners: Vec<_> = agents
            .iter()
            .zip(&takes)
            .filter(|(_, take)| take.is_ok())
            .map(|(it, _)| it)
            .collect();
        assert_eq!(winners.len(), 1);
        for lost in takes.into_iter().filter_map(Result::err) {
            assert_eq!(lost.code(), "already_taken");
            assert_eq!(lost.assignee(), Some(winners[0]));
        }
        assert_eq!(desk.event_names(), ["conversation.assigned"]);
        assert!(
            desk.take(winners[0], id).await.unwrap().duplicate,
            "a repeated take is fine"
        );
    }
}

pub(super) async fn agent_message_takes_a_waiting_conversation(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let lin = agent("a");
    let id = desk.say(&customer("7"), "hello").await.conversation_id;
    desk.events();
    assert_eq!(desk.say_in(&lin, id, "hi").await.unwrap().seq, Some(2));
    let events = desk.events();
    assert_eq!(events[0].name(), "conversation.assigned");
    assert_eq!(events[1].name(), "message.created");
    assert_eq!(
        events[1].recipients,
        [UserRef::customer("7"), lin.user.clone()]
    );
    assert_eq!(
        code(desk.say_in(&agent("b"), id, "me too").await),
        "forbidden"
    );
}

pub(super) async fn agent_message_finds_the_customer(backend: &impl Backend) {
    let desk = backend.open().await;
    let to = |id: &str| NewMessage {
        sender: agent("a"),
        target: Target::Customer(UserRef::customer(id)),
        draft: draft(ClientId::fresh(), "hi"),
    };
    assert_eq!(code(desk.submit(to("7")).await), "not_found");
    let id = desk.say(&customer("7"), "hello").await.conversation_id;
    let ack = desk.submit(to("7")).await.unwrap();
    assert_eq!((ack.conversation_id, ack.seq), (id, Some(2)));
}

pub(super) async fn closing_is_final_for_agents_and_idempotent(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    assert_eq!(code(desk.end(&lin, id).await), "forbidden", "take it first");
    desk.take(&lin, id).await.unwrap();
    desk.events();
    assert!(!desk.end(&lin, id).await.unwrap().duplicate);
    assert_eq!(desk.event_names(), ["conversation.closed"]);
    assert!(desk.end(&lin, id).await.unwrap().duplicate);
    assert!(desk.end(&anna, id).await.unwrap().duplicate);
    assert_eq!(desk.event_names(), [""; 0]);
    assert_eq!(
        code(desk.say_in(&lin, id, "one more thing").await),
        "closed"
    );
    assert_eq!(code(desk.take(&lin, id).await), "closed");
}

pub(super) async fn message_within_a_day_reopens(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let (anna, lin) = (customer("7"), agent("a"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    desk.take(&lin, id).await.unwrap();
    desk.end(&lin, id).await.unwrap();
    desk.events();
    backend
        .clock()
        .advance(Duration::from_hours(24) - Duration::from_millis(1));
    let ack = desk.say(&anna, "it broke again").await;
    assert_eq!((ack.conversation_id, ack.seq), (id, Some(2)));
    assert_eq!(
        desk.event_names(),
        ["conversation.reopened", "message.created"]
    );
    let head = desk.store.head(anna.user.clone(), id).await.unwrap();
    assert_eq!(
        (head.state, head.assignee, head.reopen_count),
        (Phase::Queued, None, 1)
    );
    let stale = Take {
        agent: agent("b"),
        conversation_id: id,
        assign_rev: Some(1),
    };
    assert_eq!(code(desk.submit(stale).await), "stale");
    let take = Take {
        agent: agent("b"),
        conversation_id: id,
        assign_rev: Some(head.assign_rev),
    };
    desk.submit(take).await.unwrap();
}

pub(super) async fn message_after_a_day_opens_another(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let first = desk.say(&anna, "hello").await.conversation_id;
    desk.end(&anna, first).await.unwrap();
    backend.clock().advance(Duration::from_hours(24));
    let second = desk.say_in(&anna, first, "a new matter").await.unwrap();
    assert_ne!(second.conversation_id, first);
    assert_eq!(second.seq, Some(1));
    let head = desk
        .store
        .head(anna.user.clone(), second.conversation_id)
        .await
        .unwrap();
    assert_eq!(head.previous_id, Some(first));
    assert_eq!(texts(&desk.messages(&anna, first).await), ["hello"]);
}

pub(super) async fn start_after_close_opens_another(backend: &impl Backend) {
    let desk = backend.open().await;
    let anna = customer("7");
    let first = desk.say(&anna, "hello").await.conversation_id;
    desk.end(&anna, first).await.unwrap();
    let second = desk.start(&anna, None).await.conversation_id;
    assert_ne!(second, first);
    let head = desk.store.head(anna.user.clone(), second).await.unwrap();
    assert_eq!((head.previous_id, head.last_seq), (Some(first), 0));
}

pub(super) async fn message_to_an_older_conversation_is_refused(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let anna = customer("7");
    let first = desk.say(&anna, "hello").await.conversation_id;
    desk.end(&anna, first).await.unwrap();
    let second = desk.start(&anna, None).await.conversation_id;
    desk.events();
    assert_eq!(
        code(desk.say_in(&anna, first, "still there?").await),
        "closed"
    );
    assert_eq!(desk.event_names(), [""; 0]);
    assert_eq!(desk.say(&anna, "hello").await.conversation_id, second);
}

pub(super) async fn refused_command_does_not_undo_its_batch(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let (anna, ben) = (customer("7"), customer("8"));
    let id = desk.say(&anna, "one").await.conversation_id;
    desk.events();
    let stall = backend.stall().await;
    let first = desk.submit(saying(&anna, ClientId::fresh(), "two"));
    tokio::task::yield_now().await;
    // What comes while the first commit hangs goes into one commit together. The refused reply would have been the
    // second change of its savepoint: it opens a conversation and then names a message that does not exist.
    let mut reply = draft(ClientId::fresh(), "about that");
    reply.reply_to = Some(9);
    let target = Target::Customer(ben.user.clone());
    let refused = NewMessage {
        sender: ben.clone(),
        target,
        draft: reply,
    };
    let commands = [
        desk.submit(saying(&anna, ClientId::fresh(), "three")),
        desk.submit(refused),
        desk.submit(saying_in(&ben, id, "let me in")),
        desk.submit(saying(&anna, ClientId::fresh(), "four")),
    ];
    drop(stall);
    first.await.unwrap();
    let results: Vec<_> = join_all(commands).await.into_iter().map(code).collect();
    assert_eq!(results, ["ok", "bad_request", "not_found", "ok"]);
    assert_eq!(
        texts(&desk.messages(&anna, id).await),
        ["one", "two", "three", "four"]
    );
    assert!(desk.sync(&ben, 0).await.conversations.is_empty());
    let batches = desk.batches();
    assert!(batches.len() <= 2, "the commit was shared");
    let revs: Vec<_> = batches
        .iter()
        .flat_map(|it| &it.events)
        .map(|event| event.rev)
        .collect();
    assert_eq!(revs, [3, 4, 5], "a refused command uses up no stamp");
}

pub(super) async fn new_name_is_announced(backend: &impl Backend) {
    let mut desk = backend.open().await;
    desk.say(&customer("7"), "hello").await;
    desk.events();
    let named = Person::new(UserRef::customer("7"), Some("Anna"));
    desk.say(&named, "I am Anna").await;
    desk.say(&named, "as I said").await;
    let events = desk.events();
    let names: Vec<_> = events.iter().map(Event::name).collect();
    assert_eq!(
        names,
        ["conversation.updated", "message.created", "message.created"]
    );
    let Change::Updated(head) = &events[0].change else {
        panic!("{:?}", events[0])
    };
    assert_eq!(head.customer, named);
}

pub(super) async fn roles_cannot_swap_commands(backend: &impl Backend) {
    let desk = backend.open().await;
    let id = desk.say(&customer("7"), "hello").await.conversation_id;
    assert_eq!(code(desk.take(&customer("7"), id).await), "forbidden");
    let start = Start {
        customer: agent("a"),
        client_id: None,
    };
    assert_eq!(code(desk.submit(start).await), "forbidden");
}
