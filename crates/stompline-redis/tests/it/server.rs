//! A Redis of the test's own.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use stompline_redis::{RedisBackplane, RedisSettings};

/// Settings for an answer that may take so long.
pub(crate) fn settings(url: &str, deadline: Duration) -> RedisSettings {
    RedisSettings::new(url).unwrap().deadline(deadline)
}

/// A link to a Redis that is there.
pub(crate) async fn connect(url: &str, deadline: Duration) -> RedisBackplane {
    let settings = settings(url, deadline);
    RedisBackplane::connect(settings).await.unwrap()
}

/// A running redis-server without persistence.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    more: Vec<String>,
    directory: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(|one| (*one).to_owned()).collect();
        Self::start_by(|_, _| more.clone())
    }

    /// With arguments that know the port and the directory.
    pub(crate) fn start_by(more: impl Fn(u16, &Path) -> Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The system gives out free ports; should somebody else be faster, another is tried.
        for _ in 0..10 {
            let port = free_port();
            let more = more(port, directory.path());
            let mut child = spawn(port, directory.path(), &more);
            if answers(&mut child, port) {
                return Self {
                    child,
                    port,
                    more,
                    directory,
                };
            }
        }
        panic!("redis-server does not start");
    }

    /// A sentinel, configured by a text that knows the port and the directory.
    pub(crate) fn start_sentinel(configuration: impl Fn(u16, &Path) -> String) -> Self {
        Self::start_by(|port, directory| {
            // It is rewritten all the time, and must come first.
            let file = directory.join("sentinel.conf");
            fs::write(&file, configuration(port, directory)).unwrap();
            vec![file.display().to_string(), "--sentinel".to_owned()]
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What follows an option that the test has given it.
    pub(crate) fn argument(&self, option: &str) -> String {
        self.find(option).unwrap()
    }

    pub(crate) fn find(&self, option: &str) -> Option<String> {
        let mut more = self.more.iter();
        more.find(|one| *one == option)?;
        more.next().cloned()
    }

    /// A file of its own.
    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn link(&self) -> RedisBackplane {
        connect(&self.url(), Duration::from_secs(10)).await
    }

    /// Kills it, and starts it again at the same place, empty.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(self.port, self.directory.path(), &self.more);
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

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(port: u16, directory: &Path, more: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    if more.iter().any(|one| one == "--sentinel") {
        return started(command.args(more));
    }
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(directory)
        .args(more);
    started(&mut command)
}

fn started(command: &mut Command) -> Child {
    command
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
        if replies(port).is_ok_and(|count| count > 0) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// A server takes connections before it has found that it cannot run.
fn replies(port: u16) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"PING\r\n")?;
    stream.read(&mut [0])
}
