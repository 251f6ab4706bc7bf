//! What waits to be written to one connection, and the one protocol by which it is written.
//!
//! Anybody may append from any thread. Whoever finds nobody flushing becomes the flusher: it renders what waits into a buffer of
//! its thread and offers it to the socket, without holding the lock during the system call. When the socket is full the
//! connection's own task is woken; it alone waits for writability. Streams other than plain TCP are written by that task only. A SockJS
//! session over HTTP has no stream: the request that receives is woken and takes what waits.

mod state;

use std::{
    cell::RefCell,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

use futures_util::task::AtomicWaker;
use tokio::net::TcpStream;

use crate::{
    close::Close,
    exchange::{Exchange, Presence},
    flush::{self, Flush},
    outgoing::{Form, Outgoing, Overflow},
};
use state::State;

/// Most bytes offered to a socket in one system call and in one turn of a thread.
pub(crate) const TURN_BYTES: usize = 64 * 1024;

/// The code that stands for none (RFC 6455, section 7.1.5); it is never written.
const NO_CODE: u16 = 1005;

thread_local! {
    static WRITE_BUFFER: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(TURN_BYTES));
}

/// How messages are framed on a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One WebSocket message for each message (plain and raw endpoints).
    Plain,
    /// SockJS frames: `o`, `h`, `a[..]`, `c[..]`.
    SockJs,
}

/// The outcome of [`Outbox::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// The message is on its way.
    Queued,
    /// The message is on its way, and the outbox is over half full: senders should slow down.
    Congested,
    /// There was no room; the message is not queued.
    Full,
    /// The connection is closing or gone; the message is not queued.
    Ended,
    /// `make` gave no message.
    Skipped,
}

/// What the connection's task has to do for its outbox.
pub(crate) enum Status {
    /// Nothing waits.
    Idle,
    /// Something waits and nobody writes it.
    Pending,
    /// The socket took less than was offered; wait until it is writable.
    Blocked,
    /// The close frame was handed to the socket.
    Closed,
    /// The connection broke.
    Broken,
}

/// Who writes.
pub(crate) enum Target {
    /// Whoever appends, straight to the socket.
    Socket(TcpStream),
    /// The connection's task.
    Driver,
    /// The HTTP request that receives at the moment.
    Receivers(Box<Exchange>),
}

/// What a receiver is given by [`Outbox::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing waits.
    Nothing,
    /// An `a` frame.
    Messages,
    /// The `c` frame; nothing else will ever follow.
    Close,
    /// The connection is gone.
    Ended,
}

/// The queue of one connection; see the module page.
pub struct Outbox<M> {
    state: Mutex<State<M>>,
    driver: AtomicWaker,
    target: Target,
    framing: Framing,
}

impl<M: Outgoing> Outbox<M> {
    pub(crate) fn new(target: Target, framing: Framing, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(framing, bytes_max)),
            driver: AtomicWaker::new(),
            target,
            framing,
        })
    }

    /// Appends `message` and sees to it that it leaves.
    pub fn push(self: &Arc<Self>, message: M) -> Push {
        self.push_with(Overflow::Refuse, |_| Some(message))
    }

    /// Appends what `make` gives. `make` runs under the outbox's lock, so what it decides (a subscription is still live) holds at
    /// the moment of appending; its argument is the number of the message in this outbox, from 1. It must be short.
    pub fn push_with(
        self: &Arc<Self>,
        overflow: Overflow,
        make: impl FnOnce(u64) -> Option<M>,
    ) -> Push {
        let mut state = self.lock();
        if state.is_closing() {
            return Push::Ended;
        }
        let Some(message) = make(state.number + 1) else {
            return Push::Skipped;
        };
        if !state.append(message, overflow) {
            return Push::Full;
        }
        state.number += 1;
        let over_half = state.is_over_half();
        let scheduled = std::mem::replace(&mut state.scheduled, true);
        drop(state);
        if over_half {
            self.flush();
            return if self.is_congested() {
                Push::Congested
            } else {
                Push::Queued
            };
        }
        if !scheduled && !flush::defer(|| Arc::clone(self) as Arc<dyn Flush>) {
            self.flush();
        }
        Push::Queued
    }

    /// Runs `act` under the outbox's lock: afterwards no [`push_with`](Self::push_with) that began before is still undecided.
    pub fn exclusively<T>(&self, act: impl FnOnce() -> T) -> T {
        let _state = self.lock();
        act()
    }

    /// Ends the connection after everything queued so far has left. The first close wins; later messages are refused.
    pub fn close(&self, close: Close) {
        if self.lock().close(close) {
            self.flush();
            self.driver.wake();
        }
    }

    /// Ends the connection and drops what waits, except a message that is partly written.
    pub fn abort(&self, close: Close) {
        let mut state = self.lock();
        state.discard();
        let first = state.close(close);
        drop(state);
        if first {
            self.flush();
            self.driver.wake();
        }
    }

    /// What the connection was told to close with; by the peer with 1005 if it gave no code.
    pub fn closing(&self) -> Option<Close> {
        self.lock().closing.as_deref().cloned()
    }

    /// The form in which payloads leave here.
    pub fn form(&self) -> Form {
        match self.framing {
            Framing::Plain => Form::Plain,
            Framing::SockJs => Form::Escaped,
        }
    }

    /// Whether everything has been written.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        !state.has_output() && !state.blocked
    }

    /// Messages queued since the beginning.
    pub fn number(&self) -> u64 {
        self.lock().number
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Whether it is over half full and the connection lives.
    pub fn is_congested(&self) -> bool {
        let state = self.lock();
        !state.is_closing() && state.is_over_half()
    }

    /// Ready when the outbox is at most half full or its connection ends.
    pub fn poll_relief(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_closing() || !state.is_over_half() {
            return Poll::Ready(());
        }
        state.wait_for_relief(context.waker());
        Poll::Pending
    }

    /// When the socket last took bytes.
    pub fn last_write(&self) -> Instant {
        self.lock().last_write
    }

    /// When the socket last took bytes of a message. A sign of life between messages is none: the peer's application does not see it.
    pub fn last_message(&self) -> Instant {
        self.lock().last_message()
    }

    /// Since when the peer has taken nothing although something waits and it could. A session over HTTP that nobody receives for is
    /// not stalled: it is away, and only for so long.
    pub fn stalled_since(&self) -> Option<Instant> {
        let attached = self
            .exchange()
            .is_some_and(|exchange| exchange.presence() == Presence::Attached);
        let state = self.lock();
        let stalled = state.blocked || attached && state.has_output();
        stalled.then_some(state.last_write)
    }

    /// Wakes the connection's task: something changed that it should look at.
    pub fn wake(&self) {
        self.driver.wake();
    }

    /// Appends bytes that belong between frames: Pong, Ping, SockJS `h` and `o`.
    pub(crate) fn push_control(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if !state.is_closing() && state.control.len() < TURN_BYTES {
            write(&mut state.control);
            drop(state);
            self.flush();
        }
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.driver.register(waker);
    }

    /// Gives a receiver what waits: an `a` frame of at most about `bytes_max` bytes, or the `c` frame. Appends it to `frame`.
    pub(crate) fn take(&self, bytes_max: usize, frame: &mut Vec<u8>) -> Taken {
        let mut state = self.lock();
        state.scheduled = false;
        if state.broken {
            return Taken::Ended;
        }
        if state.take_messages(bytes_max, frame) {
            if !state.is_over_half() {
                let relief = state.relieve();
                drop(state);
                wake_all(relief);
            }
            return Taken::Messages;
        }
        let Some(close) = &state.closing else {
            return Taken::Nothing;
        };
        frame.extend_from_slice(&close.frame());
        state.close_written = true;
        drop(state);
        self.driver.wake();
        Taken::Close
    }

    /// A receiver is there from now on. What waited for it does not count as its own delay.
    pub(crate) fn expect_progress(&self) {
        self.lock().expect_progress();
    }

    /// Whether a receiver was given the `c` frame.
    pub(crate) fn is_close_taken(&self) -> bool {
        self.lock().close_written
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.lock().broken
    }

    pub(crate) fn status(&self) -> Status {
        let state = self.lock();
        if state.broken {
            Status::Broken
        } else if state.blocked {
            Status::Blocked
        } else if state.has_output() && !state.flushing {
            Status::Pending
        } else if state.close_written && !state.has_output() {
            Status::Closed
        } else {
            Status::Idle
        }
    }

    /// The socket is writable again.
    pub(crate) fn unblock(&self) {
        self.lock().blocked = false;
    }

    /// Answers the peer's close with its own code, or without one. What waits leaves first: who has closed may still read (RFC 6455,
    /// section 5.5.1).
    pub(crate) fn answer_close(&self, code: Option<u16>) {
        self.close_below(Close::new(code.unwrap_or(NO_CODE), ""));
    }

    /// As [`close`](Self::close), but nothing of SockJS says so: to whoever broke the protocol.
    pub(crate) fn close_below(&self, close: Close) {
        self.lock().closes_below = true;
        self.close(close);
    }

    /// Writes what waits through `write`, for streams that only the connection's task may touch.
    pub(crate) fn flush_through(
        &self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        WRITE_BUFFER.with_borrow_mut(|buffer| {
            loop {
                let Some(rendered) = self.begin_write(buffer) else {
                    return Poll::Ready(Ok(()));
                };
                let outcome = write(buffer);
                let blocked = outcome.is_pending();
                let written = if let Poll::Ready(Ok(written)) = &outcome {
                    *written
                } else {
                    0
                };
                self.end_write(written, rendered, blocked);
                match outcome {
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
    }

    /// Renders what comes next into `buffer` and claims the right to write it. `None` when there is nothing or another writes.
    fn begin_write(&self, buffer: &mut Vec<u8>) -> Option<usize> {
        buffer.clear();
        let mut state = self.lock();
        state.scheduled = false;
        if state.flushing || state.broken {
            return None;
        }
        state.write_close_if_drained();
        let control = state.render(buffer);
        state.flushing = !buffer.is_empty();
        state.flushing.then_some(control)
    }

    /// Gives the right to write back. `true` once the close has left.
    fn end_write(&self, written: usize, control: usize, blocked: bool) -> bool {
        let mut state = self.lock();
        state.flushing = false;
        state.blocked = blocked;
        state.settle(written, control);
        let is_closed = state.close_written && !state.has_output();
        if !state.is_over_half() {
            let relief = state.relieve();
            drop(state);
            wake_all(relief);
        }
        is_closed
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to the socket until it is full, nothing waits, or the turn's share is used up.
    fn flush_direct(&self, stream: &TcpStream) {
        if self.lock().blocked {
            return;
        }
        let mut turn = 0;
        WRITE_BUFFER.with_borrow_mut(|buffer| {
            while let Some(control) = self.begin_write(buffer) {
                match stream.try_write(buffer) {
                    Ok(written) => {
                        // Its task waits for the close to have left, and may have looked while this thread wrote it.
                        if self.end_write(written, control, false) {
                            self.driver.wake();
                        }
                        turn += written;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.end_write(0, control, true);
                        self.driver.wake();
                        return;
                    }
                    Err(_) => {
                        self.end();
                        self.driver.wake();
                        return;
                    }
                }
                if turn >= TURN_BYTES {
                    self.driver.wake();
                    return;
                }
            }
        });
    }
}

impl<M: Outgoing> Flush for Outbox<M> {
    fn flush(&self) {
        Self::flush(self);
    }
}

impl<M: Outgoing> Outbox<M> {
    pub(crate) fn flush(&self) {
        match &self.target {
            Target::Socket(stream) => self.flush_direct(stream),
            Target::Driver => self.driver.wake(),
            Target::Receivers(exchange) => exchange.receiver.wake(),
        }
    }
}

impl<M> Outbox<M> {
    pub(crate) fn stream(&self) -> Option<&TcpStream> {
        match &self.target {
            Target::Socket(stream) => Some(stream),
            Target::Driver | Target::Receivers(_) => None,
        }
    }

    /// What the requests of a session over HTTP share; `None` for everything else.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        match &self.target {
            Target::Receivers(exchange) => Some(exchange),
            Target::Socket(_) | Target::Driver => None,
        }
    }

    /// The connection is over: nothing is taken or kept any more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let relief = state.end();
        drop(state);
        wake_all(relief);
        if let Some(exchange) = self.exchange() {
            exchange.end();
        }
    }

    /// Nothing is sent any more; the peer is told so by TCP.
    pub(crate) fn half_close(&self) -> io::Result<()> {
        match self.stream() {
            Some(stream) => socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write),
            None => Ok(()),
        }
    }

    /// Frees the socket, also while others still hold this outbox.
    pub(crate) fn release(&self) {
        self.end();
        if let Some(stream) = self.stream() {
            let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Both);
        }
    }
}

fn wake_all(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}
