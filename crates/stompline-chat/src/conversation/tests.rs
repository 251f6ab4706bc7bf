use serde_json::{Value, json, to_value};
use uuid::Uuid;

use super::*;
use crate::id::ClientId;
use crate::message::Text;

const DAY: Duration = Duration::from_hours(24);

fn stamp(rev: u64) -> Stamp {
    Stamp {
        rev,
        at: Timestamp::from_millis(i64::try_from(rev).unwrap() * 1_000),
    }
}

fn anna() -> Person {
    Person::new(UserRef::customer("7"), Some("Anna"))
}

fn lin() -> Person {
    Person::new(UserRef::agent("7"), Some("Lin"))
}

fn mei() -> Person {
    Person::new(UserRef::agent("8"), Some("Mei"))
}

fn queued() -> Conversation {
    Conversation::open(
        ConversationId::new(Uuid::from_u128(1)),
        anna(),
        None,
        stamp(1),
    )
    .0
}

fn active() -> Conversation {
    let mut conversation = queued();
    conversation.take(&lin(), None, stamp(2)).unwrap().unwrap();
    conversation
}

fn closed() -> Conversation {
    let mut conversation = active();
    conversation
        .close(&lin().user, Some("resolved".into()), stamp(3))
        .unwrap()
        .unwrap();
    conversation
}

fn draft(text: &str) -> Draft {
    Draft {
        client_id: ClientId::parse("c-1").unwrap(),
        content: Content::Text(Text::parse(text).unwrap()),
        reply_to: None,
    }
}

fn message_id() -> MessageId {
    MessageId::new(Uuid::from_u128(99))
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

fn body(event: &Event) -> Value {
    to_value(event.body(Role::Agent)).unwrap()
}

#[test]
fn loser_of_take_learns_the_winner() {
    let mut conversation = active();
    let error = conversation.take(&mei(), None, stamp(3)).unwrap_err();
    assert_eq!(error.code(), "already_taken");
    assert_eq!(error.assignee(), Some(&lin()));
    assert_eq!(error.to_string(), "Lin has already taken this conversation");
}

#[test]
fn take_of_own_conversation_changes_nothing() {
    let mut conversation = active();
    let before = conversation.clone();
    assert_eq!(conversation.take(&lin(), Some(1), stamp(3)).unwrap(), None);
    assert_eq!(conversation, before);
}

#[test]
fn take_at_another_stage_is_stale() {
    let mut conversation = closed();
    conversation.reopen(stamp(4));
    let error = conversation.take(&mei(), Some(1), stamp(5)).unwrap_err();
    assert!(matches!(error, Error::Stale { assign_rev: 4 }), "{error:?}");
    assert!(
        conversation
            .take(&mei(), Some(4), stamp(5))
            .unwrap()
            .is_some()
    );
}

/// Who, in which state, and what reading, saying, ending and pointing there come to.
type Row = (
    &'static str,
    fn() -> Conversation,
    UserRef,
    [&'static str; 4],
);

#[test]
fn access_follows_state_and_part() {
    let other = UserRef::customer("8");
    // Customer 8 and agent 7 share nothing with customer 7 but a name.
    let rows: [Row; 12] = [
        ("own", queued, anna().user, ["ok", "ok", "ok", "ok"]),
        ("own", active, anna().user, ["ok", "ok", "ok", "ok"]),
        ("own", closed, anna().user, ["ok", "closed", "ok", "ok"]),
        ("stranger", queued, other.clone(), ["not_found"; 4]),
        ("stranger", active, other.clone(), ["not_found"; 4]),
        ("stranger", closed, other, ["not_found"; 4]),
        (
            "any agent",
            queued,
            lin().user,
            ["ok", "forbidden", "forbidden", "ok"],
        ),
        ("assignee", active, lin().user, ["ok", "ok", "ok", "ok"]),
        ("assignee", closed, lin().user, ["ok", "closed", "ok", "ok"]),
        (
            "any agent",
            queued,
            mei().user,
            ["ok", "forbidden", "forbidden", "ok"],
        ),
        ("other agent", active, mei().user, ["forbidden"; 4]),
        ("other agent", closed, mei().user, ["forbidden"; 4]),
    ];
    for (who, state, user, expected) in rows {
        let person = Person::new(user.clone(), None);
        let found = [
            code(state().may_read(&user)),
            code(state().append(&person, draft("hi"), message_id(), stamp(9))),
            code(state().close(&user, None, stamp(9))),
            code(state().point(&user, 1, 1, stamp(9))),
        ];
        assert_eq!(found, expected, "{who} in {:?}", state().phase());
    }
}

#[test]
fn every_event_is_chained_to_the_last() {
    let (mut conversation, created) =
        Conversation::open(ConversationId::new(Uuid::nil()), anna(), None, stamp(3));
    let (_, first) = conversation
        .append(&anna(), draft("hi"), message_id(), stamp(5))
        .unwrap();
    let taken = conversation.take(&lin(), None, stamp(8)).unwrap().unwrap();
    let read = conversation
        .point(&lin().user, 1, 1, stamp(9))
        .unwrap()
        .unwrap();
    let renamed = conversation
        .rename(&Person::new(lin().user, Some("Lin W.")), stamp(11))
        .unwrap();
    let closed = conversation
        .close(&anna().user, None, stamp(12))
        .unwrap()
        .unwrap();
    let reopened = conversation.reopen(stamp(20));
    let chain: Vec<_> = [created, first, taken, read, renamed, closed, reopened]
        .iter()
        .map(|event| (event.prev.public, event.prev.internal, event.rev))
        .collect();
    assert_eq!(
        chain,
        [
            (0, 0, 3),
            (3, 3, 5),
            (5, 5, 8),
            (8, 8, 9),
            (9, 9, 11),
            (11, 11, 12),
            (12, 12, 20)
        ]
    );
}

#[test]
fn events_reach_customer_and_assignee() {
    let mut conversation = queued();
    let (_, waiting) = conversation
        .append(&anna(), draft("hi"), message_id(), stamp(2))
        .unwrap();
    assert_eq!(waiting.recipients, [anna().user]);
    assert!(matches!(waiting.queue, Some(QueueEffect::Waits(_))));
    let taken = conversation.take(&lin(), None, stamp(3)).unwrap().unwrap();
    assert_eq!(taken.recipients, [anna().user, lin().user]);
    assert_eq!(taken.queue, Some(QueueEffect::Left));
    let closed = conversation
        .close(&anna().user, None, stamp(4))
        .unwrap()
        .unwrap();
    assert_eq!((closed.recipients.len(), closed.queue), (2, None));
    let reopened = conversation.reopen(stamp(5));
    assert_eq!(
        reopened.recipients,
        [anna().user, lin().user],
        "the former assignee is told"
    );
    assert!(matches!(reopened.queue, Some(QueueEffect::Waits(_))));
}

#[test]
fn close_while_waiting_leaves_the_queue() {
    let mut conversation = queued();
    let event = conversation
        .close(&anna().user, None, stamp(2))
        .unwrap()
        .unwrap();
    assert_eq!(event.queue, Some(QueueEffect::Left));
    assert_eq!(conversation.left_queue_rev, 2);
    assert_eq!(
        conversation.close(&anna().user, None, stamp(3)).unwrap(),
        None
    );
}

#[test]
fn reopen_window_ends_to_the_millisecond() {
    let conversation = closed();
    let closed_at = stamp(3).at.millis();
    let after = |millis: i64| Timestamp::from_millis(closed_at + millis);
    assert!(conversation.reopens(after(24 * 3_600_000 - 1), DAY));
    assert!(!conversation.reopens(after(24 * 3_600_000), DAY));
    assert!(!active().reopens(after(0), DAY));
}

#[test]
fn pointers_grow_and_stop_at_the_end() {
    let mut conversation = active();
    for rev in 3..6 {
        conversation
            .append(&anna(), draft("hi"), message_id(), stamp(rev))
            .unwrap();
    }
    let mut point = |delivered, read| {
        let event = conversation
            .point(&lin().user, delivered, read, stamp(9))
            .unwrap();
        event.map(|event| match event.change {
            Change::PointerMoved(pointer) => (pointer.delivered_seq, pointer.read_seq),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(point(1, 0), Some((1, 0)));
    assert_eq!(point(0, 2), Some((2, 2)), "what was read was delivered");
    assert_eq!(point(1, 1), None);
    assert_eq!(point(900, 0), Some((3, 2)), "never past the last message");
    assert_eq!(point(900, 2), None);
}

#[test]
fn reply_must_name_an_earlier_message() {
    let mut conversation = active();
    for (reply_to, expected) in [(0, "bad_request"), (1, "bad_request")] {
        let draft = Draft {
            reply_to: Some(reply_to),
            ..draft("hi")
        };
        assert_eq!(
            code(conversation.append(&anna(), draft, message_id(), stamp(3))),
            expected
        );
    }
    conversation
        .append(&anna(), draft("hi"), message_id(), stamp(3))
        .unwrap();
    let answer = Draft {
        reply_to: Some(1),
        ..draft("hello")
    };
    let (message, _) = conversation
        .append(&lin(), answer, message_id(), stamp(4))
        .unwrap();
    assert_eq!(message.reply_to, Some(1));
}

#[test]
fn same_name_is_no_renaming() {
    let mut conversation = active();
    assert_eq!(conversation.rename(&lin(), stamp(3)), None);
    assert_eq!(conversation.rename(&mei(), stamp(3)), None);
}

#[test]
fn message_event_has_its_wire_form() {
    let mut conversation = active();
    let (message, event) = conversation
        .append(&anna(), draft("你好"), message_id(), stamp(7))
        .unwrap();
    let expected = json!({
        "event": "message.created",
        "conversationId": "00000000-0000-0000-0000-000000000001",
        "seq": 1, "rev": 7, "prev": 2,
        "id": "00000000-0000-0000-0000-000000000063",
        "clientId": "c-1", "kind": "text", "visibility": "public",
        "sender": {"id": "7", "role": "customer", "name": "Anna"},
        "content": {"text": "你好"}, "text": "你好",
        "createdAt": "1970-01-01T00:00:07.000Z",
    });
    assert_eq!(body(&event), expected);
    let mut stored = expected;
    let fields = stored.as_object_mut().unwrap();
    fields.remove("event");
    fields.remove("prev");
    assert_eq!(
        to_value(message).unwrap(),
        stored,
        "sync and history leave out event and prev"
    );
}

#[test]
fn lifecycle_events_have_their_wire_form() {
    let mut conversation = queued();
    let taken = conversation.take(&lin(), None, stamp(4)).unwrap().unwrap();
    let mut found = body(&taken);
    let head = found.as_object_mut().unwrap().remove("head").unwrap();
    assert_eq!(
        found,
        json!({
            "event": "conversation.assigned",
            "conversationId": "00000000-0000-0000-0000-000000000001",
            "rev": 4, "prev": 1, "assignRev": 2, "state": "active",
            "assignee": {"id": "7", "role": "agent", "name": "Lin"},
            "by": "agent", "waitedMs": 3_000,
        })
    );
    assert_eq!(
        head,
        json!({
            "id": "00000000-0000-0000-0000-000000000001",
            "rev": 4, "state": "active", "assignRev": 2, "groupId": "default",
            "customer": {"id": "7", "role": "customer", "name": "Anna"},
            "assignee": {"id": "7", "role": "agent", "name": "Lin"},
            "lastSeq": 0, "pointers": [], "reopenCount": 0,
            "createdAt": "1970-01-01T00:00:01.000Z", "queuedAt": "1970-01-01T00:00:01.000Z",
            "assignedAt": "1970-01-01T00:00:04.000Z",
        })
    );
    let closed = conversation
        .close(&lin().user, Some("resolved".into()), stamp(5))
        .unwrap();
    let found = body(&closed.unwrap());
    assert_eq!(found["event"], "conversation.closed");
    assert_eq!(
        (&found["by"], &found["reason"]),
        (&json!("agent"), &json!("resolved"))
    );
    assert_eq!(found["head"]["closeReason"], "resolved");
}

#[test]
fn pointer_event_has_its_wire_form() {
    let mut conversation = active();
    conversation
        .append(&lin(), draft("hi"), message_id(), stamp(3))
        .unwrap();
    let event = conversation
        .point(&anna().user, 1, 0, stamp(4))
        .unwrap()
        .unwrap();
    assert_eq!(
        body(&event),
        json!({
            "event": "participant.pointer",
            "conversationId": "00000000-0000-0000-0000-000000000001",
            "rev": 4, "prev": 3,
            "participant": {"id": "7", "role": "customer"},
            "deliveredSeq": 1, "readSeq": 0,
        })
    );
}
