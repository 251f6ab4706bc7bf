//! Who may see and do what.

use stompline_chat::body::HistoryBody;
use stompline_chat::id::ConversationId;
use stompline_chat::person::Person;

use super::Backend;
use crate::desk::{Desk, agent, code, customer};

/// What the questions about one conversation say to somebody.
async fn seen(desk: &Desk, who: &Person, id: ConversationId) -> [&'static str; 2] {
    let request = HistoryBody {
        conversation_id: Some(id),
        ..HistoryBody::default()
    };
    let history = code(desk.store.history(who.user.clone(), request).await);
    let head = code(desk.store.head(who.user.clone(), id).await);
    [history, head]
}

/// The conversations that the questions without a name bring to somebody.
async fn listed(desk: &Desk, who: &Person) -> Vec<ConversationId> {
    let sync = desk.sync(who, 0).await;
    let ids: Vec<_> = sync.conversations.iter().map(|item| item.head.id).collect();
    for message in &sync.messages {
        assert!(
            ids.contains(&message.conversation_id),
            "a message of an unseen conversation"
        );
    }
    let checkpoint = desk.store.checkpoint(who.user.clone(), 0).await.unwrap();
    assert_eq!(
        checkpoint
            .heads
            .iter()
            .map(|(id, _)| *id)
            .collect::<Vec<_>>(),
        ids
    );
    let bootstrap = desk.store.bootstrap(who.clone()).await.unwrap();
    for open in bootstrap.conversations {
        assert!(ids.contains(&open.head.head.id));
    }
    ids
}

pub(super) async fn customers_never_see_each_other(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, ben) = (customer("7"), customer("8"));
    let annas = desk.say(&anna, "my card number is 1").await.conversation_id;
    let bens = desk.say(&ben, "hello").await.conversation_id;
    for (own, other, who) in [(annas, bens, &anna), (bens, annas, &ben)] {
        assert_eq!(seen(&desk, who, own).await, ["ok"; 2]);
        assert_eq!(seen(&desk, who, other).await, ["not_found"; 2]);
        assert_eq!(listed(&desk, who).await, [own]);
    }
    assert!(listed(&desk, &customer("9")).await.is_empty());
    assert!(desk.store.bootstrap(anna).await.unwrap().queue.is_none());
}

pub(super) async fn agents_see_waiting_and_own(backend: &impl Backend) {
    let desk = backend.open().await;
    let (anna, lin, mei) = (customer("7"), agent("a"), agent("b"));
    let id = desk.say(&anna, "hello").await.conversation_id;
    assert_eq!(seen(&desk, &lin, id).await, ["ok"; 2]);
    assert_eq!(seen(&desk, &mei, id).await, ["ok"; 2]);
    assert_eq!(listed(&desk, &mei).await, [id]);
    for closed in [false, true] {
        if closed {
            desk.end(&lin, id).await.unwrap();
        } else {
            desk.take(&lin, id).await.unwrap();
        }
        assert_eq!(seen(&desk, &lin, id).await, ["ok"; 2]);
        assert_eq!(seen(&desk, &mei, id).await, ["forbidden"; 2]);
        assert_eq!(listed(&desk, &lin).await, [id]);
        assert!(listed(&desk, &mei).await.is_empty());
    }
    desk.say(&anna, "again").await;
    assert_eq!(seen(&desk, &mei, id).await, ["ok"; 2], "it waits again");
}

pub(super) async fn same_id_in_both_roles_is_two_people(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let id = desk.say(&customer("7"), "hello").await.conversation_id;
    desk.take(&agent("8"), id).await.unwrap();
    assert_eq!(seen(&desk, &agent("7"), id).await, ["forbidden"; 2]);
    assert_eq!(seen(&desk, &customer("8"), id).await, ["not_found"; 2]);
    let assigned = desk.events().pop().unwrap();
    assert_eq!(assigned.recipients, [customer("7").user, agent("8").user]);
}

pub(super) async fn strangers_cannot_change_anything(backend: &impl Backend) {
    let mut desk = backend.open().await;
    let id = desk.say(&customer("7"), "hello").await.conversation_id;
    desk.take(&agent("a"), id).await.unwrap();
    desk.events();
    let absent = ConversationId::new(uuid::Uuid::from_u128(1));
    let rows = [
        (customer("8"), id, "not_found"),
        (customer("8"), absent, "not_found"),
        (agent("b"), id, "forbidden"),
        (agent("b"), absent, "not_found"),
    ];
    for (who, id, expected) in rows {
        assert_eq!(code(desk.say_in(&who, id, "hi").await), expected);
        assert_eq!(code(desk.end(&who, id).await), expected);
        assert_eq!(code(desk.point(&who, id, (1, 1)).await), expected);
        assert_eq!(seen(&desk, &who, id).await, [expected; 2]);
    }
    assert_eq!(desk.event_names(), [""; 0]);
}
