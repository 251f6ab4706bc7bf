//! Rows to domain and back.

use std::sync::Arc;

use serde::Deserialize;
use sqlx::{ColumnIndex, Decode, Error, FromRow, Row, Type};
use uuid::Uuid;

use crate::conversation::{Assignment, Closure, Conversation, State};
use crate::head::{Pointer, Preview};
use crate::id::{ClientId, ConversationId, MessageId};
use crate::message::{Content, Message, Text, Visibility};
use crate::person::{Person, Role, UserRef};
use crate::reply::ReaderHead;
use crate::time::Timestamp;

/// The columns of a conversation `c` and its last message `l`, as [`conversation`] reads them. They lack `pointers`: a
/// JSON array of objects `{role, id, delivered, read}`, for which every database has functions of its own.
macro_rules! conversation_columns {
    () => {
        "c.id, c.group_id, c.customer_id, c.customer_name, c.state, c.assignee_id, c.assignee_name, \
         c.assigned_at, c.assign_rev, c.previous_id, c.last_seq, c.rev, c.public_rev, c.left_queue_rev, \
         c.created_at, c.queued_at, c.closed_at, c.closed_by, c.close_reason, c.reopen_count, \
         l.sender_role AS last_role, l.sender_id AS last_id, l.sender_name AS last_name, \
         l.kind AS last_kind, l.content AS last_content, l.created_at AS last_at"
    };
}
pub(super) use conversation_columns;

#[derive(FromRow)]
pub(super) struct ConversationRow<'r> {
    id: Uuid,
    group_id: &'r str,
    customer_id: &'r str,
    customer_name: &'r str,
    state: &'r str,
    assignee_id: Option<&'r str>,
    assignee_name: Option<&'r str>,
    assigned_at: Option<i64>,
    assign_rev: i64,
    previous_id: Option<Uuid>,
    last_seq: i64,
    rev: i64,
    public_rev: i64,
    left_queue_rev: i64,
    created_at: i64,
    queued_at: i64,
    closed_at: Option<i64>,
    closed_by: Option<&'r str>,
    close_reason: Option<&'r str>,
    reopen_count: i64,
    last_role: Option<&'r str>,
    last_id: Option<&'r str>,
    last_name: Option<&'r str>,
    last_kind: Option<&'r str>,
    last_content: Option<&'r str>,
    last_at: Option<i64>,
    pointers: &'r str,
}

#[derive(FromRow)]
pub(super) struct MessageRow<'r> {
    id: Uuid,
    conversation_id: Uuid,
    seq: i64,
    rev: i64,
    sender_role: &'r str,
    sender_id: &'r str,
    sender_name: &'r str,
    client_id: &'r str,
    kind: &'r str,
    visibility: &'r str,
    content: &'r str,
    reply_to: Option<i64>,
    created_at: i64,
}

/// A number as databases keep it. Stamps and places stay far below the limit; a client's larger number means "all".
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count of items for LIMIT.
pub(super) fn limit(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

pub(super) fn count<'r, R>(row: &'r R, name: &'static str) -> Result<u64, Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    number(row.try_get(name)?)
}

pub(super) fn optional_time<'r, R>(
    row: &'r R,
    name: &'static str,
) -> Result<Option<Timestamp>, Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
{
    let millis: Option<i64> = row.try_get(name)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// A row of [`conversation_columns`] and `pointers`.
pub(super) fn conversation<'r, R>(row: &'r R) -> Result<Conversation, Error>
where
    R: Row,
    ConversationRow<'r>: FromRow<'r, R>,
{
    ConversationRow::from_row(row)?.read()
}

/// A whole row of `message`.
pub(super) fn message<'r, R>(row: &'r R) -> Result<Message, Error>
where
    R: Row,
    MessageRow<'r>: FromRow<'r, R>,
{
    MessageRow::from_row(row)?.read()
}

impl ConversationRow<'_> {
    fn read(&self) -> Result<Conversation, Error> {
        let last_seq = number(self.last_seq)?;
        Ok(Conversation {
            id: ConversationId::new(self.id),
            group_id: self.group_id.into(),
            customer: Person {
                user: UserRef::customer(self.customer_id),
                name: self.customer_name.into(),
            },
            state: self.state()?,
            assign_rev: number(self.assign_rev)?,
            previous_id: self.previous_id.map(ConversationId::new),
            last_seq,
            last_message: self.preview(last_seq)?,
            pointers: pointers(self.pointers)?,
            rev: number(self.rev)?,
            public_rev: number(self.public_rev)?,
            left_queue_rev: number(self.left_queue_rev)?,
            created_at: Timestamp::from_millis(self.created_at),
            queued_at: Timestamp::from_millis(self.queued_at),
            reopen_count: number(self.reopen_count)?,
        })
    }

    fn state(&self) -> Result<State, Error> {
        let assignment = match self.assignee_id {
            Some(id) => Some(Assignment {
                agent: Person {
                    user: UserRef::agent(id),
                    name: given(self.assignee_name, "assignee_name")?.into(),
                },
                since: Timestamp::from_millis(given(self.assigned_at, "assigned_at")?),
            }),
            None => None,
        };
        match (self.state, assignment) {
            ("queued", None) => Ok(State::Queued),
            ("active", Some(assignment)) => Ok(State::Active(assignment)),
            ("closed", assignment) => Ok(State::Closed {
                assignment,
                closure: Closure {
                    at: Timestamp::from_millis(given(self.closed_at, "closed_at")?),
                    by: role(given(self.closed_by, "closed_by")?)?,
                    reason: self.close_reason.map(Arc::from),
                },
            }),
            (state, assignment) => Err(decode(format!(
                "a conversation in state {state} with{} an assignee",
                if assignment.is_some() { "" } else { "out" }
            ))),
        }
    }

    fn preview(&self, seq: u64) -> Result<Option<Preview>, Error> {
        let Some(last_role) = self.last_role else {
            return Ok(None);
        };
        let kind = given(self.last_kind, "last_kind")?;
        let Content::Text(text) = content(kind, given(self.last_content, "last_content")?)?;
        Ok(Some(Preview {
            seq,
            sender: Person {
                user: UserRef {
                    id: given(self.last_id, "last_id")?.into(),
                    role: role(last_role)?,
                },
                name: given(self.last_name, "last_name")?.into(),
            },
            text: text.start(Preview::CHARS_MAX).to_owned(),
            created_at: Timestamp::from_millis(given(self.last_at, "last_at")?),
        }))
    }
}

impl MessageRow<'_> {
    fn read(&self) -> Result<Message, Error> {
        Ok(Message {
            id: MessageId::new(self.id),
            conversation_id: ConversationId::new(self.conversation_id),
            seq: number(self.seq)?,
            rev: number(self.rev)?,
            client_id: ClientId::parse(self.client_id).map_err(decode)?,
            visibility: match self.visibility {
                "public" => Visibility::Public,
                _ => Visibility::Internal,
            },
            sender: Person {
                user: UserRef {
                    id: self.sender_id.into(),
                    role: role(self.sender_role)?,
                },
                name: self.sender_name.into(),
            },
            content: content(self.kind, self.content)?,
            reply_to: self.reply_to.map(number).transpose()?,
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
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

/// A row of [`conversation_columns`], `pointers` and `unread`.
pub(super) fn reader_head<'r, R>(row: &'r R, reader: Role) -> Result<ReaderHead, Error>
where
    R: Row,
    ConversationRow<'r>: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(ReaderHead {
        head: conversation(row)?.head(reader),
        unread: count(row, "unread")?,
    })
}

/// The columns `id` and `rev`.
pub(super) fn stamp<'r, R>(row: &'r R) -> Result<(ConversationId, u64), Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let id = row.try_get("id").map(ConversationId::new)?;
    Ok((id, count(row, "rev")?))
}

/// Every row read, in order.
pub(super) fn all<'r, R, T, C: FromIterator<T>>(
    rows: &'r [R],
    read: impl FnMut(&'r R) -> Result<T, Error>,
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

fn number(stored: i64) -> Result<u64, Error> {
    u64::try_from(stored).map_err(decode)
}

/// A column that another one says is there.
fn given<T>(value: Option<T>, name: &str) -> Result<T, Error> {
    value.ok_or_else(|| decode(format!("no {name} where there must be one")))
}

/// The database holds what this version never wrote.
fn decode(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Decode(what.into())
}
