//! A service that echoes, and tells the test when a session ends.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use axum::{Router, body::Body, serve::ListenerExt};
use bytes::Bytes;
use http::StatusCode;
use hyper::{body::Incoming, server::conn::http1::Builder, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use stompline_sockjs::{
    Close, Connection, Endpoint, HttpSocket, Refusal, Relay, Request, Service, Settings,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Sends every message back. Told `close`, it closes with 3000; told `leave`, with 1001; told `stop`, it reads no more.
pub(crate) struct Echo {
    closes: bool,
    ended: mpsc::UnboundedSender<String>,
}

impl Service for Echo {
    type Message = Bytes;
    type Admission = String;
    /// Who comes is whoever the query says; a stranger is refused.
    type Owner = String;

    async fn admit(&self, _request: Request<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn open(&self, request: Request<'_>) -> Result<String, Refusal> {
        self.identify(request).await
    }

    async fn identify(&self, request: Request<'_>) -> Result<String, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let name = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("user="))
            .unwrap_or("nobody");
        if name == "stranger" {
            let status = StatusCode::UNAUTHORIZED;
            return Err(Refusal::new(status, "stranger", "not known here"));
        }
        Ok(name.to_owned())
    }

    async fn serve(self: Arc<Self>, name: String, mut connection: Connection<Bytes>) {
        if self.closes {
            connection.outbox().close(Close::new(3000, "Go away!"));
        }
        let outbox = Arc::clone(connection.outbox());
        let transport = connection.transport().name();
        let mut stopped = false;
        let end = poll_fn(|context| {
            if let Poll::Ready(end) = connection.poll_flush(context) {
                return Poll::Ready(end);
            }
            if stopped {
                return Poll::Pending;
            }
            let received =
                connection.poll_receive(context, &mut |incoming| match incoming.bytes() {
                    b"close" => outbox.close(Close::new(3000, "Go away!")),
                    b"leave" => outbox.close(Close::new(1001, "bye")),
                    b"stop" => stopped = true,
                    message => {
                        outbox.push(Bytes::copy_from_slice(message));
                    }
                });
            match received {
                Poll::Ready(Ok(())) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(Err(end)) => Poll::Ready(end),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        let end = format!("{end:?}");
        let kind = end.split(['(', ' ']).next().unwrap_or_default();
        let _ = self.ended.send(format!("{name} {transport} {kind}"));
        connection.finish(Duration::from_millis(200)).await;
    }
}

/// A running server and what its sessions came to.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) ended: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Serves `/echo` and `/close` with the limits of test servers.
    pub(crate) async fn start() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::serve(&settings, None).await
    }

    /// As [`with`](Self::with), one of several nodes.
    pub(crate) async fn with_relay(settings: Settings, relay: Arc<dyn Relay<String>>) -> Self {
        Self::serve(&settings, Some(relay)).await
    }

    async fn serve(settings: &Settings, relay: Option<Arc<dyn Relay<String>>>) -> Self {
        let (listener, router, server) = Self::build_with(settings, relay).await;
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// As [`with`](Self::with), on sockets that streaming responses take over.
    pub(crate) async fn with_takeover(settings: Settings) -> Self {
        let (listener, router, server) = Self::build(&settings).await;
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let socket = HttpSocket::new(stream);
                tokio::spawn(serve(socket, router.clone(), Duration::from_mins(1)));
            }
        });
        server
    }

    pub(crate) async fn build(settings: &Settings) -> (TcpListener, Router, Self) {
        Self::build_with(settings, None).await
    }

    async fn build_with(
        settings: &Settings,
        relay: Option<Arc<dyn Relay<String>>>,
    ) -> (TcpListener, Router, Self) {
        let (sender, ended) = mpsc::unbounded_channel();
        let mut router: Router = Router::new();
        for (prefix, closes) in [("/echo", false), ("/close", true)] {
            let echo = Echo {
                closes,
                ended: sender.clone(),
            };
            let mut endpoint =
                Endpoint::new(prefix, Arc::new(echo), settings.clone(), TaskTracker::new());
            // The other prefix closes at once.
            if let Some(relay) = relay.clone().filter(|_| !closes) {
                endpoint = endpoint.relay(relay);
            }
            router = router.merge(endpoint);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, router, Self { address, ended })
    }

    /// How the next session that ends comes to its end.
    pub(crate) async fn end(&mut self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.ended.recv());
        ended.await.expect("no session ends").unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    Settings::default().sockjs(true).response_bytes_max(4096)
}

/// Speaks HTTP on a socket until it is over; gives it back when it has been quiet.
pub(crate) async fn serve(
    socket: HttpSocket,
    router: Router,
    quiet: Duration,
) -> Option<HttpSocket> {
    let handle = socket.handle();
    let asked = handle.clone();
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(asked.clone());
        let (asked, router) = (asked.clone(), router.clone());
        async move { asked.answer(router.oneshot(request.map(Body::new))).await }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(socket), service);
    let mut connection = connection.with_upgrades();
    tokio::select! {
        _ = &mut connection => None,
        () = handle.quiet(quiet) => {
            let parts = connection.into_parts()?;
            let mut socket = parts.io.into_inner();
            socket.put_back(&parts.read_buf);
            Some(socket)
        }
    }
}
