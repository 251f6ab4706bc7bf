//! What did not come from other nodes in time: those whom it concerns are told to ask for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stompline::Stompline;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::order::Gap;
use super::{Chat, caller::person, checkpoint};
use crate::error::Error;
use crate::person::Role;
use crate::store::CUSTOMERS_MAX;

/// Gaps that may wait. Every repair covers all that is new since the first of them, so more say nothing more.
pub(super) const GAPS_MAX: usize = 16;

/// Between two repairs, so that a broken cluster does not keep the store busy; also between two attempts while the
/// store does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Repairs gaps until nobody finds any more.
pub(super) async fn run(
    chat: Chat,
    app: Stompline,
    mut gaps: mpsc::Receiver<Gap>,
    stop: CancellationToken,
) {
    let mut behind: Option<u64> = None;
    loop {
        let gap = match behind {
            Some(_) => None,
            None => match gaps.recv().await {
                Some(gap) => Some(gap),
                None => return,
            },
        };
        let more = std::iter::from_fn(|| gaps.try_recv().ok());
        let firsts = gap.into_iter().chain(more).map(|gap| gap.first - 1);
        let Some(since) = firsts.chain(behind).min() else {
            continue;
        };
        behind = match repair(&chat, &app, since).await {
            Ok(()) => None,
            Err(error) => {
                tracing::debug!(%error, "events that did not come cannot be looked up");
                Some(since)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Tells the sessions of this node that missed something where they must be. Agents may see so much that each is asked
/// about by itself.
async fn repair(chat: &Chat, app: &Stompline, since: u64) -> Result<(), Error> {
    let mut concerned = Vec::new();
    let mut customers: BTreeMap<Arc<str>, Vec<Box<str>>> = BTreeMap::new();
    for id in chat.shared.checkpoints.watched() {
        let Some(person) = app
            .session(&id)
            .and_then(|session| person(session.principal()))
        else {
            continue;
        };
        match person.role() {
            Role::Agent => concerned.push(id),
            Role::Customer => customers.entry(person.user.id).or_default().push(id),
        }
    }
    let asked: Vec<Arc<str>> = customers.keys().cloned().collect();
    for some in asked.chunks(CUSTOMERS_MAX) {
        for customer in chat.store().customers_behind(some.to_vec(), since).await? {
            concerned.extend(customers.remove(&customer).unwrap_or_default());
        }
    }
    tracing::debug!(
        since,
        sessions = concerned.len(),
        "sessions are told what they missed"
    );
    for id in concerned {
        checkpoint::tell(chat, app, &id, since).await;
    }
    Ok(())
}
