//! An identity provider that publishes keys, changes them and breaks down.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than the slowest machine takes.
const WAIT: Duration = Duration::from_mins(2);

/// A provider on a port of its own, until it is dropped.
pub(super) struct Provider {
    shared: Arc<Shared>,
    pub(super) address: String,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    asked: Condvar,
}

struct State {
    /// Status line and body of the answer.
    answer: (String, String),
    requests: usize,
    is_over: bool,
}

impl Provider {
    /// Starts one that publishes these keys.
    pub(super) fn start(keys: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                answer: published(keys),
                requests: 0,
                is_over: false,
            }),
            asked: Condvar::new(),
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&listener, &shared)
        });
        Self {
            shared,
            address,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Publishes these keys and no others from now on.
    pub(super) fn publish(&self, keys: &[&str]) {
        self.shared.state.lock().unwrap().answer = published(keys);
    }

    /// Answers like this from now on.
    pub(super) fn answer(&self, status: &str, body: &str) {
        self.shared.state.lock().unwrap().answer = (status.to_owned(), body.to_owned());
    }

    pub(super) fn requests(&self) -> usize {
        self.shared.state.lock().unwrap().requests
    }

    /// Waits until it was asked so often in all.
    pub(super) fn wait_for(&self, requests: usize) {
        let state = self.shared.state.lock().unwrap();
        let too_few = |state: &mut State| state.requests < requests;
        let waited = self.shared.asked.wait_timeout_while(state, WAIT, too_few);
        assert!(!waited.unwrap().1.timed_out(), "nobody asks");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().is_over = true;
        // It is waiting for a connection.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn published(keys: &[&str]) -> (String, String) {
    let body = format!(r#"{{"keys": [{}]}}"#, keys.join(", "));
    ("200 OK".to_owned(), body)
}

fn serve(listener: &TcpListener, shared: &Shared) {
    loop {
        let (stream, _) = listener.accept().unwrap();
        if shared.state.lock().unwrap().is_over {
            return;
        }
        // Whoever leaves early is no concern of ours.
        let _ = reply(stream, shared);
    }
}

fn reply(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(WAIT))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let (status, body) = {
        let mut state = shared.state.lock().unwrap();
        state.requests += 1;
        shared.asked.notify_all();
        state.answer.clone()
    };
    let bytes = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
