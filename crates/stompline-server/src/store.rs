//! The chat's store, as the configuration wants it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stompline_chat::event::Batch;
use stompline_chat::store::Store;
use stompline_chat::store::postgres::{PostgresSettings, PostgresStore};
use stompline_chat::store::sqlite::{SqliteSettings, SqliteStore};
use tokio::sync::mpsc;

use crate::config::{Config, Database};
use crate::failure::Failure;

/// A store, and what it commits.
pub(crate) type Opened = (Arc<dyn Store>, mpsc::Receiver<Batch>);

/// Opens the database of `store.url`, or else the file in the data directory.
pub(crate) async fn open(config: &Config, data: &Path) -> Result<Opened, Failure> {
    match config.store.database() {
        None => sqlite(config, &data.join("chat.sqlite")).await,
        Some(Database::Sqlite(path)) => sqlite(config, Path::new(path)).await,
        Some(Database::Postgres(url)) => postgres(config, url).await,
    }
}

async fn sqlite(config: &Config, path: &Path) -> Result<Opened, Failure> {
    let settings = SqliteSettings::default().reopen_window(reopen_window(config));
    match SqliteStore::open(path, settings).await {
        Ok((store, committed)) => Ok((Arc::new(store), committed)),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

async fn postgres(config: &Config, url: &str) -> Result<Opened, Failure> {
    let from = &config.store;
    let settings = PostgresSettings::default()
        .reopen_window(reopen_window(config))
        .connections_max(from.connections)
        .acquire_timeout(milliseconds(from.acquire_timeout_ms))
        .statement_timeout(milliseconds(from.statement_timeout_ms))
        .lock_timeout(milliseconds(from.lock_timeout_ms));
    match PostgresStore::open(url, settings).await {
        Ok((store, committed)) => Ok((Arc::new(store), committed)),
        Err(error) => Err(Failure::Other(format!("{error} (`store.url`)"))),
    }
}

fn reopen_window(config: &Config) -> Duration {
    Duration::from_hours(u64::from(config.chat.reopen_h))
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}
