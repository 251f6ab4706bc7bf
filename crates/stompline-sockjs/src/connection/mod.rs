//! One connection as its handler sees it, whatever carries it.

mod goodbye;
mod http;
mod read;

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use stompline_ws::{Decoder, Event, Opcode};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    close::Close,
    exchange::{Exchange, Presence},
    outbox::{Framing, Outbox, Status, Target},
    outgoing::Outgoing,
    settings::Settings,
};
pub(crate) use http::Carrier;
use read::read_once;

/// The code of an end that was meant (RFC 6455, section 7.4.1).
const NORMAL_CLOSURE: u16 = 1000;

/// Bytes read in one system call. The buffer belongs to the thread: an idle connection has none.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A message from the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message: bytes that were checked to be UTF-8.
    Text(&'a [u8]),
    /// A binary message; never over framed SockJS.
    Binary(&'a [u8]),
}

impl<'a> Incoming<'a> {
    /// The payload, whichever kind it is.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

/// Why a connection gives no more messages.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The peer said goodbye, with its code if it gave one.
    Closed(Option<u16>),
    /// The peer vanished or the network failed.
    Lost(Option<io::Error>),
    /// The peer broke the WebSocket or SockJS protocol; it is told with this close.
    Violation(Close),
    /// This side closed; see [`Outbox::closing`].
    Ours,
}

/// What carries a connection. For a session over HTTP it is the transport of the request that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket whose messages are the application's: at the prefix itself or at `/websocket`.
    WebSocket,
    /// A WebSocket with SockJS frames.
    SockJsWebSocket,
    /// One long response to a script's request, a frame in each line.
    XhrStreaming,
    /// One response to a script's request for each batch of messages.
    XhrPolling,
    /// One long response of server-sent events.
    EventSource,
    /// One long page in a hidden frame, a script in it for each frame.
    HtmlFile,
    /// One script element for each batch of messages.
    JsonpPolling,
}

impl Transport {
    /// The name used in logs, metrics and answers; those of SockJS clients where they have one.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::SockJsWebSocket => "sockjs-websocket",
            Self::XhrStreaming => "xhr-streaming",
            Self::XhrPolling => "xhr-polling",
            Self::EventSource => "eventsource",
            Self::HtmlFile => "htmlfile",
            Self::JsonpPolling => "jsonp-polling",
        }
    }

    /// Whether the connection is a session over HTTP requests, not a socket of its own.
    pub fn is_http(self) -> bool {
        !matches!(self, Self::WebSocket | Self::SockJsWebSocket)
    }

    /// Whether messages travel in SockJS frames, which hold text only.
    pub fn is_framed(self) -> bool {
        self.framing() == Framing::SockJs
    }

    fn framing(self) -> Framing {
        match self {
            Self::WebSocket => Framing::Plain,
            _ => Framing::SockJs,
        }
    }
}

/// A stream that is not a plain TCP socket, TLS for example.
pub(crate) trait ForeignStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ForeignStream for S {}

/// What a connection runs on.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Foreign(Box<dyn ForeignStream>),
}

/// One connection. Its owner reads from it and drives its writes; others send through its [`Outbox`].
pub struct Connection<M> {
    outbox: Arc<Outbox<M>>,
    decoder: Decoder,
    foreign: Option<Box<dyn ForeignStream>>,
    /// What is received before anything is read. One word in each connection, and rarely there.
    waiting: Option<Box<Waiting>>,
    /// Set if the session travels over HTTP.
    http: Option<Box<Carrier>>,
    transport: Transport,
    /// See [`expect_goodbye`](Connection::expect_goodbye).
    expects_goodbye: bool,
}

enum Waiting {
    /// Bytes that came together with the handshake.
    Bytes(Vec<u8>),
    /// The end that the last read found. It is told by the next one, so that the messages before it are handled like all others.
    End(Ended),
}

impl<M: Outgoing> Connection<M> {
    pub(crate) fn new(
        stream: Stream,
        leftover: &[u8],
        transport: Transport,
        limits: stompline_ws::Limits,
        outbox_bytes_max: usize,
    ) -> Self {
        let (target, foreign) = match stream {
            Stream::Tcp(tcp) => (Target::Socket(tcp), None),
            Stream::Foreign(foreign) => (Target::Driver, Some(foreign)),
        };
        let connection = Self {
            outbox: Outbox::new(target, transport.framing(), outbox_bytes_max),
            decoder: Decoder::new(stompline_ws::Role::Server, limits),
            foreign,
            waiting: (!leftover.is_empty()).then(|| Box::new(Waiting::Bytes(leftover.to_vec()))),
            http: None,
            transport,
            expects_goodbye: false,
        };
        if transport == Transport::SockJsWebSocket {
            connection.outbox.push_control(|out| write_text(out, b"o"));
        }
        connection
    }

    /// A session over HTTP, whose first request is being answered.
    pub(crate) fn over_http(
        transport: Transport,
        presence: Presence,
        settings: &Settings,
        carrier: Carrier,
    ) -> Self {
        let target = Target::Receivers(Box::new(Exchange::new(presence)));
        Self {
            outbox: Outbox::new(target, Framing::SockJs, settings.outbox_bytes_max),
            decoder: Decoder::new(stompline_ws::Role::Server, settings.websocket_limits()),
            foreign: None,
            waiting: None,
            http: Some(Box::new(carrier)),
            transport,
            expects_goodbye: false,
        }
    }

    /// A connection over any stream on which the handshake is done: another server's, or a pipe in memory.
    pub fn over<S>(stream: S, transport: Transport, settings: &Settings) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = Stream::Foreign(Box::new(stream));
        let limits = settings.websocket_limits();
        Self::new(stream, &[], transport, limits, settings.outbox_bytes_max)
    }

    /// Where messages to the peer go.
    pub fn outbox(&self) -> &Arc<Outbox<M>> {
        &self.outbox
    }

    /// What carries this connection.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Reads once and gives every message that is complete to `sink`. Ready after one read, so that what it brought can be handled
    /// as a batch of at most [`READ_BYTES`] bytes. An end that came with them is told next time: their answers leave before its close.
    pub fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        sink: &mut dyn FnMut(Incoming<'_>),
    ) -> Poll<Result<(), Ended>> {
        if let Some(exchange) = self.outbox.exchange() {
            self.outbox.register(context.waker());
            return http::poll_receive(exchange, sink);
        }
        match self.waiting.take().map(|waiting| *waiting) {
            Some(Waiting::Bytes(mut bytes)) => {
                self.decode(&mut bytes, sink);
                return Poll::Ready(Ok(()));
            }
            Some(Waiting::End(end)) => {
                self.answer(&end);
                return Poll::Ready(Err(end));
            }
            None => {}
        }
        READ_BUFFER.with_borrow_mut(|buffer| {
            let read = ready!(self.poll_read(context, buffer));
            Poll::Ready(match read {
                Ok(0) => Err(Ended::Lost(None)),
                Ok(count) => {
                    self.decode(&mut buffer[..count], sink);
                    Ok(())
                }
                Err(error) => Err(Ended::Lost(Some(error))),
            })
        })
    }

    /// Keeps writing what the outbox holds. Pending as long as the connection lives; ready when it is closed or broken.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        self.outbox.register(context.waker());
        if let Some(carrier) = &mut self.http {
            return carrier.poll_flush(context, &self.outbox);
        }
        loop {
            match self.outbox.status() {
                Status::Broken => return Poll::Ready(Ended::Lost(None)),
                Status::Closed => return Poll::Ready(Ended::Ours),
                Status::Idle => return Poll::Pending,
                Status::Pending | Status::Blocked if self.foreign.is_some() => {
                    if ready!(self.poll_write_foreign(context)).is_err() {
                        self.outbox.end();
                    }
                }
                Status::Pending => self.outbox.flush(),
                Status::Blocked => {
                    let Some(stream) = self.outbox.stream() else {
                        return Poll::Pending;
                    };
                    if ready!(stream.poll_write_ready(context)).is_err() {
                        self.outbox.end();
                    }
                    self.outbox.unblock();
                }
            }
        }
    }

    /// Sends a sign of life that the peer's application does not see as a message: a WebSocket ping, or a SockJS `h`. Sessions over
    /// HTTP need none: whoever receives for them sends `h` by itself.
    pub fn keep_alive(&self) {
        if self.http.is_some() {
            return;
        }
        match self.transport.framing() {
            Framing::Plain => self
                .outbox
                .push_control(|out| stompline_ws::write_ping(out, b"")),
            Framing::SockJs => self.outbox.push_control(|out| write_text(out, b"h")),
        }
    }

    /// The peer's application has said goodbye in its own protocol. A close without a code, as browsers' scripts send it, is answered
    /// with 1000 from now on.
    pub fn expect_goodbye(&mut self) {
        self.expects_goodbye = true;
    }

    /// Sends what is queued and the close, then waits until the peer closed too, at most `linger` in all. Without a close queued
    /// by [`Outbox::close`] or [`Outbox::abort`] it only releases the connection. A session over HTTP repeats its close frame to
    /// everybody who asks, until nobody has for [`Settings::disconnect_delay`].
    pub async fn finish(&mut self, linger: Duration) {
        if let Some(carrier) = &mut self.http {
            if let Some(close) = self.outbox.closing() {
                carrier.say_goodbye(&self.outbox, &close, linger).await;
            }
        } else {
            let _ = tokio::time::timeout(linger, self.say_goodbye()).await;
        }
        self.outbox.end();
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(foreign) = &mut self.foreign {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(foreign).poll_read(context, &mut buffer))?;
            return Poll::Ready(Ok(buffer.filled().len()));
        }
        let Some(stream) = self.outbox.stream() else {
            return Poll::Pending;
        };
        loop {
            ready!(stream.poll_read_ready(context))?;
            match read_once(stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn poll_write_foreign(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(foreign) = &mut self.foreign else {
            return Poll::Ready(Ok(()));
        };
        ready!(
            self.outbox
                .flush_through(|bytes| Pin::new(&mut *foreign).poll_write(context, bytes))
        )?;
        Pin::new(foreign).poll_flush(context)
    }

    /// Gives every message of `input` to `sink`. An end behind them waits for the next look.
    fn decode(&mut self, mut input: &mut [u8], sink: &mut dyn FnMut(Incoming<'_>)) {
        let mut end = None;
        loop {
            let outcome = match self.decoder.decode(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) if end.is_none() => self.take(event, sink),
                // After broken SockJS framing the WebSocket goes on: the peer's close may be among the rest.
                Ok(Some(_)) => Ok(()),
                Err(error) => {
                    let close = Close::new(error.close_code(), error.to_string());
                    Err(Ended::Violation(close))
                }
            };
            if let Err(found) = outcome {
                end.get_or_insert(found);
            }
        }
        if let Some(end) = end {
            self.waiting = Some(Box::new(Waiting::End(end)));
        }
    }

    fn take(&self, event: Event<'_>, sink: &mut dyn FnMut(Incoming<'_>)) -> Result<(), Ended> {
        let broken_framing = || Ended::Violation(Close::new(3000, "Broken framing."));
        match (event, self.transport.framing()) {
            (Event::Text(payload), Framing::Plain) => sink(Incoming::Text(&payload)),
            (Event::Binary(payload), Framing::Plain) => sink(Incoming::Binary(&payload)),
            (Event::Text(payload), Framing::SockJs) => {
                crate::payload::decode(&payload, sink).map_err(|_| broken_framing())?;
            }
            (Event::Binary(_), Framing::SockJs) => return Err(broken_framing()),
            (Event::Ping(payload), _) => {
                self.outbox
                    .push_control(|out| stompline_ws::write_pong(out, &payload));
            }
            (Event::Pong(_), _) => {}
            (Event::Close(close), _) => {
                return Err(Ended::Closed(close.map(|close| close.code.into())));
            }
        }
        Ok(())
    }

    /// Queues the close that the peer's end asks for, behind what answers its last messages.
    fn answer(&self, end: &Ended) {
        match end {
            Ended::Closed(code) => {
                let goodbye = self.expects_goodbye.then_some(NORMAL_CLOSURE);
                self.outbox.answer_close(code.or(goodbye));
            }
            Ended::Violation(close) => self.outbox.close_below(close.clone()),
            Ended::Lost(_) | Ended::Ours => {}
        }
    }
}

impl<M> Drop for Connection<M> {
    fn drop(&mut self) {
        self.outbox.release();
    }
}

fn write_text(out: &mut Vec<u8>, payload: &[u8]) {
    stompline_ws::write_header(out, Opcode::Text, payload.len());
    out.extend_from_slice(payload);
}
