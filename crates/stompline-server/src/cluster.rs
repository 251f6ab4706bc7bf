//! This node as one of several, as the configuration wants it.

use std::{fs, path::Path, time::Duration};

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
    let settings = RedisSettings::new(url.expose())
        .and_then(|settings| settings.prefix(&config.prefix))
        .map_err(failed)?
        .deadline(Duration::from_millis(config.deadline_ms.into()))
        .allow_eviction(config.allow_eviction);
    let settings = with_certificates(settings, config)?;
    let backplane = RedisBackplane::connect(settings).await.map_err(failed)?;
    info!("connected with other nodes through Redis");
    Ok(Some(backplane))
}

/// Adds what the files hold.
fn with_certificates(
    mut settings: RedisSettings,
    config: &Redis,
) -> Result<RedisSettings, Failure> {
    if let Some(file) = &config.ca_file {
        let authority = read("redis.ca_file", file)?;
        settings = settings.authority(&authority).map_err(failed)?;
    }
    if let (Some(certificate), Some(key)) = (&config.cert_file, &config.key_file) {
        let chain = read("redis.cert_file", certificate)?;
        let key = read("redis.key_file", key)?;
        settings = settings.identity(&chain, &key).map_err(failed)?;
    }
    Ok(settings)
}

fn read(key: &str, file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::Other(format!("{key} {}: {error}", file.display()));
    fs::read(file).map_err(unreadable)
}

fn failed(error: impl std::error::Error) -> Failure {
    Failure::Other(error.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let pem = dir.path().join("ca.pem");
        fs::write(&pem, "no certificate").unwrap();
        let with = |file: &Path| {
            let config = Redis {
                url: None,
                ca_file: Some(file.to_owned()),
                cert_file: None,
                key_file: None,
                prefix: String::new(),
                deadline_ms: 0,
                grace_s: 0,
                allow_eviction: false,
            };
            let settings = RedisSettings::new("rediss://redis.internal").unwrap();
            with_certificates(settings, &config)
                .unwrap_err()
                .to_string()
        };
        let absent = with(&dir.path().join("absent.pem"));
        assert!(absent.contains("redis.ca_file"), "{absent}");
        let useless = with(&pem);
        assert!(useless.contains("certificates for Redis"), "{useless}");
    }
}
