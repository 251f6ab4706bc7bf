//! What happened, for those who take part: the durable events of `/user/queue/messages`.

use serde::{Serialize, Serializer};

use crate::conversation::Phase;
use crate::head::{Head, Pointer};
use crate::id::ConversationId;
use crate::message::{Message, Visibility};
use crate::person::{Person, Role, UserRef};
use crate::time::Timestamp;

/// One committed change of one conversation.
///
/// An audience (customers, or agents, who also see what is internal) can follow the changes it may see without a
/// gap: each names as `prev` the one before it in that audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which conversation changed.
    pub conversation_id: ConversationId,
    /// The stamp of this change: one event, one `rev`, strictly increasing over the whole store.
    pub rev: u64,
    /// The stamp before it, by audience.
    pub prev: Prev,
    /// Whether customers may see it.
    pub visibility: Visibility,
    /// Whose sessions receive it: the customer unless it is internal, the assignee, and whoever just ceased to
    /// be the assignee.
    pub recipients: Vec<UserRef>,
    /// What changed.
    pub change: Change,
    /// What this means for the agents' queue, if anything.
    pub queue: Option<QueueEffect>,
}

/// The stamp of a conversation's previous change; 0 when there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prev {
    /// Among the changes that customers see.
    pub public: u64,
    /// Among all changes.
    pub internal: u64,
}

/// What an [`Event`] is about. Those that name a head carry it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// `message.created`
    MessageCreated(Box<Message>),
    /// `conversation.created`: a customer waits.
    Created(Box<Head>),
    /// `conversation.assigned`: an agent took it.
    Assigned {
        /// How long the customer had waited, in milliseconds.
        waited_ms: u64,
        /// The head after it.
        head: Box<Head>,
    },
    /// `conversation.closed`
    Closed(Box<Head>),
    /// `conversation.reopened`: the customer came back in time.
    Reopened(Box<Head>),
    /// `conversation.updated`: something shown in lists changed, such as a name.
    Updated(Box<Head>),
    /// `participant.pointer`
    PointerMoved(Pointer),
}

/// What an event does to the list of waiting conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueEffect {
    /// It waits, with this head now.
    Waits(Box<Head>),
    /// It waits no more.
    Left,
}

impl Event {
    /// The event's name, in the body and in the MESSAGE header `event`.
    pub const fn name(&self) -> &'static str {
        match self.change {
            Change::MessageCreated(_) => "message.created",
            Change::Created(_) => "conversation.created",
            Change::Assigned { .. } => "conversation.assigned",
            Change::Closed(_) => "conversation.closed",
            Change::Reopened(_) => "conversation.reopened",
            Change::Updated(_) => "conversation.updated",
            Change::PointerMoved(_) => "participant.pointer",
        }
    }

    /// The place of the message that this is about, for the MESSAGE header `seq`.
    pub const fn seq(&self) -> Option<u64> {
        match &self.change {
            Change::MessageCreated(message) => Some(message.seq),
            _ => None,
        }
    }

    /// The body for readers of that role: `serde_json::to_string(&event.body(role))`.
    pub const fn body(&self, reader: Role) -> Body<'_> {
        Body {
            event: self,
            reader,
        }
    }

    /// True when every reader gets the same body, so that it need be written once only.
    pub const fn same_for_all(&self) -> bool {
        self.prev.public == self.prev.internal
    }
}

/// An [`Event`] as one side reads it.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    event: &'a Event,
    reader: Role,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event {
            conversation_id,
            rev,
            prev,
            change,
            ..
        } = self.event;
        let prev = match self.reader {
            Role::Customer => prev.public,
            Role::Agent => prev.internal,
        };
        let name = self.event.name();
        let lifecycle = |head| Lifecycle::new(name, prev, head);
        match change {
            Change::MessageCreated(message) => message.serialize_event(name, prev, serializer),
            Change::Created(head) | Change::Reopened(head) | Change::Updated(head) => {
                lifecycle(head).serialize(serializer)
            }
            Change::Assigned { waited_ms, head } => {
                // In this form agents take; nothing else assigns.
                let by = Some(Role::Agent);
                Lifecycle {
                    by,
                    waited_ms: Some(*waited_ms),
                    ..lifecycle(head)
                }
                .serialize(serializer)
            }
            Change::Closed(head) => {
                let (by, reason) = (head.closed_by, head.close_reason.as_deref());
                Lifecycle {
                    by,
                    reason,
                    ..lifecycle(head)
                }
                .serialize(serializer)
            }
            Change::PointerMoved(pointer) => PointerMoved {
                event: name,
                conversation_id: *conversation_id,
                rev: *rev,
                prev,
                participant: &pointer.user,
                delivered_seq: pointer.delivered_seq,
                read_seq: pointer.read_seq,
            }
            .serialize(serializer),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle<'a> {
    event: &'static str,
    conversation_id: ConversationId,
    rev: u64,
    prev: u64,
    assign_rev: u64,
    state: Phase,
    assignee: Option<&'a Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_ms: Option<u64>,
    head: &'a Head,
}

impl<'a> Lifecycle<'a> {
    fn new(event: &'static str, prev: u64, head: &'a Head) -> Self {
        Self {
            event,
            conversation_id: head.id,
            rev: head.rev,
            prev,
            assign_rev: head.assign_rev,
            state: head.state,
            assignee: head.assignee.as_ref(),
            by: None,
            reason: None,
            waited_ms: None,
            head,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PointerMoved<'a> {
    event: &'static str,
    conversation_id: ConversationId,
    rev: u64,
    prev: u64,
    participant: &'a UserRef,
    delivered_seq: u64,
    read_seq: u64,
}

/// What one commit changed in a group's queue, for `/topic/queue.{group}`.
///
/// Versions chain like events: a reader that does not hold `prev` has missed something and asks for the queue anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueChange {
    event: &'static str,
    /// Whose queue.
    pub group_id: String,
    /// The stamp of the queue after this.
    pub version: u64,
    /// Its stamp before.
    pub prev: u64,
    /// How many conversations wait now.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub longest_waiting_since: Option<Timestamp>,
    /// Those that are new or changed.
    pub entries: Vec<Head>,
    /// Those that wait no more.
    pub removed: Vec<ConversationId>,
}

impl QueueChange {
    /// The stamp and the counts of a queue; the entries come from the events of one commit, the last of each
    /// conversation winning.
    pub(crate) fn new<'a>(queue: Queue, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut effects = std::collections::BTreeMap::new();
        for event in events {
            if let Some(effect) = &event.queue {
                effects.insert(event.conversation_id, effect);
            }
        }
        let (mut entries, mut removed) = (Vec::new(), Vec::new());
        for (id, effect) in effects {
            match effect {
                QueueEffect::Waits(head) => entries.push(Head::clone(head)),
                QueueEffect::Left => removed.push(id),
            }
        }
        let Queue {
            group_id,
            version,
            prev,
            waiting,
            longest_waiting_since,
        } = queue;
        Self {
            event: "queue.changed",
            group_id,
            version,
            prev,
            waiting,
            longest_waiting_since,
            entries,
            removed,
        }
    }
}

/// The stamps and counts of a queue after a commit.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) group_id: String,
    pub(crate) version: u64,
    pub(crate) prev: u64,
    pub(crate) waiting: u64,
    pub(crate) longest_waiting_since: Option<Timestamp>,
}

/// Everything that one commit made true, in `rev` order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The changes.
    pub events: Vec<Event>,
    /// What they did to the queue.
    pub queue: Option<QueueChange>,
}
