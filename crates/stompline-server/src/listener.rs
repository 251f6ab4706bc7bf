//! Accepting connections and speaking HTTP/1.1 on them until they are upgraded or done.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use stompline::{HttpSocket, SocketHandle};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, info, warn};

use crate::config::Limits;
use crate::failure::Failure;
use crate::rest::Rest;

/// Connections that the kernel keeps for us while we are busy. A wave of reconnects is thousands
/// of them within one second; the kernel cuts this to its own limit (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// How long to wait after accepting has failed, as it does when descriptors have run out: they
/// come back when connections end, and trying at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// After so much silence between two requests a connection gives its buffers back; the next request
/// gets new ones. Requests of a busy client follow one another faster than this.
const QUIET: Duration = Duration::from_millis(500);

/// How long a connection is kept for a next request: longer than the minute of proxies such as
/// nginx, so that it is they who end it and never lose a request to a connection that just closed.
const KEPT_MAX: Duration = Duration::from_mins(2);

/// Headers of one request. Browsers and proxies send some twenty; this is what hyper takes by itself.
const HEADERS_MAX: usize = 100;

/// The least that hyper takes for a bound of its buffers.
const HEAD_BYTES_MIN: usize = 8192;

/// How long a request may go on once the server stops. Sessions are over by then; what is left is a
/// client that is slow to send, and the store has yet to be closed in good order.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// How often the log says that connections cannot be accepted.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// What a client may take of a connection before it is somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The time for a whole request head.
    head_timeout: Option<Duration>,
    head_bytes_max: Option<usize>,
    /// How long it may take nothing of an answer.
    write_stall: Option<Duration>,
}

impl Bounds {
    pub(crate) fn new(limits: &Limits) -> Self {
        let head_bytes = (limits.head_bytes > 0).then_some(limits.head_bytes as usize);
        Self {
            head_timeout: seconds(limits.connect_timeout_s),
            head_bytes_max: head_bytes.map(|bytes| bytes.max(HEAD_BYTES_MIN)),
            write_stall: seconds(limits.write_stall_s),
        }
    }

    fn builder(self) -> Builder {
        let mut builder = Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_headers(HEADERS_MAX);
        if let Some(bytes) = self.head_bytes_max {
            builder.max_buf_size(bytes);
        }
        builder
    }
}

/// A number of seconds from the configuration, where 0 is off.
pub(crate) fn seconds(number: u32) -> Option<Duration> {
    (number > 0).then(|| Duration::from_secs(number.into()))
}

/// An address that the server listens on.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    bounds: Bounds,
}

impl Listener {
    /// Listens on `address`. A client that goes beyond `bounds` is cut off.
    pub(crate) fn bind(address: SocketAddr, bounds: Bounds) -> Result<Self, Failure> {
        let socket = listen(address).map_err(|error| {
            Failure::Other(format!(
                "cannot listen on {address}: {error}; stop what uses the address, or choose \
                 another one with --listen, STOMPLINE_LISTEN or the key `listen`"
            ))
        })?;
        Ok(Self { socket, bounds })
    }

    /// The real address, also when port 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves `router` until `stop`, then gives the requests under way some seconds. Upgraded connections
    /// are no longer HTTP: their owner ends them.
    pub(crate) async fn run(self, router: Router, stop: CancellationToken) {
        let connections = TaskTracker::new();
        let mut shortage = Shortage::default();
        while let Some(accepted) = stop.run_until_cancelled(self.socket.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    shortage.end();
                    let served = serve(stream, peer, router.clone(), self.bounds, stop.clone());
                    connections.spawn(served);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    shortage.tell(&error);
                    stop.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE))
                        .await;
                }
            }
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }
}

/// A time in which accepting fails now and then, as it does at the limit of open files: whenever a
/// connection ends, one is accepted and the next one is not.
#[derive(Debug, Default)]
struct Shortage {
    failed: Option<Instant>,
    told: Option<Instant>,
}

impl Shortage {
    fn tell(&mut self, error: &io::Error) {
        let now = Instant::now();
        self.failed = Some(now);
        if self.told.is_none_or(|told| now - told >= TOLD_EVERY) {
            self.told = Some(now);
            warn!(%error, "no connection can be accepted; those that wait are accepted when others end");
        }
    }

    fn end(&mut self) {
        if self
            .failed
            .is_some_and(|failed| failed.elapsed() >= 2 * ACCEPT_PAUSE)
        {
            *self = Self::default();
            info!("connections are accepted again");
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // A restarted server must not wait for the old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether accepting failed because of the one client, who is gone already.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Serves one client until it leaves, or for as long as its connection is HTTP.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
) {
    // A SockJS frame must not wait for the answer to the one before it.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "a socket could not be tuned");
    }
    let mut socket = HttpSocket::new(stream);
    loop {
        // On the heap, because its room is not needed while the connection waits for a next request.
        let spoken = Box::pin(speak(socket, peer, router.clone(), bounds, stop.clone()));
        let Some(kept) = spoken.await else {
            return;
        };
        let next = tokio::time::timeout(KEPT_MAX, kept.readable());
        match stop.run_until_cancelled(next).await {
            Some(Ok(Ok(()))) => socket = kept,
            _ => return,
        }
    }
}

/// Speaks HTTP/1 with one client, and nothing else: a socket that carries several requests at a time could not be
/// taken over. Gives the socket back when it has been quiet for a while. The connection has the type that endpoints
/// take the socket back from when they upgrade or stream for long: a `TokioIo` around an `HttpSocket`.
async fn speak(
    socket: HttpSocket,
    peer: SocketAddr,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
) -> Option<HttpSocket> {
    let handle = socket.handle();
    let asked = CancellationToken::new();
    let service = service_fn({
        let (asked, handle) = (asked.clone(), handle.clone());
        move |mut request: Request<Incoming>| {
            asked.cancel();
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(handle.clone());
            let (handle, router) = (handle.clone(), router.clone());
            async move { handle.answer(answer(router, request)).await }
        }
    });
    let connection = bounds
        .builder()
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = connection.with_upgrades();
    let served = tokio::select! {
        served = &mut connection => served,
        () = silence(&asked, bounds.head_timeout) => return None,
        () = stall(&handle, bounds.write_stall) => {
            debug!(%peer, "a client takes nothing of its answer");
            return None;
        }
        () = handle.quiet(QUIET) => {
            let parts = connection.into_parts()?;
            let mut socket = parts.io.into_inner();
            socket.put_back(&parts.read_buf);
            return Some(socket);
        }
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                served = &mut connection => served,
                () = stall(&handle, bounds.write_stall) => return None,
                () = tokio::time::sleep(LAST_ANSWER) => return None,
            }
        }
    };
    if let Err(error) = served {
        debug!(%peer, %error, "an HTTP connection broke off");
    }
    None
}

/// Ends when `timeout` has passed without a first request. The builder's own deadline starts only
/// at the first byte, and a client that sends none would stay for ever.
async fn silence(asked: &CancellationToken, timeout: Option<Duration>) {
    let Some(timeout) = timeout else {
        return std::future::pending().await;
    };
    if tokio::time::timeout(timeout, asked.cancelled())
        .await
        .is_ok()
    {
        std::future::pending::<()>().await;
    }
}

/// Ends when the client has taken nothing for `timeout` although something waits for it.
async fn stall(handle: &SocketHandle, timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => handle.stalled(timeout).await,
        None => std::future::pending().await,
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if !names_its_host(&request) {
        return Ok(hostless());
    }
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let (body, rest) = Rest::lend(body);
    let mut response = router.oneshot(Request::from_parts(parts, body)).await?;
    if let Some(rest) = rest
        && !is_last(&response)
        && (response.status() == StatusCode::REQUEST_TIMEOUT || !rest.discard(waits).await)
    {
        close_after(&mut response);
    }
    Ok(response)
}

/// Whether no next request comes on this connection anyway.
fn is_last(response: &Response<Body>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        || response.headers().contains_key(header::CONNECTION)
}

fn close_after(response: &mut Response<Body>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

/// Whether it is clear which host is meant (RFC 9112, section 3.2): two names could be read differently by a proxy.
fn names_its_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let has_one = hosts.next().is_some();
    hosts.next().is_none() && (has_one || request.version() < Version::HTTP_11)
}

fn hostless() -> Response<Body> {
    let mut response = Response::new(Body::from("one Host header is needed\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    close_after(&mut response);
    response
}
