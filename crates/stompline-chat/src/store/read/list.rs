//! An agent's own conversations, page by page.

use crate::body::ListBody;
use crate::error::Error;
use crate::person::{Role, UserRef};
use crate::reply::ListPage;
use crate::store::fault::Fault;
use crate::store::snapshot::{Heads, Own, Snapshot};

pub(in super::super) async fn list<S: Snapshot>(
    mut snapshot: S,
    agent: UserRef,
    request: ListBody,
) -> Result<ListPage, Fault> {
    if agent.role != Role::Agent {
        return Err(Error::Forbidden("only agents have conversations of their own").into());
    }
    let limit = request.limit();
    let own = Own {
        agent: &agent,
        state: request.state,
        customer: request.customer_id.as_deref(),
        conversation: request.conversation_id,
        before: request.before.unwrap_or(u64::MAX),
        limit: limit + 1,
    };
    let mut conversations = Vec::from(snapshot.heads(&Heads::Own(&own)).await?);
    let more = conversations.len() > limit;
    conversations.truncate(limit);
    Ok(ListPage {
        receipt: None,
        conversations,
        more,
    })
}
