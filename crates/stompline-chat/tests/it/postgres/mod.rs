//! What only the PostgreSQL store does.

mod server;

use std::sync::Arc;

use sqlx::{Executor, PgConnection};
use stompline_chat::store::postgres::{PostgresSettings, PostgresStore};
use tokio::sync::OnceCell;

use crate::desk::{Desk, TestClock};
use crate::store_suite::Backend;

/// A database of its own on the tests' server.
pub(crate) struct PostgresBackend {
    database: OnceCell<String>,
    clock: TestClock,
}

impl PostgresBackend {
    async fn database(&self) -> &str {
        self.database.get_or_init(server::fresh_database).await
    }

    /// Opens the database as one more node.
    async fn open_with(&self, settings: PostgresSettings) -> Desk {
        let settings = settings.clock(self.clock.clock());
        let url = server::url(self.database().await);
        let (store, batches) = PostgresStore::open(&url, settings).await.unwrap();
        Desk {
            store: Arc::new(store),
            batches,
        }
    }

    /// A connection that no store knows of.
    async fn connect(&self) -> PgConnection {
        server::connect(self.database().await).await
    }
}

impl Backend for PostgresBackend {
    /// Another connection that holds the tenant's row, as another node would; closing it lets go.
    type Stall = PgConnection;

    fn create() -> Self {
        Self {
            database: OnceCell::new(),
            clock: TestClock::new(),
        }
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }

    async fn open(&self) -> Desk {
        self.open_with(PostgresSettings::default().batches_max(10_000))
            .await
    }

    async fn stall(&self) -> PgConnection {
        let mut rival = self.connect().await;
        rival
            .execute("BEGIN; SELECT rev FROM tenant FOR UPDATE")
            .await
            .unwrap();
        rival
    }
}
