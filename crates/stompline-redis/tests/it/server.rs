//! A Redis of the test's own.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use stompline_redis::{RedisBackplane, RedisSettings};

/// A running redis-server without persistence.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The system gives out free ports; should somebody else be faster, another is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut child = spawn(port, directory.path(), more);
            if answers(&mut child, port) {
                return Self {
                    child,
                    port,
                    directory,
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn link(&self) -> RedisBackplane {
        let settings = RedisSettings::new(&self.url()).unwrap();
        RedisBackplane::connect(settings).await.unwrap()
    }

    /// Kills it, and starts it again at the same place, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, self.directory.path(), &[]);
        assert!(answers(&mut self.child, self.port), "it comes back");
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, signal: &str) {
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

fn spawn(port: u16, directory: &Path, more: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(directory)
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
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
