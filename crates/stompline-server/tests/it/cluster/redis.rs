//! A Redis of the test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary::until;

pub(super) struct Redis {
    child: Child,
    port: u16,
    more: Vec<String>,
    dir: tempfile::TempDir,
}

impl Redis {
    pub(super) fn start() -> Self {
        Self::start_by(Vec::new)
    }

    /// A Redis Cluster of one master, which has all slots.
    pub(super) fn start_cluster() -> Self {
        let redis = Self::start_by(|| {
            let port = free_port().to_string();
            ["--cluster-enabled", "yes", "--cluster-port", &port]
                .map(ToOwned::to_owned)
                .into()
        });
        let answer = exchange(redis.port, "CLUSTER ADDSLOTSRANGE 0 16383\r\n").unwrap();
        assert!(answer.starts_with("+OK"), "{answer}");
        until("the cluster is up", Duration::from_secs(30), || {
            exchange(redis.port, "CLUSTER INFO\r\n").is_ok_and(|info| info.contains("state:ok"))
        });
        redis
    }

    fn start_by(more: impl Fn() -> Vec<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The system gives out free ports; should somebody else be faster, another is tried.
        for _ in 0..10 {
            let port = free_port();
            let more = more();
            let mut child = spawn(port, &dir, &more);
            if answers(&mut child, port) {
                return Self {
                    child,
                    port,
                    more,
                    dir,
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// At the same address, with what was saved.
    pub(super) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.dir, &self.more);
        assert!(answers(&mut self.child, self.port), "Redis comes back");
    }

    /// Writes what it holds to the disk.
    pub(super) fn save(&self) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(b"SAVE\r\n").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// Removes what was saved.
    pub(super) fn forget(&self) {
        std::fs::remove_file(self.dir.path().join("dump.rdb")).unwrap();
    }

    pub(super) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(port: u16, dir: &tempfile::TempDir, more: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(dir.path())
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: apt-get install redis-server")
}

fn answers(child: &mut Child, port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        // A server takes connections before it has found that it cannot run.
        if exchange(port, "PING\r\n").is_ok_and(|answer| !answer.is_empty()) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// What comes first of the answer.
fn exchange(port: u16, command: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(command.as_bytes())?;
    let mut answer = [0; 1024];
    let len = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..len]).into_owned())
}
