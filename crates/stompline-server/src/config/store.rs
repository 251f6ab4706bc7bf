//! Where the chat is kept.

use serde::Deserialize;
use stompline_chat::store::postgres::PostgresStore;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;
use crate::secret::Secret;

/// Table `store`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// It may hold a password.
    pub url: Option<Secret>,
    pub connections: u32,
    pub acquire_timeout_ms: u32,
    pub statement_timeout_ms: u32,
    pub lock_timeout_ms: u32,
}

impl Store {
    /// Which database the URL names; `None` for the file in the data directory.
    pub(crate) fn database(&self) -> Option<Database<'_>> {
        self.url.as_ref().map(|url| Database::of(url.expose()))
    }

    /// What is wrong with the table as a whole: the path of the key, and the fault.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if let Some(Database::Postgres(url)) = self.database()
            && let Err(error) = PostgresStore::check_url(url)
        {
            faults.push(("store.url", format!("`store.url`: {error}")));
        }
        if self.lock_timeout_ms > self.statement_timeout_ms {
            faults.push((
                "store.lock_timeout_ms",
                format!(
                    "`store.lock_timeout_ms` ({}) is above `store.statement_timeout_ms` ({}), which would \
                     always end first; lower the one or raise the other",
                    self.lock_timeout_ms, self.statement_timeout_ms
                ),
            ));
        }
        faults
    }
}

/// A kind of database and where it is.
pub(crate) enum Database<'a> {
    /// The path of a file.
    Sqlite(&'a str),
    /// A whole URL.
    Postgres(&'a str),
}

impl<'a> Database<'a> {
    fn of(url: &'a str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(path.trim_start_matches("//")),
            None => Self::Postgres(url),
        }
    }
}

/// Whether a text looks like the URL of a database that we know; its details are checked with the whole.
pub(super) fn is_url(text: &str) -> bool {
    text.strip_prefix("sqlite:")
        .or_else(|| text.strip_prefix("postgres://"))
        .or_else(|| text.strip_prefix("postgresql://"))
        .is_some_and(|rest| !rest.is_empty())
}

/// A URL with `***` in the place of every password, wherever it stands.
pub(super) fn without_password(url: &str) -> String {
    let (start, query) = url.split_once('?').unwrap_or((url, ""));
    let mut shown = match start.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((who, place)) if who.contains(':') => {
                let user = who.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}:***@{place}")
            }
            _ => start.to_owned(),
        },
        None => start.to_owned(),
    };
    for (index, parameter) in query.split('&').filter(|it| !it.is_empty()).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        shown.push_str(match parameter.split_once('=') {
            Some(("password", _)) => "password=***",
            _ => parameter,
        });
    }
    shown
}

const fn milliseconds() -> Kind {
    // A command has ten seconds in all, and its caller shall hear which of these times was over.
    Kind::Number {
        unit: Unit::Milliseconds,
        min: 100,
        max: 8_000,
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "store.url",
        kind: Kind::StoreUrl,
        preset: Preset::Unset(r#""postgres://stompline:PASSWORD@db.internal/stompline""#),
        meaning: "The database: sqlite:FILE, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, which \
                  several nodes can share. Unset, it is the SQLite file `chat.sqlite` in the data \
                  directory, which needs no other service. After `?` may stand sslmode, sslrootcert \
                  and more, as docs/postgresql.md says. The password is never shown.",
    },
    Key {
        path: "store.connections",
        kind: Kind::Number {
            unit: Unit::Count,
            min: 2,
            max: 100,
        },
        preset: Preset::Number(5),
        meaning: "PostgreSQL only: how many connections this node has at most. One writes, which is \
                  enough because commits are shared; the others answer questions. The sum over all \
                  nodes must stay below `max_connections` of the server.",
    },
    Key {
        path: "store.acquire_timeout_ms",
        kind: milliseconds(),
        preset: Preset::Number(3_000),
        meaning: "PostgreSQL only: how long to wait for a connection, new or free. A server on the \
                  same network answers in milliseconds.",
    },
    Key {
        path: "store.statement_timeout_ms",
        kind: milliseconds(),
        preset: Preset::Number(4_000),
        meaning: "PostgreSQL only: how long the server may work on one statement. They take \
                  milliseconds, so longer means that it is stuck.",
    },
    Key {
        path: "store.lock_timeout_ms",
        kind: milliseconds(),
        preset: Preset::Number(3_000),
        meaning: "PostgreSQL only: how long to wait while another node commits, and how long the \
                  server lets a node that froze in the middle of that hold up the others. Not above \
                  `store.statement_timeout_ms`.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_they_stand() {
        for (url, shown) in [
            ("sqlite:/a/b@c.sqlite", "sqlite:/a/b@c.sqlite"),
            ("postgres://u:p@h:1/d", "postgres://u:***@h:1/d"),
            ("postgres://u:p@q:r@h/d", "postgres://u:***@h/d"),
            ("postgresql://u@h/d", "postgresql://u@h/d"),
            (
                "postgres://h/d?sslmode=require",
                "postgres://h/d?sslmode=require",
            ),
            (
                "postgres:///d?host=/run&password=p&user=u",
                "postgres:///d?host=/run&password=***&user=u",
            ),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
