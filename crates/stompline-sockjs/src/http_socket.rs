//! A TCP socket that can be taken from the HTTP server: by a streaming response, and by its owner while nothing happens on it.
//!
//! An HTTP server keeps some twenty kilobytes of buffers for each connection, and wakes a task of its own for each piece of a body. A response
//! that lasts for minutes and is mostly silent needs neither: once its request was read, the session writes to the socket by itself. A server
//! that wants this wraps its sockets in [`HttpSocket`] and puts each one's [`SocketHandle`] into the extensions of its requests; without
//! them, responses are streamed through the server. Such a server can also let go of connections that are kept for a next request
//! ([`SocketHandle::quiet`]) and begin anew when one comes, and of clients that take nothing ([`SocketHandle::stalled`]).

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Notify, oneshot},
};

/// A socket for HTTP/1.1; see the module page.
#[derive(Debug)]
pub struct HttpSocket {
    /// There until it is dropped.
    stream: Option<TcpStream>,
    /// What was read of the next request already.
    unread: Bytes,
    handle: SocketHandle,
}

/// What requests that came over a socket can do with it.
#[derive(Clone, Debug, Default)]
pub struct SocketHandle(Arc<Handle>);

#[derive(Debug, Default)]
struct Handle {
    /// From now on the HTTP server only believes that it reads and writes.
    taken: AtomicBool,
    /// The last write found the socket full. Writes that did not.
    blocked: AtomicBool,
    writes: AtomicU32,
    full: Notify,
    /// Reads that brought something, and how many there had been when the last answer was ready.
    reads: AtomicU32,
    reads_answered: AtomicU32,
    /// Requests so far, and whether one is being answered.
    requests: AtomicU32,
    answering: AtomicBool,
    answered: Notify,
    /// Who gets the socket when the server lets it go.
    heir: Mutex<Option<oneshot::Sender<TcpStream>>>,
}

impl HttpSocket {
    /// A socket that was just accepted.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream: Some(stream),
            unread: Bytes::new(),
            handle: SocketHandle::default(),
        }
    }

    /// Puts back what the HTTP server had read of a next request when it let go of the socket.
    pub fn put_back(&mut self, read: &[u8]) {
        if !read.is_empty() {
            self.unread = [read, &self.unread].concat().into();
        }
    }

    /// Waits until something of a next request is there, or the client has left.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.stream {
            Some(stream) if self.unread.is_empty() => stream.readable().await,
            _ => Ok(()),
        }
    }

    /// The handle for the extensions of this socket's requests.
    pub fn handle(&self) -> SocketHandle {
        self.handle.clone()
    }

    /// The socket itself and what was read from it after `leftover`; `None` only if it was taken over.
    pub(crate) fn into_inner(mut self, leftover: Bytes) -> Option<(TcpStream, Bytes)> {
        let stream = self.stream.take()?;
        let leftover = match &*self.unread {
            [] => leftover,
            unread => [&*leftover, unread].concat().into(),
        };
        Some((stream, leftover))
    }

    /// The socket, unless a response has taken it over.
    fn own(&mut self) -> Option<Pin<&mut TcpStream>> {
        if self.handle.0.taken.load(Ordering::Acquire) {
            return None;
        }
        self.stream.as_mut().map(Pin::new)
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let handle = &self.handle.0;
        let was_blocked = handle.blocked.swap(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            handle.writes.fetch_add(1, Ordering::Relaxed);
        } else if !was_blocked {
            handle.full.notify_one();
        }
        written
    }
}

impl SocketHandle {
    /// Takes the socket over: it comes as soon as the HTTP server has dropped it, which the answer to the present request must ask for. What
    /// the server still writes goes nowhere. `None` if another request has it already, or the answer to the one before has not left.
    pub(crate) fn take_over(&self) -> Option<oneshot::Receiver<TcpStream>> {
        if self.is_blocked() || self.0.taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        let (heir, socket) = oneshot::channel();
        *self.0.heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(heir);
        Some(socket)
    }

    /// Answers one request. Every request of a socket that may be let go must be answered through this.
    pub async fn answer<F: Future>(&self, answer: F) -> F::Output {
        let handle = &self.0;
        handle.requests.fetch_add(1, Ordering::Relaxed);
        handle.answering.store(true, Ordering::Relaxed);
        let answered = answer.await;
        let reads = handle.reads.load(Ordering::Relaxed);
        handle.reads_answered.store(reads, Ordering::Relaxed);
        handle.answering.store(false, Ordering::Relaxed);
        handle.answered.notify_one();
        answered
    }

    /// Waits until every request was answered and nothing has come for `after`. Whoever drives the HTTP connection must poll this in the same
    /// task, and may then take the connection apart: nothing of an answer is lost, and what was read of a next request is in its parts.
    pub async fn quiet(&self, after: Duration) {
        loop {
            self.0.answered.notified().await;
            let mut requests = 0;
            while requests != self.0.requests.load(Ordering::Relaxed) {
                requests = self.0.requests.load(Ordering::Relaxed);
                tokio::time::sleep(after).await;
            }
            if self.is_quiet() {
                return;
            }
        }
    }

    /// Waits until the client has taken nothing for `after` although something waited for it: it will not take the rest either, and whoever
    /// drives the HTTP connection should end it. A response on a socket of its own does not count, since its session has a limit for that.
    pub async fn stalled(&self, after: Duration) {
        loop {
            while !self.is_blocked() {
                self.0.full.notified().await;
            }
            let writes = self.0.writes.load(Ordering::Relaxed);
            tokio::time::sleep(after).await;
            if self.is_blocked() && writes == self.0.writes.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn is_blocked(&self) -> bool {
        self.0.blocked.load(Ordering::Relaxed)
    }

    fn is_quiet(&self) -> bool {
        let handle = &self.0;
        !handle.answering.load(Ordering::Relaxed)
            && !handle.taken.load(Ordering::Relaxed)
            && !self.is_blocked()
            && handle.reads.load(Ordering::Relaxed) == handle.reads_answered.load(Ordering::Relaxed)
    }
}

impl Drop for HttpSocket {
    fn drop(&mut self) {
        let heir = self.handle.0.heir.lock();
        let heir = heir.unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(heir), Some(stream)) = (heir, self.stream.take()) {
            // Nobody waits any more if the session has ended meanwhile.
            let _ = heir.send(stream);
        }
    }
}

impl AsyncRead for HttpSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let count = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread[..count]);
            // A copy, so that what has been read is not kept.
            self.unread = Bytes::copy_from_slice(&self.unread[count..]);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match self.own() {
            Some(stream) => stream.poll_read(context, buffer),
            None => Poll::Ready(Ok(())),
        };
        if buffer.filled().len() > before {
            self.handle.0.reads.fetch_add(1, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for HttpSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match self.own() {
            Some(stream) => stream.poll_write(context, bytes),
            None => Poll::Ready(Ok(bytes.len())),
        };
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match self.own() {
            Some(stream) => stream.poll_write_vectored(context, pieces),
            None => Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum())),
        };
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP socket of tokio holds nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.own() {
            Some(stream) => stream.poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}
