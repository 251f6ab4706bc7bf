//! Proxies with the faults that real ones have.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What a proxy does to what passes.
#[derive(Clone, Copy)]
pub(crate) struct Tricks {
    /// Answers in the server's place.
    pub(crate) answer: fn(&str) -> Option<String>,
    /// Changes the head of a request.
    pub(crate) request: fn(String) -> String,
    /// Changes the head of an answer.
    pub(crate) response: fn(String) -> String,
    /// Collects an answer before it is passed on.
    pub(crate) collects: bool,
    /// Ends a WebSocket when so many receipts have passed.
    pub(crate) receipts_max: usize,
}

impl Default for Tricks {
    fn default() -> Self {
        Self {
            answer: |_| None,
            request: |head| head,
            response: |head| head,
            collects: false,
            receipts_max: usize::MAX,
        }
    }
}

/// A proxy that runs until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: String,
    tricks: Tricks,
    stops: AtomicBool,
    /// To end whoever reads or writes when the test is over.
    sockets: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Passes on to `upstream`.
    pub(crate) fn start(upstream: &str, tricks: Tricks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            tricks,
            stops: AtomicBool::new(false),
            sockets: Mutex::default(),
        });
        let inside = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            thread::scope(|scope| {
                for client in listener.incoming() {
                    if inside.stops.load(Ordering::SeqCst) {
                        return;
                    }
                    let client = client.unwrap();
                    // Whoever breaks off breaks off.
                    scope.spawn(|| inside.pass(client).ok());
                }
            });
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Answers everything itself.
    pub(crate) fn alone(answer: fn(&str) -> Option<String>) -> Self {
        let tricks = Tricks {
            answer,
            ..Tricks::default()
        };
        Self::start("127.0.0.1:0", tricks)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        for socket in self.shared.sockets.lock().unwrap().iter() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().unwrap().join();
    }
}

impl Shared {
    fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        self.note(&client)?;
        let (head, rest) = read_head(&mut client)?;
        if let Some(answer) = (self.tricks.answer)(&head) {
            client.write_all(answer.as_bytes())?;
            return client.shutdown(Shutdown::Write);
        }
        let mut server = TcpStream::connect(&self.upstream)?;
        self.note(&server)?;
        let head = (self.tricks.request)(head);
        server.write_all(head.as_bytes())?;
        server.write_all(&rest)?;
        let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
        thread::scope(|scope| {
            scope.spawn(move || {
                let _ = io::copy(&mut up_from, &mut up_to);
                let _ = up_to.shutdown(Shutdown::Write);
            });
            let passed = self.pass_down(&mut server, &mut client);
            // Ends the thread above too.
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
            passed
        })
    }

    fn pass_down(&self, server: &mut TcpStream, client: &mut TcpStream) -> io::Result<()> {
        let (head, rest) = read_head(server)?;
        let is_socket = head.starts_with("HTTP/1.1 101");
        let mut first = (self.tricks.response)(head).into_bytes();
        first.extend(rest);
        if self.tricks.collects && !is_socket {
            server.read_to_end(&mut first)?;
            return client.write_all(&first);
        }
        client.write_all(&first)?;
        if is_socket {
            return self.pass_socket(server, client);
        }
        io::copy(server, client).map(drop)
    }

    fn pass_socket(&self, server: &mut TcpStream, client: &mut TcpStream) -> io::Result<()> {
        let (mut passed, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let count = server.read(&mut piece)?;
            client.write_all(&piece[..count])?;
            passed.extend_from_slice(&piece[..count]);
            let receipts = passed
                .windows(8)
                .filter(|word| *word == b"RECEIPT\n")
                .count();
            if count == 0 || receipts >= self.tricks.receipts_max {
                return Ok(());
            }
        }
    }

    fn note(&self, socket: &TcpStream) -> io::Result<()> {
        let mut sockets = self.sockets.lock().unwrap();
        sockets.push(socket.try_clone()?);
        if self.stops.load(Ordering::SeqCst) {
            socket.shutdown(Shutdown::Both)?;
        }
        Ok(())
    }
}

/// The head with the empty line behind it, and what came with it.
fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// The head without the lines of headers whose names begin so.
pub(crate) fn without(head: &str, names: &[&str]) -> String {
    head.split_inclusive("\r\n")
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            !names.iter().any(|name| line.starts_with(name))
        })
        .collect()
}

/// A whole answer.
pub(crate) fn answer(status: &str, body: &str) -> String {
    let bytes = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n{body}")
}
