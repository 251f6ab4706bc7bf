//! Connecting to a server, again and again, and what its errors say.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use stompline::backplane::BackplaneError;

use crate::{RedisSettings, address::Server};

/// Pauses between attempts to connect; each is drawn between half of it and the whole.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(250);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A connection that receives nothing of itself.
pub(crate) async fn dial(
    settings: &RedisSettings,
    server: &Server,
) -> Result<MultiplexedConnection, BackplaneError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.deadline))
        .set_response_timeout(Some(settings.deadline));
    connect(settings, server, &config).await
}

pub(crate) async fn connect(
    settings: &RedisSettings,
    server: &Server,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, BackplaneError> {
    let client = server.client();
    let connected = client.get_multiplexed_async_connection_with_config(config);
    // Twice the deadline: for the connection, and for the greeting on it.
    match tokio::time::timeout(settings.deadline * 2, connected).await {
        Ok(connected) => connected.map_err(|error| unreachable(&error)),
        Err(_) => Err(BackplaneError::Timeout(settings.deadline * 2)),
    }
}

pub(crate) fn unreachable(error: &redis::RedisError) -> BackplaneError {
    BackplaneError::Unreachable(error.to_string().into())
}

/// What an error says besides that the cluster cannot be reached, which whoever repeats it says again.
pub(crate) fn reason(error: &BackplaneError) -> Arc<str> {
    match error {
        BackplaneError::Unreachable(why) => Arc::clone(why),
        other => other.to_string().into(),
    }
}

/// Between half of `pause` and the whole, so that nodes do not all come at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let span = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_micros(getrandom::u64().unwrap_or_default() % span)
}
