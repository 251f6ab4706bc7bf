//! Runs the executable in an environment of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// What a finished run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, told: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        for part in told {
            assert!(
                self.stderr.contains(part),
                "{part:?} is not in {}",
                self.stderr
            );
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }
}

/// The executable, in `dir`, with none of the caller's variables that concern it.
pub(crate) fn stompline(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stompline"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STOMPLINE_") {
            command.env_remove(name);
        }
    }
    command.current_dir(dir).args(args);
    command
}

pub(crate) fn run(dir: &Path, args: &[&str]) -> Outcome {
    finish(&mut stompline(dir, args))
}

pub(crate) fn finish(command: &mut Command) -> Outcome {
    let output = command
        .output()
        .expect("the executable was built with the tests");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is text"),
        stderr: String::from_utf8(output.stderr).expect("stderr is text"),
    }
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    pub(crate) address: String,
}

impl Server {
    /// Starts it on a free port and waits for the line that names its address.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(args);
        Self::spawn(&mut stompline(dir, &all))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the executable was built with the tests");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout is text");
        let Some(address) = line.strip_prefix("listening on http://") else {
            let told = rest(&mut stderr);
            panic!("{line:?} instead of the address; {told}");
        };
        let address = address.trim().to_owned();
        Self {
            child,
            stdout,
            stderr,
            address,
        }
    }

    /// Reads the log up to the line that holds `part`.
    pub(crate) fn logged(&mut self, part: &str) -> String {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            let bytes = self.stderr.read_line(&mut line).expect("stderr is text");
            assert!(bytes > 0, "the log ends without {part:?}");
        }
        line
    }

    /// Sends a request head and returns the whole answer.
    pub(crate) fn request(&self, path: &str, headers: &str) -> String {
        get(&self.address, path, headers)
    }

    /// Tells it to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill is there");
        assert!(sent.success());
    }

    /// Stops it as a service manager does, and returns what it left.
    pub(crate) fn stop(self) -> Outcome {
        self.terminate();
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Outcome {
        let (stdout, stderr) = (rest(&mut self.stdout), rest(&mut self.stderr));
        let code = self.child.wait().expect("it was started").code();
        Outcome {
            code,
            stdout,
            stderr,
        }
    }
}

fn rest(output: &mut impl Read) -> String {
    let mut text = String::new();
    output
        .read_to_string(&mut text)
        .expect("the output is text");
    text
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped and waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn get(address: &str, path: &str, headers: &str) -> String {
    exchange(address, &format!("GET {path}"), headers, "")
}

/// Sends a request on a connection of its own and returns head and body of the answer as they come.
pub(crate) fn exchange(address: &str, method_and_path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .expect("it is not zero");
    let bytes = body.len();
    let request = format!(
        "{method_and_path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {bytes}\r\n{headers}\r\n{body}"
    );
    stream
        .write_all(request.as_bytes())
        .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    answer
}

/// Waits until `holds`; beyond `within` the test fails. Others have the processor between two looks.
pub(crate) fn until(what: &str, within: Duration, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < within, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}
