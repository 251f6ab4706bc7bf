//! The first screen.

use std::collections::VecDeque;

use super::QUEUE_ENTRIES_MAX;
use super::history;
use crate::body::HistoryBody;
use crate::conversation::Phase;
use crate::page::{PAGE_BYTES_MAX, reserve_heads};
use crate::person::{Person, Role, UserRef};
use crate::reply::{Bootstrap, OpenConversation, ReaderHead};
use crate::store::fault::Fault;
use crate::store::snapshot::{Heads, Own, Place, Snapshot};
use crate::time::Timestamp;

/// How many conversations an agent gets at once: ten times what one person can answer.
const CONVERSATIONS_MAX: usize = 50;

/// How many messages of each: one screen. A customer, who has one conversation, gets a whole page.
const AGENT_MESSAGES_MAX: usize = 20;

pub(in super::super) async fn bootstrap<S: Snapshot>(
    mut snapshot: S,
    me: Person,
    server_time: Timestamp,
) -> Result<Bootstrap, Fault> {
    let cursor = snapshot.settled().await?;
    let (queue, mut heads) = match me.role() {
        Role::Customer => (None, latest(&mut snapshot, &me.user).await?),
        Role::Agent => {
            let active = Own {
                agent: &me.user,
                state: Phase::Active,
                customer: None,
                conversation: None,
                before: u64::MAX,
                limit: CONVERSATIONS_MAX + 1,
            };
            (
                Some(snapshot.queue(QUEUE_ENTRIES_MAX).await?),
                snapshot.heads(&Heads::Own(&active)).await?,
            )
        }
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

async fn with_messages<S: Snapshot>(
    snapshot: &mut S,
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

async fn latest<S: Snapshot>(
    snapshot: &mut S,
    customer: &UserRef,
) -> Result<VecDeque<ReaderHead>, sqlx::Error> {
    match snapshot.latest(customer).await? {
        Some(id) => snapshot.heads(&Heads::One(customer, id)).await,
        None => Ok(VecDeque::new()),
    }
}
