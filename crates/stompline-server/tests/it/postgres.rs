//! The server on PostgreSQL.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::binary::{Server, finish, stompline, until};

/// A PostgreSQL server of this test alone. It stops when its standard input ends: when this is dropped, or when the
/// process of the test ends, whichever way.
pub(crate) struct Postgres {
    script: Child,
    folder: String,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/test-postgres");
        let mut script = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script is part of the tree");
        let mut folder = String::new();
        BufReader::new(script.stdout.as_mut().expect("it is piped"))
            .read_line(&mut folder)
            .expect("the path is text");
        assert!(
            !folder.is_empty(),
            "PostgreSQL does not start; what is wrong stands above"
        );
        let folder = folder.trim().to_owned();
        Self { script, folder }
    }

    /// With a password that the server does not ask for, and that must not be seen anywhere.
    pub(crate) fn url(&self) -> String {
        let folder = &self.folder;
        format!("postgres:///postgres?host={folder}&user=stompline&password=hunter2")
    }
}

/// What is done to all processes of a server.
#[derive(Clone, Copy)]
pub(crate) enum Signal {
    Freeze,
    Thaw,
    Kill,
}

impl Postgres {
    /// Sends the first process a signal, and those that it started.
    pub(crate) fn signal(&self, signal: Signal) {
        self.send(signal);
        if matches!(signal, Signal::Freeze) {
            // One may have been started between the list and the signal; a frozen first process starts no more.
            self.send(signal);
        }
    }

    fn send(&self, signal: Signal) {
        let file = format!("{}/data/postmaster.pid", self.folder);
        let file = std::fs::read_to_string(file).expect("the server runs");
        let first = file.lines().next().expect("its first line is the process");
        let children = Command::new("ps")
            .args(["-o", "pid=", "--ppid", first])
            .output()
            .unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let name = match signal {
            Signal::Freeze => "-STOP",
            Signal::Thaw => "-CONT",
            Signal::Kill => "-KILL",
        };
        // Some may have ended meanwhile.
        let _ = Command::new("kill")
            .arg(name)
            .arg(first)
            .args(children.split_whitespace())
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

#[test]
fn server_on_postgresql_is_ready_and_quiet_about_the_password() {
    let (dir, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    let mut first = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    first
        .env("STOMPLINE_STORE__URL", postgres.url())
        .env("STOMPLINE_LOG__LEVEL", "trace");
    let mut first = Server::spawn(&mut first);
    let line = first.logged("the store is PostgreSQL");
    assert!(
        line.contains(&format!("stompline@{}/postgres", postgres.folder)),
        "{line}"
    );
    // Several nodes share the database, each with a directory of its own for the rest.
    let other = tempfile::tempdir().unwrap();
    let mut second = stompline(
        other.path(),
        &["serve", "--demo", "--listen", "127.0.0.1:0"],
    );
    let second = Server::spawn(second.env("STOMPLINE_STORE__URL", postgres.url()));
    for server in [&first, &second] {
        let answer = server.request("/readyz", "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    for server in [first, second] {
        let outcome = server.stop();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
    }
    assert!(!dir.path().join("stompline-data/chat.sqlite").exists());
}

#[test]
fn database_that_goes_away_is_named_by_readyz() {
    let (dir, postgres) = (tempfile::tempdir().unwrap(), Postgres::start());
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command.env("STOMPLINE_STORE__URL", postgres.url()));
    let until = |what: &str, holds: &dyn Fn() -> bool| until(what, Duration::from_mins(1), holds);
    let is_named = || {
        let (plain, strict) = (
            server.request("/readyz", ""),
            server.request("/readyz?strict", ""),
        );
        plain.starts_with("HTTP/1.1 200 ")
            && plain.contains("dark: store: ")
            && strict.starts_with("HTTP/1.1 503 ")
            && server
                .request("/metrics", "")
                .contains("stompline_store_dark 1")
    };
    let is_well = || {
        server
            .request("/readyz?strict", "")
            .starts_with("HTTP/1.1 200 ")
            && server
                .request("/metrics", "")
                .contains("stompline_store_dark 0")
    };
    until("it is well at first", &is_well);
    postgres.signal(Signal::Freeze);
    until("a frozen database is named", &is_named);
    postgres.signal(Signal::Thaw);
    until("it is well again", &is_well);
    postgres.signal(Signal::Kill);
    until("a dead database is named", &is_named);
    let answer = server.request("/readyz", "");
    assert!(!answer.contains("hunter2"), "{answer}");
}

#[test]
fn database_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--demo"]);
    let url = "postgres:///chat?host=/nowhere&user=anna&password=hunter2";
    let outcome = finish(command.env("STOMPLINE_STORE__URL", url));
    outcome.refused(
        1,
        &[
            "cannot connect to PostgreSQL at anna@/nowhere/chat",
            "store.url",
        ],
    );
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
}

#[test]
fn bad_url_is_refused_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["config", "check"]);
    let url = "postgres://anna:hunter2@db.internal";
    let outcome = finish(command.env("STOMPLINE_STORE__URL", url));
    outcome.refused(2, &["STOMPLINE_STORE__URL", "it names no database"]);
    assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
}
