//! Back-pressure: a sender whose messages fill a receiver's outbox waits a little, if the receiver is still reading.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use super::{Driver, now};
use crate::{close::CloseReason, subscription::SessionOutbox};

/// A sender waits for receivers at most this long in each [`WINDOW`].
const WAIT_MAX: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);

/// A receiver that has taken nothing for this long delays nobody.
const PROGRESS: Duration = Duration::from_millis(100);

/// The account of one sender.
#[derive(Default)]
pub(super) struct Relief {
    /// Receivers that the last frame filled over half.
    congested: Vec<Arc<SessionOutbox>>,
    window: Option<Instant>,
    waited: Duration,
}

impl Relief {
    /// How long the sender may still wait in this window.
    fn left(&mut self, now: Instant) -> Duration {
        if self
            .window
            .is_none_or(|start| now.duration_since(start) >= WINDOW)
        {
            self.window = Some(now);
            self.waited = Duration::ZERO;
        }
        WAIT_MAX.saturating_sub(self.waited)
    }
}

impl Driver {
    /// Keeps in mind which outboxes the present frame has filled over half.
    pub(super) fn note_congested(&mut self, outboxes: Vec<Arc<SessionOutbox>>) {
        if !outboxes.is_empty() {
            let relief = self.relief.get_or_insert_default();
            relief.congested.extend(outboxes);
        }
    }

    /// Waits until the receivers of the last frame have room again, within the bounds.
    pub(super) async fn relieve(&mut self) -> Result<(), CloseReason> {
        let mut receivers = match &mut self.relief {
            Some(relief) if !relief.congested.is_empty() => std::mem::take(&mut relief.congested),
            _ => return Ok(()),
        };
        receivers.sort_by_key(|outbox| Arc::as_ptr(outbox).cast::<()>());
        receivers.dedup_by(|one, other| Arc::ptr_eq(one, other));
        loop {
            let start = now();
            receivers.retain(|outbox| {
                outbox.is_congested() && start.duration_since(outbox.last_write()) < PROGRESS
            });
            let relief = self.relief.get_or_insert_default();
            let left = relief.left(start);
            if receivers.is_empty() || left.is_zero() {
                return Ok(());
            }
            let waiting = receivers.clone();
            let relieved = Box::pin(async move {
                let all = join_all(
                    waiting
                        .iter()
                        .map(|outbox| std::future::poll_fn(|context| outbox.poll_relief(context))),
                );
                let _ = tokio::time::timeout(left.min(PROGRESS), all).await;
            });
            self.alongside(relieved).await?;
            let relief = self.relief.get_or_insert_default();
            relief.waited += start.elapsed();
        }
    }
}
