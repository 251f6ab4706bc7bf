//! Who waits, for the agents who look at the queue.

use serde::Serialize;
use stompline::{Message, Messenger, Outgoing};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::DEFAULT_GROUP;
use crate::event::QueueChange;

/// Changes that may wait while the cluster takes its time. Agents see from the versions that one was dropped, and ask
/// for the whole queue.
const CHANGES_MAX: usize = 64;

/// Publishes changes of the queue, in order, and holds up nothing else.
pub(super) struct Queues {
    changes: mpsc::Sender<QueueChange>,
}

impl Queues {
    /// Begins to publish, until this is dropped.
    pub(super) fn start(messenger: Messenger, tasks: &TaskTracker) -> Self {
        let (changes, waiting) = mpsc::channel(CHANGES_MAX);
        tasks.spawn(stompline::batched(run(messenger, waiting)));
        Self { changes }
    }

    pub(super) fn publish(&self, change: QueueChange) {
        if self.changes.try_send(change).is_err() {
            tracing::warn!("changes of the queue come faster than they can be published");
        }
    }
}

async fn run(messenger: Messenger, mut changes: mpsc::Receiver<QueueChange>) {
    while let Some(change) = changes.recv().await {
        publish(&messenger, &change).await;
    }
}

async fn publish<T: Serialize + Sync>(messenger: &Messenger, change: &T) {
    let message = match Message::json(change) {
        Ok(message) => message.header("event", "queue.changed"),
        Err(error) => {
            tracing::error!(%error, "a change of the queue cannot be written as JSON");
            return;
        }
    };
    let topic = format!("/topic/queue.{DEFAULT_GROUP}");
    if let Err(error) = messenger.publish(Outgoing::topic(topic, message)).await {
        tracing::debug!(%error, "a change of the queue did not reach every node");
    }
}
