//! The one publisher: what was committed leaves in `rev` order.

use bytes::Bytes;
use serde::Serialize;
use stompline::{Message, Messenger, Outgoing};
use tokio::sync::mpsc;

use super::{Chat, DEFAULT_GROUP};
use crate::{
    event::{Batch, Event, QueueChange},
    person::Role,
};

/// Where durable events go, behind `/user`.
const MESSAGES: &str = "/queue/messages";

/// Publishes batches until the store is closed.
pub(super) async fn run(chat: Chat, messenger: Messenger, mut committed: mpsc::Receiver<Batch>) {
    stompline::batched(async move {
        while let Some(batch) = committed.recv().await {
            for event in &batch.events {
                publish(&messenger, event).await;
                chat.shared.checkpoints.advance(event.rev);
            }
            if let Some(queue) = &batch.queue {
                publish_queue(&messenger, queue).await;
            }
        }
    })
    .await;
}

async fn publish(messenger: &Messenger, event: &Event) {
    let mut shared: Option<Bytes> = None;
    for recipient in &event.recipients {
        let body = if let Some(body) = &shared {
            body.clone()
        } else {
            let Some(body) = write(&event.body(recipient.role)) else {
                return;
            };
            if event.same_for_all() {
                shared = Some(body.clone());
            }
            body
        };
        let message = message(event, body);
        let (realm, name) = (recipient.role.as_str(), &*recipient.id);
        let outgoing = Outgoing::user(realm, name, MESSAGES, message);
        if let Err(error) = messenger.publish(outgoing).await {
            tracing::error!(%error, rev = event.rev, "an event could not be published");
        }
    }
}

/// The headers let a server route, count and coalesce without reading the body.
fn message(event: &Event, body: Bytes) -> Message {
    let message = Message::new("application/json", body)
        .header("event", event.name())
        .header("conversation", &event.conversation_id.to_string())
        .header("rev", &event.rev.to_string());
    match event.seq() {
        Some(seq) => message.header("seq", &seq.to_string()),
        None => message,
    }
}

async fn publish_queue(messenger: &Messenger, queue: &QueueChange) {
    let Some(body) = write(queue) else {
        return;
    };
    let message = Message::new("application/json", body).header("event", "queue.changed");
    let topic = format!("/topic/queue.{DEFAULT_GROUP}");
    if let Err(error) = messenger.publish(Outgoing::topic(topic, message)).await {
        tracing::error!(%error, "a change of the queue could not be published");
    }
}

fn write<T: Serialize>(value: &T) -> Option<Bytes> {
    match serde_json::to_vec(value) {
        Ok(body) => Some(body.into()),
        Err(error) => {
            tracing::error!(%error, "an event cannot be written as JSON");
            None
        }
    }
}

/// Where signals go, behind `/user`.
pub(super) const SIGNALS: &str = "/queue/signals";

/// Tells one person something that is true for a moment.
pub(super) async fn signal<T: Serialize>(
    messenger: &Messenger,
    (role, id): (Role, &str),
    (event, key): (&str, &str),
    body: &T,
) {
    let Some(body) = write(body) else {
        return;
    };
    let message = Message::new("application/json", body)
        .header("event", event)
        .header("key", key);
    let outgoing = Outgoing::user(role.as_str(), id, SIGNALS, message);
    if let Err(error) = messenger.publish(outgoing).await {
        tracing::debug!(%error, event, "a signal could not be published");
    }
}
