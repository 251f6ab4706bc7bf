//! Streaming responses that write to their socket themselves.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Version, header};
use tokio::{net::TcpStream, sync::oneshot, time::Sleep};

use crate::{endpoint::tune, outgoing::Outgoing, receiver::Stream};

/// Most bytes collected for one write.
const WRITE_BYTES: usize = 64 * 1024;

/// How long a client may take to read the end of a response and close.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may take over the last bytes of a response, as many as the buffers of the system do not hold: as long as a write may
/// stall elsewhere.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A streaming response on its own socket.
pub(crate) struct Takeover<M: Outgoing> {
    head: Vec<u8>,
    is_chunked: bool,
    body: Stream<M>,
}

impl<M: Outgoing> Takeover<M> {
    /// The response with the headers of `response` to a request of `version`. It is the last one on its connection.
    pub(crate) fn new(response: &mut Response, version: Version, body: Stream<M>) -> Self {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        // HTTP/1.0 knows no chunks; there the end of the connection is the end of the body.
        let is_chunked = version != Version::HTTP_10;
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        for (name, value) in response.headers() {
            write_header(&mut head, name.as_str(), value.as_bytes());
        }
        if is_chunked {
            write_header(&mut head, "transfer-encoding", b"chunked");
        }
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        write_header(&mut head, "date", now.as_bytes());
        head.extend_from_slice(b"\r\n");
        Self {
            head,
            is_chunked,
            body,
        }
    }

    /// Writes the response to its end. A client that leaves before ends the session, by dropping the body.
    pub(crate) async fn run(self, socket: oneshot::Receiver<TcpStream>) {
        let Ok(stream) = socket.await else {
            return;
        };
        tune(&stream);
        let Self {
            head,
            is_chunked,
            mut body,
        } = self;
        let mut unwritten = Unwritten {
            bytes: head,
            taken: 0,
        };
        let mut end = EndTimer::default();
        let whole = poll_fn(|context| {
            if is_gone(&stream, context) {
                return Poll::Ready(false);
            }
            loop {
                match unwritten.poll_write(&stream, context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    // A client that takes nothing must not keep a session that was ended for it, nor the end of its response.
                    Poll::Pending if body.is_over() => return end.poll(context).map(|()| false),
                    Poll::Pending => return body.poll_gone(context).map(|()| false),
                }
                if body.is_over() {
                    return Poll::Ready(true);
                }
                ready!(collect(
                    &mut body,
                    context,
                    is_chunked,
                    &mut unwritten.bytes
                ));
            }
        })
        .await;
        drop(body);
        if whole {
            // The client closes once it has read the end; closing first could take it away from it.
            let _ = socket2::SockRef::from(&stream).shutdown(std::net::Shutdown::Write);
            let closed = poll_fn(|context| {
                if is_gone(&stream, context) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            let _ = tokio::time::timeout(LINGER, closed).await;
        }
    }
}

/// The time in which a client must take the end of its response. No session waits for it any more, so none has a limit for that.
#[derive(Default)]
struct EndTimer(Option<Pin<Box<Sleep>>>);

impl EndTimer {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timer = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(END_TIMEOUT)));
        timer.as_mut().poll(context)
    }
}

fn write_header(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// Appends what the body has ready, each piece a chunk. Pending if that is nothing.
fn collect<M: Outgoing>(
    body: &mut Stream<M>,
    context: &mut Context<'_>,
    is_chunked: bool,
    bytes: &mut Vec<u8>,
) -> Poll<()> {
    while bytes.len() < WRITE_BYTES && !body.is_over() {
        match body.poll_chunk(context) {
            Poll::Ready(Some(piece)) => write_chunk(&piece, is_chunked, bytes),
            Poll::Ready(None) => {}
            Poll::Pending if bytes.is_empty() => return Poll::Pending,
            Poll::Pending => return Poll::Ready(()),
        }
    }
    if body.is_over() && is_chunked {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    Poll::Ready(())
}

/// A chunk (RFC 9112, section 7.1).
fn write_chunk(piece: &Bytes, is_chunked: bool, bytes: &mut Vec<u8>) {
    if is_chunked {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
    }
    bytes.extend_from_slice(piece);
    if is_chunked {
        bytes.extend_from_slice(b"\r\n");
    }
}

/// What the socket has not taken yet. Nothing is kept once it has.
struct Unwritten {
    bytes: Vec<u8>,
    taken: usize,
}

impl Unwritten {
    fn poll_write(
        &mut self,
        stream: &TcpStream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.taken < self.bytes.len() {
            match stream.try_write(&self.bytes[self.taken..]) {
                Ok(count) => self.taken += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_write_ready(context))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.bytes = Vec::new();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }
}

/// Whether the client has closed. What it still sends is of no interest: this was its last request here.
fn is_gone(stream: &TcpStream, context: &mut Context<'_>) -> bool {
    let mut ignored = [0; 512];
    while let Poll::Ready(ready) = stream.poll_read_ready(context) {
        match ready.and_then(|()| stream.try_read(&mut ignored)) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return true,
        }
    }
    false
}
