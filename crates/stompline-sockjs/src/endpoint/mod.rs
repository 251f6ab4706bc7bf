//! One endpoint on axum: the paths under a prefix and who serves them.
//!
//! | path | answer |
//! |---|---|
//! | `{prefix}` | greeting; with an upgrade, a plain WebSocket |
//! | `{prefix}/` | greeting |
//! | `{prefix}/info` | what a SockJS client needs to know |
//! | `{prefix}/websocket` | a raw WebSocket |
//! | `{prefix}/{server}/{session}/websocket` | a WebSocket with SockJS frames |
//! | `{prefix}/iframe*.html` | a page for clients on foreign pages, if there is a client library for it |
//! | `{prefix}/{server}/{session}/xhr`, `/xhr_streaming`, `/eventsource`, `/htmlfile`, `/jsonp` | frames for the client |
//! | `{prefix}/{server}/{session}/xhr_send`, `/jsonp_send` | messages from the client |

mod answer;
mod body;
mod elsewhere;
mod handshake;
mod posting;
mod route;
mod session;

use std::{convert::Infallible, sync::Arc, task::Poll, time::Duration};

use axum::{Router, body::Body, response::Response};
use futures_util::future::BoxFuture;
use http::{Method, Request as HttpRequest, StatusCode, Version, request::Parts};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use crate::{
    connection::{Connection, Stream as Carried, Transport},
    flush::batched,
    http_socket::{HttpSocket, SocketHandle},
    receiver::Stream,
    relay::{Holders, Relay},
    service::{Purpose, Refusal, Request, Service},
    settings::Settings,
    table::Table,
    takeover::Takeover,
};
use route::Route;
use session::Answer;

/// An endpoint: a prefix, its settings and the application behind it. It becomes a part of a server by
/// [`axum::Router::merge`].
pub struct Endpoint<S: Service> {
    prefix: String,
    shared: Shared<S>,
}

struct Shared<S: Service> {
    service: Arc<S>,
    settings: Settings,
    tasks: TaskTracker,
    sessions: Arc<Table<S::Owner, S::Message>>,
    /// How sessions of other nodes are reached, if there are any.
    relay: Option<Arc<dyn Relay<S::Owner>>>,
    /// Receivers of other nodes.
    holders: Holders,
}

impl<S: Service> Endpoint<S> {
    /// An endpoint under `prefix`, which begins with `/` and does not end with one. Connections run on `tasks`, so that the owner
    /// can wait for their end.
    ///
    /// # Panics
    ///
    /// If `prefix` has another form: it is part of the program, not input.
    pub fn new(prefix: &str, service: Arc<S>, settings: Settings, tasks: TaskTracker) -> Self {
        assert!(
            prefix.starts_with('/') && !prefix.ends_with('/'),
            "an endpoint's prefix begins with `/` and does not end with one, unlike {prefix:?}"
        );
        Self {
            prefix: prefix.to_owned(),
            shared: Shared {
                service,
                settings,
                tasks,
                sessions: Arc::default(),
                relay: None,
                holders: Holders::default(),
            },
        }
    }

    /// Also serves the sessions over HTTP of other nodes, through `relay`, and lets other nodes serve those of this one.
    pub fn relay(mut self, relay: Arc<dyn Relay<S::Owner>>) -> Self {
        self.shared.relay = Some(relay);
        self
    }

    /// The routes of this endpoint.
    pub fn into_router<T: Clone + Send + Sync + 'static>(self) -> Router<T> {
        let shared = Arc::new(self.shared);
        if let Some(relay) = &shared.relay {
            relay.attend(shared.responder());
        }
        let routes = Routes {
            prefix: self.prefix.as_str().into(),
            shared,
        };
        Router::new()
            .route_service(&self.prefix, routes.clone())
            .route_service(&format!("{}/", self.prefix), routes.clone())
            .route_service(&format!("{}/{{*rest}}", self.prefix), routes)
    }
}

impl<S: Service, T: Clone + Send + Sync + 'static> From<Endpoint<S>> for Router<T> {
    fn from(endpoint: Endpoint<S>) -> Self {
        endpoint.into_router()
    }
}

/// The endpoint as a [`tower`](https://docs.rs/tower) service.
struct Routes<S: Service> {
    prefix: Arc<str>,
    shared: Arc<Shared<S>>,
}

impl<S: Service> Clone for Routes<S> {
    fn clone(&self) -> Self {
        Self {
            prefix: Arc::clone(&self.prefix),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Service> tower_service::Service<HttpRequest<Body>> for Routes<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _context: &mut std::task::Context<'_>,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let path = parts.uri.path();
        let rest = path.strip_prefix(&*self.prefix).unwrap_or(path).to_owned();
        let shared = Arc::clone(&self.shared);
        let input = Input { upgrade, body };
        Box::pin(async move { Ok(shared.answer(&parts, &rest, input).await) })
    }
}

/// What a request brings besides its head.
struct Input {
    upgrade: Option<OnUpgrade>,
    body: Body,
}

impl<S: Service> Shared<S> {
    async fn answer(&self, parts: &Parts, rest: &str, input: Input) -> Response {
        let dispatched = self.dispatch(parts, rest, input).await;
        let Answer {
            mut response,
            stream,
        } = dispatched.unwrap_or_else(|refusal| answer::refusal(&refusal).into());
        answer::allow_origin(parts, response.headers_mut());
        match stream {
            Some(stream) => self.stream(parts, response, stream),
            None => response,
        }
    }

    /// Streams on the socket itself if it may be taken over, otherwise through the HTTP server.
    fn stream(
        &self,
        parts: &Parts,
        mut response: Response,
        stream: Stream<S::Message>,
    ) -> Response {
        // A socket that speaks HTTP/2 carries other requests at the same time.
        let handle = parts.extensions.get::<SocketHandle>();
        let handle = handle.filter(|_| parts.version < Version::HTTP_2);
        match handle.and_then(SocketHandle::take_over) {
            Some(socket) => {
                let takeover = Takeover::new(&mut response, parts.version, stream);
                self.tasks.spawn(takeover.run(socket));
            }
            None => *response.body_mut() = Body::new(stream),
        }
        response
    }

    async fn dispatch(
        &self,
        parts: &Parts,
        rest: &str,
        Input { upgrade, body }: Input,
    ) -> Result<Answer<S::Message>, Refusal> {
        let framed = self.settings.sockjs;
        let response = match Route::parse(rest) {
            Some(Route::Root) if handshake::is_upgrade(parts) => {
                self.open(parts, upgrade, Transport::WebSocket).await
            }
            Some(Route::Root) => self.greet(parts).await,
            Some(Route::Info) if framed => self.info(parts).await,
            Some(Route::RawWebSocket) if self.settings.websocket => {
                self.open(parts, upgrade, Transport::WebSocket).await
            }
            Some(Route::FramedWebSocket) if framed && self.settings.websocket => {
                if parts.method != Method::GET {
                    return Ok(answer::method_not_allowed("GET").into());
                }
                match self.open(parts, upgrade, Transport::SockJsWebSocket).await {
                    // The protocol's clients show the text as it is.
                    Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
                        let mut response = answer::text(refusal.message.into_owned());
                        *response.status_mut() = refusal.status;
                        Ok(response)
                    }
                    opened => opened,
                }
            }
            Some(Route::Iframe) if framed => self.iframe(parts).await,
            Some(Route::Session(id, action)) if framed && self.serves(action) => {
                return self.session(parts, body, (id, action)).await;
            }
            _ => Err(answer::not_found()),
        };
        response.map(Answer::from)
    }

    async fn greet(&self, parts: &Parts) -> Result<Response, Refusal> {
        answer::only(parts, &[Method::GET, Method::HEAD])?;
        self.service
            .admit(Request::new(parts, Purpose::Greet))
            .await?;
        Ok(answer::greeting())
    }

    async fn info(&self, parts: &Parts) -> Result<Response, Refusal> {
        let methods = "OPTIONS, GET";
        if parts.method == Method::OPTIONS {
            let mut response = answer::preflight(methods);
            self.set_cookie(parts, &mut response);
            return Ok(response);
        }
        if parts.method != Method::GET {
            return Ok(answer::method_not_allowed(methods));
        }
        self.service
            .admit(Request::new(parts, Purpose::Info))
            .await?;
        Ok(answer::info(&self.settings))
    }

    async fn iframe(&self, parts: &Parts) -> Result<Response, Refusal> {
        let Some(library) = &self.settings.client_library else {
            return Err(answer::not_found());
        };
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Ok(answer::method_not_allowed("GET, HEAD"));
        }
        self.service
            .admit(Request::new(parts, Purpose::Iframe))
            .await?;
        Ok(answer::iframe(parts, library))
    }

    async fn open(
        &self,
        parts: &Parts,
        upgrade: Option<OnUpgrade>,
        transport: Transport,
    ) -> Result<Response, Refusal> {
        let key = handshake::check(parts)?;
        let upgrade = upgrade.ok_or_else(handshake::not_upgradable)?;
        let admission = self
            .service
            .open(Request::new(parts, Purpose::Open))
            .await?;
        let protocol = handshake::choose_protocol(parts, &self.settings.protocols);
        let service = Arc::clone(&self.service);
        let limits = self.settings.websocket_limits();
        let outbox_bytes_max = self.settings.outbox_bytes_max;
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            let (stream, leftover) = match upgrade.await {
                Ok(upgraded) => take_back(upgraded),
                Err(error) => {
                    tracing::debug!(%error, "the connection broke during its upgrade");
                    return;
                }
            };
            let connection =
                Connection::new(stream, &leftover, transport, limits, outbox_bytes_max);
            // A task of its own: this one's memory is sized for the upgrade.
            tasks.spawn(batched(service.serve(admission, connection)));
        });
        Ok(handshake::switching(&key, protocol))
    }
}

/// Takes the plain socket back from hyper, so that nothing stands between it and the codec. hyper's leftover buffer is usually empty but
/// pins 8 KiB or more: it must be dropped.
fn take_back(upgraded: Upgraded) -> (Carried, bytes::Bytes) {
    use hyper_util::server::conn::auto::upgrade::downcast;
    let plain = downcast::<TokioIo<TcpStream>>(upgraded)
        .map(|parts| Some((parts.io.into_inner(), parts.read_buf)))
        .or_else(|upgraded| {
            downcast::<TokioIo<HttpSocket>>(upgraded)
                .map(|parts| parts.io.into_inner().into_inner(parts.read_buf))
        })
        .or_else(|upgraded| {
            let parts = upgraded.downcast::<TokioIo<HttpSocket>>()?;
            Ok(parts.io.into_inner().into_inner(parts.read_buf))
        });
    match plain {
        Ok(Some((stream, leftover))) => {
            tune(&stream);
            (Carried::Tcp(stream), leftover)
        }
        Ok(None) => (
            Carried::Foreign(Box::new(tokio::io::empty())),
            bytes::Bytes::new(),
        ),
        Err::<_, Upgraded>(upgraded) => (
            Carried::Foreign(Box::new(TokioIo::new(upgraded))),
            bytes::Bytes::new(),
        ),
    }
}

/// Small messages leave at once (no Nagle), and a dead peer is noticed after a minute of unanswered data (RFC 5482).
pub(crate) fn tune(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let tuned = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_user_timeout(Some(Duration::from_mins(1))));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a socket could not be tuned");
    }
}
