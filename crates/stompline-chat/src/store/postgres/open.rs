//! From a URL to connections and tables that are up to date.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool, Row};
use tokio::time::timeout;
use tracing::{info, warn};

use super::PostgresSettings;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long one step of a migration may take. A node that starts waits as long for another one that migrates.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(10);

/// The oldest server that is supported: the oldest that the PostgreSQL project itself still mends.
const VERSION_MIN: i32 = 13;

/// The parameters of a URL that mean something.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Why a database could not be used, and what to do. No text holds the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is none.
    #[error("the URL of the database is not postgres://USER:PASSWORD@HOST:PORT/DATABASE: {reason}")]
    Url {
        /// What is wrong.
        reason: String,
    },
    /// The server does not answer, or does not let us in.
    #[error(
        "cannot connect to PostgreSQL at {place}: {source}; check that it runs there, and user and password"
    )]
    Unreachable {
        /// Where.
        place: Place,
        /// What the system or the server says.
        source: sqlx::Error,
    },
    /// The server does not answer in time.
    #[error("PostgreSQL at {place} did not answer within {} ms; check host and port", .after.as_millis())]
    Silent {
        /// Where.
        place: Place,
        /// How long we waited.
        after: Duration,
    },
    /// The database cannot hold what it must.
    #[error("the database {place} cannot be used: {reason}")]
    Unfit {
        /// Which.
        place: Place,
        /// What is wrong and what to do.
        reason: String,
    },
    /// It was written by a newer version, or its tables were changed by hand.
    #[error(
        "the tables in {place} do not fit this version ({source}); use the version that wrote them, or a backup"
    )]
    Unsuitable {
        /// Which.
        place: Place,
        /// What does not fit.
        source: MigrateError,
    },
    /// The tables could not be made or changed.
    #[error(
        "cannot prepare the tables in {place}: {source}; the user needs the right to create tables in it"
    )]
    Migration {
        /// Which.
        place: Place,
        /// What the server says.
        source: sqlx::Error,
    },
}

/// Where a database is, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    fn of(options: &PgConnectOptions) -> Self {
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        Self(match options.get_socket() {
            Some(socket) => format!("{user}@{}/{database}", socket.display()),
            None => format!(
                "{user}@{}:{}/{database}",
                options.get_host(),
                options.get_port()
            ),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A usable database.
pub(super) struct Opened {
    /// How the writer connects.
    pub(super) options: PgConnectOptions,
    /// The writer's connection.
    pub(super) connection: PgConnection,
    pub(super) readers: PgPool,
}

pub(super) async fn open(url: &str, settings: &PostgresSettings) -> Result<Opened, OpenError> {
    let parsed = parse(url)?;
    let place = Place::of(&parsed);
    let durable = prepare(&parsed, &place, settings.acquire_timeout).await?;
    let options = bounded(parsed, settings.statement_timeout, settings.lock_timeout);
    let options = if durable {
        options
    } else {
        // A receipt promises that the message survives a power cut.
        options.options([("synchronous_commit", "on")])
    };
    let connection = connect(&options, &place, settings.acquire_timeout).await?;
    let readers = PgPoolOptions::new()
        .max_connections(settings.connections_max - 1)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, idle| {
            Box::pin(async move {
                // One that was just used is good; another may have been cut off by a firewall or a restart.
                if idle.idle_for > IDLE_TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.clone());
    info!(%place, connections = settings.connections_max, "the store is PostgreSQL");
    Ok(Opened {
        options,
        connection,
        readers,
    })
}

/// How long a connection that nobody used is taken to be good.
const IDLE_TRUSTED: Duration = Duration::from_secs(1);

/// Reads a URL. Its own words are not repeated in errors: the password is one of them.
pub(super) fn parse(url: &str) -> Result<PgConnectOptions, OpenError> {
    let wrong = |reason: String| OpenError::Url { reason };
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or_else(|| wrong("it must begin with postgres://".to_owned()))?;
    if let Some((_, query)) = rest.split_once('?') {
        check_parameters(query).map_err(wrong)?;
    }
    let options = PgConnectOptions::from_str(url).map_err(|failure| wrong(innermost(&failure)))?;
    match options.get_database() {
        None => Err(wrong("it names no database".to_owned())),
        // The rest of the password would be shown as the name of the database.
        Some(database) if database.contains('@') => Err(wrong(
            "a `/` in the password must be written %2F, and a `@` in the name of a database cannot be".to_owned(),
        )),
        Some(_) => Ok(options
            .application_name_or("stompline")
            .disable_statement_logging()),
    }
}

/// Refuses what sqlx would log with its value, or put into an error: it may be a misspelt password.
fn check_parameters(query: &str) -> Result<(), String> {
    for (index, parameter) in query.split('&').enumerate() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !PARAMETERS.contains(&name) {
            return Err(format!(
                "parameter {} after the `?` is unknown; known are {}",
                index + 1,
                PARAMETERS.join(", ")
            ));
        }
        if name == "sslmode" && PgSslMode::from_str(value).is_err() {
            return Err(
                "`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

/// What was wrong in the first place: words of the parsers, which do not repeat what they read.
fn innermost(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = failure;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Names us to whoever looks at the server, unless the URL does.
trait Named {
    fn application_name_or(self, name: &str) -> Self;
}

impl Named for PgConnectOptions {
    fn application_name_or(self, name: &str) -> Self {
        if self.get_application_name().is_some() {
            self
        } else {
            self.application_name(name)
        }
    }
}

/// Connections whose every statement ends, and is planned for the tables as they are. A node that stops in the middle of a transaction holds up all others, so
/// the server ends that too.
fn bounded(options: PgConnectOptions, statement: Duration, lock: Duration) -> PgConnectOptions {
    options.options([
        ("statement_timeout", statement.as_millis().to_string()),
        ("lock_timeout", lock.as_millis().to_string()),
        (
            "idle_in_transaction_session_timeout",
            lock.as_millis().to_string(),
        ),
        // A plan that is kept was made when the tables were small, as they are at first, and reads all of them later.
        ("plan_cache_mode", "force_custom_plan".to_owned()),
    ])
}

async fn connect(
    options: &PgConnectOptions,
    place: &Place,
    after: Duration,
) -> Result<PgConnection, OpenError> {
    let place = place.clone();
    match timeout(after, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(source)) => Err(OpenError::Unreachable { place, source }),
        Err(_) => Err(OpenError::Silent { place, after }),
    }
}

/// Checks the server and brings the tables up to date. True when a commit is on disk by itself.
async fn prepare(
    options: &PgConnectOptions,
    place: &Place,
    acquire_timeout: Duration,
) -> Result<bool, OpenError> {
    let options = bounded(options.clone(), MIGRATION_TIMEOUT, MIGRATION_TIMEOUT);
    let mut connection = connect(&options, place, acquire_timeout).await?;
    let durable = check(&mut connection, place).await?;
    // Nodes that start at the same time migrate one after the other: sqlx holds a lock in the database meanwhile.
    let migrated = MIGRATIONS.run(&mut connection).await;
    migrated.map_err(|source| match source {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            OpenError::Migration {
                place: place.clone(),
                source,
            }
        }
        source => OpenError::Unsuitable {
            place: place.clone(),
            source,
        },
    })?;
    // It ends with the process at the latest.
    let _ = connection.close().await;
    Ok(durable)
}

/// What would go wrong later is found out now. True unless commits are confirmed before they are on disk.
async fn check(connection: &mut PgConnection, place: &Place) -> Result<bool, OpenError> {
    let unreachable = |source| OpenError::Unreachable {
        place: place.clone(),
        source,
    };
    let row = connection
        .fetch_one(
            "SELECT current_setting('server_version_num')::int / 10000 AS version, \
             current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby, \
             current_setting('fsync') = 'on' AS synced, current_setting('synchronous_commit') <> 'off' AS durable",
        )
        .await
        .map_err(unreachable)?;
    let version: i32 = row.try_get("version").map_err(unreachable)?;
    let encoding: String = row.try_get("encoding").map_err(unreachable)?;
    let standby: bool = row.try_get("standby").map_err(unreachable)?;
    let synced: bool = row.try_get("synced").map_err(unreachable)?;
    let durable: bool = row.try_get("durable").map_err(unreachable)?;
    let reason = if version < VERSION_MIN {
        format!("the server is of version {version}; {VERSION_MIN} is the oldest supported")
    } else if encoding != "UTF8" {
        format!("its encoding is {encoding}; create it with ENCODING 'UTF8'")
    } else if standby {
        "the server is a standby, which cannot write; name the primary".to_owned()
    } else {
        if !synced {
            warn!(%place, "the server runs with fsync off: a power cut loses messages that were confirmed");
        }
        return Ok(durable);
    };
    Err(OpenError::Unfit {
        place: place.clone(),
        reason,
    })
}
