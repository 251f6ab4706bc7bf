//! How many messages a store takes a second when many wait at the same time.
//!
//! ```text
//! cargo run --release -p stompline-chat --features postgres --example store-sends -- \
//!     /tmp/chat.sqlite postgres://stompline:PASSWORD@localhost/stompline
//! ```
//!
//! Each argument is a database: a SQLite file, or the URL of a PostgreSQL database. They are measured in turns, so
//! that both sides see the same machine. The conversations stay in them.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use stompline_chat::body::SendBody;
use stompline_chat::event::Batch;
use stompline_chat::person::{Person, UserRef};
use stompline_chat::store::Store;
use stompline_chat::store::postgres::{PostgresSettings, PostgresStore};
use stompline_chat::store::sqlite::{SqliteSettings, SqliteStore};
use tokio::sync::mpsc;
use uuid::Uuid;

/// How many messages wait for their commit at the same time.
const OUTSTANDING: [usize; 3] = [1, 16, 64];
const CUSTOMERS: usize = 64;
const ROUNDS: usize = 3;
const ROUND_TIME: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut stores = Vec::new();
    for argument in std::env::args().skip(1) {
        let (kind, store, committed) = open(&argument).await?;
        tokio::spawn(discard(committed));
        stores.push((kind, store));
    }
    for outstanding in OUTSTANDING {
        for _ in 0..ROUNDS {
            for (kind, store) in &stores {
                let sends_per_s = measure(&**store, outstanding).await?;
                println!("{kind:10} {outstanding:3} outstanding: {sends_per_s:7.0} sends/s");
            }
        }
    }
    for (_, store) in stores {
        store.close().await;
    }
    Ok(())
}

type Opened = (&'static str, Arc<dyn Store>, mpsc::Receiver<Batch>);

async fn open(argument: &str) -> Result<Opened, Box<dyn Error>> {
    if argument.starts_with("postgres") {
        let (store, batches) = PostgresStore::open(argument, PostgresSettings::default()).await?;
        Ok(("PostgreSQL", Arc::new(store), batches))
    } else {
        let path = Path::new(argument);
        let (store, batches) = SqliteStore::open(path, SqliteSettings::default()).await?;
        Ok(("SQLite", Arc::new(store), batches))
    }
}

async fn discard(mut committed: mpsc::Receiver<Batch>) {
    while committed.recv().await.is_some() {}
}

/// Sends for a while, from many customers in turn; messages a second.
async fn measure(
    store: &dyn Store,
    outstanding: usize,
) -> Result<f64, stompline_chat::error::Error> {
    let run = Uuid::new_v4();
    let customers: Vec<Person> = (0..CUSTOMERS)
        .map(|n| Person::new(UserRef::customer(format!("{run}-{n}")), None))
        .collect();
    let begun = Instant::now();
    let sent = stream::iter(0..)
        .take_while(|_| std::future::ready(begun.elapsed() < ROUND_TIME))
        .map(|n: usize| {
            let body = SendBody {
                text: Some("Where is my parcel? It should have been here on Monday.".to_owned()),
                ..SendBody::default()
            };
            let command = body.command(customers[n % CUSTOMERS].clone());
            async move { store.submit(command?).await }
        })
        .buffer_unordered(outstanding)
        .try_fold(0_u32, |sent, _| std::future::ready(Ok(sent + 1)))
        .await?;
    Ok(f64::from(sent) / begun.elapsed().as_secs_f64())
}
