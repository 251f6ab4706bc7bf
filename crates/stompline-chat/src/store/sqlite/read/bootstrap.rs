//! The first screen.

use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::super::Fault;
use super::super::round::TENANT;
use super::super::row::{limit, select_reader_head};
use super::history::{self, Place};
use super::sync::reader_head;
use super::{queue_in, settled};
use crate::body::HistoryBody;
use crate::id::ConversationId;
use crate::page::{PAGE_BYTES_MAX, reserve_heads};
use crate::person::{Person, Role, UserRef};
use crate::reply::{Bootstrap, OpenConversation, ReaderHead};
use crate::time::Timestamp;

/// How many conversations an agent gets at once: ten times what one person can answer.
const CONVERSATIONS_MAX: usize = 50;

/// How many messages of each: one screen. A customer, who has one conversation, gets a whole page.
const AGENT_MESSAGES_MAX: usize = 20;

pub(in super::super) async fn bootstrap(
    mut snapshot: Transaction<'static, Sqlite>,
    me: Person,
    server_time: Timestamp,
) -> Result<Bootstrap, Fault> {
    let cursor = settled(&mut snapshot).await?;
    let (queue, mut heads) = match me.role() {
        Role::Customer => (None, latest(&mut snapshot, &me.user).await?),
        Role::Agent => (
            Some(queue_in(&mut snapshot).await?),
            active(&mut snapshot, &me.user).await?,
        ),
    };
    let more = heads.len() > CONVERSATIONS_MAX;
    heads.truncate(CONVERSATIONS_MAX);
    let mut room = PAGE_BYTES_MAX;
    reserve_heads(
        heads.len() + queue.as_ref().map_or(0, |queue| queue.entries.len()),
        &mut room,
    );
    let mut conversations = Vec::with_capacity(heads.len());
    for head in heads {
        conversations.push(with_messages(&mut snapshot, head, me.role(), &mut room).await?);
    }
    Ok(Bootstrap {
        me,
        conversations,
        more,
        queue,
        cursor,
        server_time,
    })
}

async fn with_messages(
    snapshot: &mut SqliteConnection,
    head: ReaderHead,
    role: Role,
    room: &mut usize,
) -> Result<OpenConversation, sqlx::Error> {
    let max = match role {
        Role::Customer => HistoryBody::LIMIT_DEFAULT,
        Role::Agent => AGENT_MESSAGES_MAX,
    };
    let place = Place {
        id: head.head.id,
        role,
        bounds: (0, u64::MAX),
        from_start: false,
    };
    let (messages, more) = history::messages(snapshot, &place, max, room, false).await?;
    Ok(OpenConversation {
        head,
        messages,
        more,
    })
}

async fn latest(
    snapshot: &mut SqliteConnection,
    customer: &UserRef,
) -> Result<Vec<ReaderHead>, sqlx::Error> {
    let Some(id) = history::latest(snapshot, customer).await? else {
        return Ok(Vec::new());
    };
    fetch(
        snapshot,
        select_reader_head!("WHERE c.tenant_id = $1 AND c.id = $3 LIMIT $4"),
        customer,
        Some(id),
    )
    .await
}

async fn active(
    snapshot: &mut SqliteConnection,
    agent: &UserRef,
) -> Result<Vec<ReaderHead>, sqlx::Error> {
    fetch(
        snapshot,
        select_reader_head!("WHERE c.tenant_id = $1 AND c.assignee_id = $2 AND c.state = 'active' ORDER BY c.rev DESC LIMIT $4"
        ),
        agent,
        None,
    )
    .await
}

async fn fetch(
    snapshot: &mut SqliteConnection,
    sql: &'static str,
    who: &UserRef,
    id: Option<ConversationId>,
) -> Result<Vec<ReaderHead>, sqlx::Error> {
    let rows: Vec<SqliteRow> = sqlx::query(sql)
        .bind(TENANT)
        .bind(&*who.id)
        .bind(id.map(ConversationId::uuid))
        .bind(limit(CONVERSATIONS_MAX + 1))
        .bind(who.role.as_str())
        .fetch_all(snapshot)
        .await?;
    rows.iter()
        .map(|found| reader_head(found, who.role))
        .collect()
}
