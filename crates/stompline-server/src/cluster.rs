//! This node as one of several, as the configuration wants it.

use std::time::Duration;

use serde::Serialize;
use stompline::{Message, Outgoing, PresenceEvent, Stompline};
use stompline_redis::{RedisBackplane, RedisSettings};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::config::Redis;
use crate::failure::Failure;

/// Presence events that may wait to be published. What does not fit is left out; `GET /api/v1/users` has the truth.
const EVENTS_MAX: usize = 16_384;

/// Connects to Redis, if there is one in the configuration.
pub(crate) async fn connect(config: &Redis) -> Result<Option<RedisBackplane>, Failure> {
    let Some(url) = &config.url else {
        return Ok(None);
    };
    let failed = |error: &dyn std::error::Error| Failure::Other(error.to_string());
    let settings = RedisSettings::new(url.expose())
        .and_then(|settings| settings.prefix(&config.prefix))
        .map_err(|error| failed(&error))?
        .deadline(Duration::from_millis(config.deadline_ms.into()))
        .allow_eviction(config.allow_eviction);
    let backplane = RedisBackplane::connect(settings)
        .await
        .map_err(|error| failed(&error))?;
    info!("connected with other nodes through Redis");
    Ok(Some(backplane))
}

/// Publishes who comes and goes to `/topic/presence.{realm}`.
pub(crate) struct PresenceNews {
    events: mpsc::Receiver<PresenceEvent>,
}

/// What subscribers of `/topic/presence.{realm}` receive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct News<'a> {
    user_id: &'a str,
    realm: &'a str,
    online: bool,
}

impl PresenceNews {
    /// The news, and the listener that they come from.
    pub(crate) fn new() -> (Self, impl Fn(&PresenceEvent) + Send + Sync + 'static) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let listener = move |event: &PresenceEvent| {
            if sender.try_send(event.clone()).is_err() {
                warn!("presence changes faster than it can be told; a change is left out");
            }
        };
        (Self { events }, listener)
    }

    /// Publishes until told to stop.
    pub(crate) fn start(mut self, app: &Stompline, tasks: &TaskTracker, stop: CancellationToken) {
        let messenger = app.messenger();
        tasks.spawn(async move {
            loop {
                let event = tokio::select! {
                    () = stop.cancelled() => return,
                    event = self.events.recv() => event,
                };
                let (user, online) = match event {
                    Some(PresenceEvent::Online(user)) => (user, true),
                    Some(PresenceEvent::Offline(user)) => (user, false),
                    Some(PresenceEvent::SessionLost(entry)) => {
                        info!(session = &*entry.id, user = %entry.user, node = %entry.member.node, reason = "node-lost", "session ended");
                        continue;
                    }
                    Some(PresenceEvent::SessionFound(entry)) => {
                        info!(session = &*entry.id, user = %entry.user, node = %entry.member.node, "session found again");
                        continue;
                    }
                    Some(_) => continue,
                    None => return,
                };
                let news = News {
                    user_id: user.name().as_str(),
                    realm: user.realm().as_str(),
                    online,
                };
                let Ok(message) = Message::json(&news) else {
                    continue;
                };
                let message = message.header("event", "presence.changed");
                let topic = format!("/topic/presence.{}", user.realm());
                if let Err(error) = messenger.publish(Outgoing::topic(topic, message)).await {
                    debug!(%error, "a change of presence was not told everywhere");
                }
            }
        });
    }
}
