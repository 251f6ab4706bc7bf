//! One PostgreSQL server for all tests of this process, and a database for each.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Executor};
use uuid::Uuid;

/// Starts a server; it stops when its standard input ends, which it does with this process at the latest.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/test-postgres");

/// A running server.
pub(crate) struct Server {
    /// Where its socket is.
    pub(crate) folder: String,
    /// Holds the pipe that keeps the server alive.
    script: Child,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut script = Command::new(SCRIPT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script is part of the tree");
        let mut folder = String::new();
        let stdout = script.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut folder).unwrap();
        assert!(
            !folder.is_empty(),
            "PostgreSQL does not start; what is wrong stands above, or install it: \
             sudo apt-get install -y --no-install-recommends postgresql"
        );
        Self {
            folder: folder.trim().to_owned(),
            script,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

/// How to reach a database of that name.
pub(crate) fn options(database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(&server().folder)
        .username("stompline")
        .database(database)
}

pub(crate) fn url(database: &str) -> String {
    let folder = &server().folder;
    format!("postgres:///{database}?host={folder}&user=stompline")
}

/// An empty database that nobody else uses.
pub(crate) async fn fresh_database() -> String {
    let name = format!("t{}", Uuid::new_v4().simple());
    let mut connection = options("postgres").connect().await.unwrap();
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
    connection.execute(&*sql).await.unwrap();
    name
}

pub(crate) async fn connect(database: &str) -> PgConnection {
    options(database).connect().await.unwrap()
}
