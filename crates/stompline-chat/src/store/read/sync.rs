//! What changed since a cursor.

use std::sync::Arc;

use crate::body::SyncBody;
use crate::id::ConversationId;
use crate::page::{self, Changes, PAGE_BYTES_MAX};
use crate::person::{Role, UserRef};
use crate::reply::{Checkpoint, SyncPage};
use crate::store::CUSTOMERS_MAX;
use crate::store::fault::Fault;
use crate::store::snapshot::{Heads, Since, Snapshot};

pub(in super::super) async fn sync<S: Snapshot>(
    mut snapshot: S,
    who: UserRef,
    request: SyncBody,
) -> Result<SyncPage, Fault> {
    let settled = snapshot.settled().await?;
    if request.since > settled {
        return Ok(page::reset(settled));
    }
    let items = request.limit();
    let since = Since {
        who: &who,
        rev: request.since,
        limit: Changes::fetch(items),
    };
    let open: Option<Vec<ConversationId>> = request.open.map(|open| open.into_keys().collect());
    let changes = Changes {
        heads: snapshot.heads(&Heads::Changed(&since)).await?,
        messages: snapshot.changed_messages(&since, open.as_deref()).await?,
        gone: gone(&mut snapshot, &since).await?.into(),
        settled,
    };
    Ok(changes.page(items, PAGE_BYTES_MAX))
}

pub(in super::super) async fn checkpoint<S: Snapshot>(
    mut snapshot: S,
    who: UserRef,
    since: u64,
) -> Result<Checkpoint, Fault> {
    let settled = snapshot.settled().await?;
    let items = SyncBody::LIMIT_MAX;
    let since = Since {
        who: &who,
        rev: since,
        limit: Changes::fetch(items),
    };
    let heads = snapshot.stamps(&since).await?;
    let gone = gone(&mut snapshot, &since).await?;
    Ok(page::checkpoint(heads, gone, items, settled))
}

pub(in super::super) async fn customers_behind<S: Snapshot>(
    mut snapshot: S,
    mut customers: Vec<Arc<str>>,
    since: u64,
) -> Result<Vec<Arc<str>>, Fault> {
    customers.truncate(CUSTOMERS_MAX);
    Ok(snapshot.customers_behind(&customers, since).await?)
}

/// What an agent could see while it waited and cannot see now. A customer loses nothing.
async fn gone<S: Snapshot>(
    snapshot: &mut S,
    since: &Since<'_>,
) -> Result<Vec<(ConversationId, u64)>, sqlx::Error> {
    match since.who.role {
        Role::Customer => Ok(Vec::new()),
        Role::Agent => snapshot.gone(since).await,
    }
}
