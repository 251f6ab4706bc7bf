//! What an application implements to sit behind an endpoint.

use std::{borrow::Cow, hash::Hash, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode, Uri, request::Parts};

use crate::{connection::Connection, outgoing::Outgoing};

/// A request to an endpoint, before it has become a connection.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    parts: &'a Parts,
    purpose: Purpose,
}

/// What a request asks of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The greeting: shows that something is there.
    Greet,
    /// SockJS `/info`, and its preflight. The first request of a SockJS client, and the place to refuse it.
    Info,
    /// The page that SockJS clients of foreign pages load into a hidden frame.
    Iframe,
    /// A new connection.
    Open,
    /// A request of a session over HTTP: it sends, receives, or is about to open the session.
    Session,
}

impl<'a> Request<'a> {
    pub(crate) fn new(parts: &'a Parts, purpose: Purpose) -> Self {
        Self { parts, purpose }
    }

    /// What is asked.
    pub fn purpose(self) -> Purpose {
        self.purpose
    }

    /// The HTTP method.
    pub fn method(self) -> &'a Method {
        &self.parts.method
    }

    /// Path and query.
    pub fn uri(self) -> &'a Uri {
        &self.parts.uri
    }

    /// The headers.
    pub fn headers(self) -> &'a HeaderMap {
        &self.parts.headers
    }

    /// The address of the socket's other end, if the server recorded it
    /// ([`axum::extract::ConnectInfo`] of a [`SocketAddr`]).
    pub fn peer(self) -> Option<SocketAddr> {
        self.extension::<axum::extract::ConnectInfo<SocketAddr>>()
            .map(|info| info.0)
    }

    /// A value that a layer put into the request.
    pub fn extension<T: Send + Sync + 'static>(self) -> Option<&'a T> {
        self.parts.extensions.get()
    }
}

/// A request that is not served. It is answered as JSON: `{"code":..,"message":..}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 401, 403, 404, 405, 426 or 503.
    pub status: StatusCode,
    /// For programs: stable, in snake case.
    pub code: Cow<'static, str>,
    /// For people: what is wrong and what is allowed. Never an internal detail.
    pub message: Cow<'static, str>,
    /// When to come back, rounded up to seconds (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal without a time to come back.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            retry_after: None,
        }
    }

    /// Says when to come back.
    pub fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }
}

/// The application behind an endpoint.
pub trait Service: Send + Sync + 'static {
    /// The messages that it sends.
    type Message: Outgoing;

    /// What [`open`](Self::open) finds out about a connection and [`serve`](Self::serve) needs.
    type Admission: Send + 'static;

    /// Whom a session over HTTP belongs to. Requests of others do not find it, whatever id they name: an id travels in addresses, which
    /// are written into logs and seen by others. `()` where there are no users.
    type Owner: Clone + Eq + Hash + Send + Sync + 'static;

    /// Decides about every request that opens nothing: greeting, `/info` and the iframe page. A client that is refused at `/info` learns the reason at
    /// once instead of trying every transport.
    fn admit(&self, request: Request<'_>) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Decides about a new connection. It runs before the upgrade and should take milliseconds: clients give up early.
    fn open(
        &self,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Self::Admission, Refusal>> + Send;

    /// Says who sends a request of a session over HTTP. It runs for each of them and should take microseconds. A session is opened only
    /// after [`open`](Self::open) has also agreed, so this need not check what holds for opening alone: load, or the expiry of a token.
    fn identify(
        &self,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Self::Owner, Refusal>> + Send;

    /// Serves one connection to its end. The connection is gone when the future returns or is dropped.
    fn serve(
        self: Arc<Self>,
        admission: Self::Admission,
        connection: Connection<Self::Message>,
    ) -> impl Future<Output = ()> + Send + 'static;
}
