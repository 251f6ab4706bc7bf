//! Accepting connections and speaking HTTP/1.1 on them until they are upgraded or done.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use stompline::HttpSocket;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::failure::Failure;

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

/// An address that the server listens on.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    header_timeout: Option<Duration>,
}

impl Listener {
    /// Listens on `address`. A client that has not sent a whole request head within
    /// `header_timeout` is cut off; `None` waits for ever.
    pub(crate) fn bind(
        address: SocketAddr,
        header_timeout: Option<Duration>,
    ) -> Result<Self, Failure> {
        let socket = listen(address).map_err(|error| {
            Failure::Other(format!(
                "cannot listen on {address}: {error}; stop what uses the address, or choose \
                 another one with --listen, STOMPLINE_LISTEN or the key `listen`"
            ))
        })?;
        Ok(Self {
            socket,
            header_timeout,
        })
    }

    /// The real address, also when port 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves `router` until `stop`, then lets the requests under way finish. Upgraded connections
    /// are no longer HTTP: their owner ends them.
    pub(crate) async fn run(self, router: Router, stop: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some(accepted) = stop.run_until_cancelled(self.socket.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    let connection = serve(
                        stream,
                        peer,
                        router.clone(),
                        self.header_timeout,
                        stop.clone(),
                    );
                    connections.spawn(connection);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "no connection can be accepted");
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
    mut stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Option<Duration>,
    stop: CancellationToken,
) {
    // A SockJS frame must not wait for the answer to the one before it.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "a socket could not be tuned");
    }
    loop {
        // On the heap, because its room is not needed while the connection waits for a next request.
        let spoken = Box::pin(speak(
            stream,
            peer,
            router.clone(),
            header_timeout,
            stop.clone(),
        ));
        let Some(kept) = spoken.await else {
            return;
        };
        let next = tokio::time::timeout(KEPT_MAX, kept.readable());
        match stop.run_until_cancelled(next).await {
            Some(Ok(Ok(()))) => stream = kept,
            _ => return,
        }
    }
}

/// Speaks HTTP with one client. Gives the socket back when it has been quiet for a while. The
/// connection has the type that endpoints take the socket back from when they upgrade or stream for
/// long: a `TokioIo` around an `HttpSocket`, behind hyper-util's `auto` builder.
async fn speak(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Option<Duration>,
    stop: CancellationToken,
) -> Option<TcpStream> {
    let socket = HttpSocket::new(stream);
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
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout);
    let mut connection =
        Box::pin(builder.serve_connection_with_upgrades(TokioIo::new(socket), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = silence(&asked, header_timeout) => return None,
        returning = handle.quiet(QUIET) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.as_mut().await;
            drop(connection);
            return returning.socket().await;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = served {
        debug!(%peer, error, "an HTTP connection broke off");
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

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    router.oneshot(request.map(Body::new)).await
}
