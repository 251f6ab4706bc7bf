//! Rows to domain and back.

use std::sync::Arc;

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row};
use uuid::Uuid;

use crate::conversation::{Assignment, Closure, Conversation, State};
use crate::head::{Pointer, Preview};
use crate::id::{ClientId, ConversationId, MessageId};
use crate::message::{Content, Message, Text, Visibility};
use crate::person::{Person, Role, UserRef};
use crate::time::Timestamp;

/// SELECTs whole conversations, as [`conversation`] reads them, from `conversation c`; the rest of the statement
/// follows.
macro_rules! select_conversation {
    ($($rest:expr),+) => {
        $crate::store::sqlite::row::select_conversation_and!("", $($rest),+)
    };
}
pub(super) use select_conversation;

/// SELECTs whole conversations and the column `unread`: how many messages of the other side the reader of id $2 and
/// role $5 has not seen. Only the last 200 messages are looked at: some clients never say what they have read.
macro_rules! select_reader_head {
    ($($rest:expr),+) => {
        $crate::store::sqlite::row::select_conversation_and!(
            ", (SELECT COUNT(*) FROM message u WHERE u.conversation_id = c.id AND u.sender_role <> $5 \
             AND (u.visibility = 'public' OR $5 = 'agent') \
             AND u.seq > MAX(c.last_seq - 200, COALESCE((SELECT r.read_seq FROM participant r \
             WHERE r.conversation_id = c.id AND r.role = $5 AND r.user_id = $2), 0))) AS unread",
            $($rest),+
        )
    };
}
pub(super) use select_reader_head;

/// What the two above have in common.
macro_rules! select_conversation_and {
    ($columns:expr, $($rest:expr),+) => {
        concat!(
            "SELECT c.id, c.group_id, c.customer_id, c.customer_name, c.state, c.assignee_id, c.assignee_name, \
             c.assigned_at, c.assign_rev, c.previous_id, c.last_seq, c.rev, c.public_rev, c.left_queue_rev, \
             c.created_at, c.queued_at, c.closed_at, c.closed_by, c.close_reason, c.reopen_count, \
             l.sender_role AS last_role, l.sender_id AS last_id, l.sender_name AS last_name, \
             l.kind AS last_kind, l.content AS last_content, l.created_at AS last_at, \
             (SELECT json_group_array(json_object('role', p.role, 'id', p.user_id, \
             'delivered', p.delivered_seq, 'read', p.read_seq)) \
             FROM participant p WHERE p.conversation_id = c.id) AS pointers",
            $columns,
            " FROM conversation c LEFT JOIN message l ON l.conversation_id = c.id AND l.seq = c.last_seq ",
            $($rest),+
        )
    };
}
pub(super) use select_conversation_and;

/// A number as SQLite keeps it. Stamps and places stay far below the limit; a client's larger number means "all".
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count of items for LIMIT.
pub(super) fn limit(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

pub(super) fn id(row: &SqliteRow, name: &str) -> Result<ConversationId, Error> {
    row.try_get(name).map(ConversationId::new)
}

pub(super) fn count(row: &SqliteRow, name: &str) -> Result<u64, Error> {
    u64::try_from(row.try_get::<i64, _>(name)?).map_err(decode)
}

pub(super) fn time(row: &SqliteRow, name: &str) -> Result<Timestamp, Error> {
    row.try_get(name).map(Timestamp::from_millis)
}

pub(super) fn optional_time(row: &SqliteRow, name: &str) -> Result<Option<Timestamp>, Error> {
    row.try_get::<Option<i64>, _>(name)
        .map(|millis| millis.map(Timestamp::from_millis))
}

pub(super) fn conversation(row: &SqliteRow) -> Result<Conversation, Error> {
    let last_seq = count(row, "last_seq")?;
    Ok(Conversation {
        id: id(row, "id")?,
        group_id: string(row, "group_id")?,
        customer: Person {
            user: UserRef::customer(string(row, "customer_id")?),
            name: string(row, "customer_name")?,
        },
        state: state(row)?,
        assign_rev: count(row, "assign_rev")?,
        previous_id: row
            .try_get::<Option<Uuid>, _>("previous_id")?
            .map(ConversationId::new),
        last_seq,
        last_message: preview(row, last_seq)?,
        pointers: pointers(row.try_get("pointers")?)?,
        rev: count(row, "rev")?,
        public_rev: count(row, "public_rev")?,
        left_queue_rev: count(row, "left_queue_rev")?,
        created_at: time(row, "created_at")?,
        queued_at: time(row, "queued_at")?,
        reopen_count: count(row, "reopen_count")?,
    })
}

fn state(row: &SqliteRow) -> Result<State, Error> {
    let assignment = match row.try_get::<Option<String>, _>("assignee_id")? {
        Some(id) => Some(Assignment {
            agent: Person {
                user: UserRef::agent(id),
                name: string(row, "assignee_name")?,
            },
            since: time(row, "assigned_at")?,
        }),
        None => None,
    };
    match (row.try_get::<&str, _>("state")?, assignment) {
        ("queued", None) => Ok(State::Queued),
        ("active", Some(assignment)) => Ok(State::Active(assignment)),
        ("closed", assignment) => Ok(State::Closed {
            assignment,
            closure: Closure {
                at: time(row, "closed_at")?,
                by: role(row.try_get("closed_by")?)?,
                reason: row
                    .try_get::<Option<String>, _>("close_reason")?
                    .map(Arc::from),
            },
        }),
        (state, assignment) => Err(decode(format!(
            "a conversation in state {state} with{} an assignee",
            if assignment.is_some() { "" } else { "out" }
        ))),
    }
}

fn preview(row: &SqliteRow, seq: u64) -> Result<Option<Preview>, Error> {
    let Some(last_role) = row.try_get::<Option<&str>, _>("last_role")? else {
        return Ok(None);
    };
    let Content::Text(text) = content(row.try_get("last_kind")?, row.try_get("last_content")?)?;
    Ok(Some(Preview {
        seq,
        sender: Person {
            user: UserRef {
                id: string(row, "last_id")?,
                role: role(last_role)?,
            },
            name: string(row, "last_name")?,
        },
        text: text.start(Preview::CHARS_MAX).to_owned(),
        created_at: time(row, "last_at")?,
    }))
}

fn pointers(json: &str) -> Result<Vec<Pointer>, Error> {
    #[derive(Deserialize)]
    struct Stored {
        role: String,
        id: String,
        delivered: u64,
        read: u64,
    }
    let stored: Vec<Stored> = serde_json::from_str(json).map_err(decode)?;
    stored
        .into_iter()
        .map(
            |Stored {
                 role: name,
                 id,
                 delivered,
                 read,
             }| {
                Ok(Pointer {
                    user: UserRef {
                        id: id.into(),
                        role: role(&name)?,
                    },
                    delivered_seq: delivered,
                    read_seq: read,
                })
            },
        )
        .collect()
}

pub(super) fn message(row: &SqliteRow) -> Result<Message, Error> {
    Ok(Message {
        id: MessageId::new(row.try_get("id")?),
        conversation_id: id(row, "conversation_id")?,
        seq: count(row, "seq")?,
        rev: count(row, "rev")?,
        client_id: ClientId::parse(row.try_get::<String, _>("client_id")?).map_err(decode)?,
        visibility: match row.try_get::<&str, _>("visibility")? {
            "public" => Visibility::Public,
            _ => Visibility::Internal,
        },
        sender: Person {
            user: UserRef {
                id: string(row, "sender_id")?,
                role: role(row.try_get("sender_role")?)?,
            },
            name: string(row, "sender_name")?,
        },
        content: content(row.try_get("kind")?, row.try_get("content")?)?,
        reply_to: match row.try_get::<Option<i64>, _>("reply_to")? {
            Some(_) => Some(count(row, "reply_to")?),
            None => None,
        },
        created_at: time(row, "created_at")?,
    })
}

/// Every row read, in order.
pub(super) fn all<T, C: FromIterator<T>>(
    rows: &[SqliteRow],
    read: impl FnMut(&SqliteRow) -> Result<T, Error>,
) -> Result<C, Error> {
    rows.iter().map(read).collect()
}

/// The content object as the store keeps it.
pub(super) fn content_json(content: &Content) -> Result<String, Error> {
    serde_json::to_string(content).map_err(|failure| Error::Encode(Box::new(failure)))
}

fn content(kind: &str, json: &str) -> Result<Content, Error> {
    #[derive(Deserialize)]
    struct Stored {
        text: String,
    }
    match kind {
        "text" => {
            let stored: Stored = serde_json::from_str(json).map_err(decode)?;
            Text::parse(stored.text).map(Content::Text).map_err(decode)
        }
        kind => Err(decode(format!("a message of kind {kind}"))),
    }
}

fn role(name: &str) -> Result<Role, Error> {
    Role::parse(name).ok_or_else(|| decode(format!("a person of role {name}")))
}

fn string(row: &SqliteRow, name: &str) -> Result<Arc<str>, Error> {
    row.try_get::<&str, _>(name).map(Arc::from)
}

/// The database holds what this version never wrote.
fn decode(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Decode(what.into())
}
