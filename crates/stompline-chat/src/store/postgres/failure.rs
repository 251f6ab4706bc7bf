//! What a failure of the database means for the commands that met it.

use sqlx::Error as Failure;

use crate::error::Error;
use crate::store::fault::Fault;

/// What to do about a failed transaction. In all cases but `Connection` nothing of it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The connection is gone or useless; whether a commit took effect is unknown.
    Connection,
    /// Another transaction was in the way; the same thing again may well succeed.
    Conflict,
    /// The server is busy or full; later it may work.
    Busy,
    /// One statement is at fault, and with it perhaps one command.
    Statement,
}

/// Conditions by SQLSTATE, appendix A of the PostgreSQL manual.
pub(super) fn kind(failure: &Failure) -> Kind {
    match failure {
        Failure::Database(told) => match told.code().as_deref() {
            // serialization_failure, deadlock_detected
            Some("40001" | "40P01") => Kind::Conflict,
            // lock_not_available, query_canceled
            Some("55P03" | "57014") => Kind::Busy,
            // read_only_sql_transaction: after a fail-over this is no longer the server that writes.
            Some("25006" | "25P03") => Kind::Connection,
            Some(code) => match code.get(..2) {
                // connection exceptions, operator intervention
                Some("08" | "57") => Kind::Connection,
                // insufficient resources
                Some("53") => Kind::Busy,
                _ => Kind::Statement,
            },
            None => Kind::Statement,
        },
        Failure::Decode(_)
        | Failure::Encode(_)
        | Failure::ColumnDecode { .. }
        | Failure::ColumnNotFound(_)
        | Failure::ColumnIndexOutOfBounds { .. }
        | Failure::TypeNotFound { .. }
        | Failure::RowNotFound => Kind::Statement,
        _ => Kind::Connection,
    }
}

/// What the callers of a failed transaction hear.
pub(super) fn refusal(failure: &Failure) -> Error {
    match kind(failure) {
        Kind::Connection => Error::unavailable("the connection to the database was lost"),
        Kind::Conflict | Kind::Busy => Error::unavailable("the database is busy"),
        Kind::Statement => Error::unavailable("the store could not write"),
    }
}

/// What the caller of a failed question hears.
pub(super) fn read_refusal(fault: Fault) -> Error {
    let Fault::Broken(failure) = fault else {
        return fault.into_error();
    };
    match failure {
        Failure::PoolTimedOut => Error::unavailable("the database cannot be reached"),
        Failure::PoolClosed => Error::unavailable("the store is closed"),
        failure if kind(&failure) == Kind::Statement => Fault::Broken(failure).into_error(),
        failure => {
            tracing::error!(%failure, "a question to the database failed");
            refusal(&failure)
        }
    }
}
