//! Why a command or a question failed, before it is put into words.

use tracing::error;

use crate::error::Error;

/// A failure on the way to an answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The rules refuse it.
    Refused(Error),
    /// The database failed.
    Broken(sqlx::Error),
    /// The database failed, and gave up the transaction with all that was in it.
    Lost(sqlx::Error),
}

impl Fault {
    /// What the caller hears; the log gets the rest.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Broken(failure) | Self::Lost(failure) => {
                error!(%failure, "the database failed");
                match failure {
                    sqlx::Error::Database(failure) if failure.is_unique_violation() => {
                        Error::Internal
                    }
                    sqlx::Error::Decode(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::ColumnNotFound(_) => Error::Internal,
                    sqlx::Error::PoolClosed => Error::unavailable("the store is closed"),
                    _ => Error::unavailable("the store failed"),
                }
            }
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(failure: sqlx::Error) -> Self {
        Self::Broken(failure)
    }
}
