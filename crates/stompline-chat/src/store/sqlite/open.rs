//! From a path to an open, locked, up-to-date database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::SqliteSettings;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long to wait for a lock that another program holds, such as a backup. Half of what a command may take.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this after it was copied into the database, so that one busy hour does not hold
/// its disk space for ever.
const WAL_BYTES_KEPT: &str = "67108864";

/// Why a database could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its directory does not admit it.
    #[error(
        "cannot write {}: {source}; give this user write access to the directory, or choose another one",
        .path.display()
    )]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "{} is in use by another process; stop that one, or choose another data directory",
        .path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It was written by a newer version, or its tables were changed by hand.
    #[error(
        "the tables in {} do not fit this version ({source}); use the version that wrote them, or a backup",
        .path.display()
    )]
    Unsuitable {
        /// The database.
        path: PathBuf,
        /// What does not fit.
        source: MigrateError,
    },
    /// SQLite cannot read it.
    #[error(
        "cannot open the database {}: {source}; if it is no database, move it away; if it is damaged, restore a backup",
        .path.display()
    )]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
}

/// An open database, and the lock that keeps other processes from it for as long as it lives.
pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) lock: File,
}

pub(super) async fn open(path: &Path, settings: &SqliteSettings) -> Result<Opened, OpenError> {
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        std::fs::create_dir_all(directory).map_err(|source| OpenError::NotWritable {
            path: directory.to_owned(),
            source,
        })?;
    }
    let lock = lock(path)?;
    let mut writer =
        writer_options(path)
            .connect()
            .await
            .map_err(|source| OpenError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
    MIGRATIONS
        .run(&mut writer)
        .await
        .map_err(|source| migration_failed(path, source))?;
    // A database left read-only by its permissions opens and migrates well when there is nothing to migrate; the
    // first message must not be what finds out.
    writable(&mut writer)
        .await
        .map_err(|failure| OpenError::NotWritable {
            path: path.to_owned(),
            source: io::Error::other(failure),
        })?;
    let readers = SqlitePoolOptions::new()
        .max_connections(settings.readers_max)
        .connect_with(reader_options(path))
        .await
        .map_err(|source| OpenError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    Ok(Opened {
        writer,
        readers,
        lock,
    })
}

/// Two writers of one file would each publish only their own events, so a second process is kept out. The system
/// lets go of the lock when a process ends, however it ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|source| OpenError::NotWritable {
            path: lock_path.clone(),
            source,
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(OpenError::NotWritable {
            path: lock_path,
            source,
        }),
    }
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    common_options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A receipt promises that the message survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
}

fn reader_options(path: &Path) -> SqliteConnectOptions {
    common_options(path).read_only(true)
}

fn common_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

async fn writable(writer: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut probe = writer.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("UPDATE tenant SET rev = rev")
        .execute(&mut *probe)
        .await?;
    probe.rollback().await
}

fn migration_failed(path: &Path, source: MigrateError) -> OpenError {
    match source {
        MigrateError::Execute(source) => OpenError::Unreadable {
            path: path.to_owned(),
            source,
        },
        source => OpenError::Unsuitable {
            path: path.to_owned(),
            source,
        },
    }
}
