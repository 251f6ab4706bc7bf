//! An endpoint of an application: who may come in, and how.

mod admission;
mod place;
mod relay;
mod sockjs;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use axum::Router;
use stompline_sockjs::{Connection, Purpose, Refusal, Request, Service};

use crate::{
    app::Core,
    auth::{
        Attributes, Authenticator, HandshakeChain, HandshakeInterceptor, OriginRules, Principal,
        TokenSources, TrustedProxies,
    },
    connection::Driver,
    delivery::Delivery,
    limits::{Limits, SessionLimits},
    name::UserKey,
    rate::{KeyedBuckets, Rate, TokenBucket},
};
pub(crate) use place::Places;
pub(crate) use relay::{Relays, SUBJECT};
pub use sockjs::SockJsSettings;

/// The STOMP versions as WebSocket sub-protocols.
const PROTOCOLS: [&str; 3] = ["v12.stomp", "v11.stomp", "v10.stomp"];

/// Addresses whose rate is remembered: some megabytes at the most.
const ADDRESSES_MAX: usize = 65_536;

/// Why an endpoint cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// A cookie travels with requests from any page, so any page could act for its user.
    #[error(
        "{prefix} takes tokens from a cookie and allows every origin; name the origins, or take the token from the query"
    )]
    CookieFromAnywhere {
        /// The endpoint.
        prefix: String,
    },
    /// Without an authenticator nobody has a type.
    #[error("{prefix} requires a user type but authenticates nobody; add an authenticator")]
    TypeWithoutAuthenticator {
        /// The endpoint.
        prefix: String,
    },
}

/// An endpoint under construction. It becomes a part of a server by [`axum::Router::merge`].
pub struct Endpoint {
    core: Arc<Core>,
    prefix: Arc<str>,
    sockjs: Option<SockJsSettings>,
    authenticator: Option<Arc<dyn Authenticator>>,
    user_type: Option<Box<str>>,
    origins: OriginRules,
    interceptors: Vec<Arc<dyn HandshakeInterceptor>>,
    tokens: TokenSources,
    proxies: TrustedProxies,
    late: bool,
    limits: Arc<SessionLimits>,
}

impl Endpoint {
    pub(crate) fn new(core: Arc<Core>, prefix: &str) -> Self {
        Self {
            limits: Arc::clone(&core.session_limits),
            core,
            prefix: prefix.into(),
            sockjs: None,
            authenticator: None,
            user_type: None,
            origins: OriginRules::any(),
            interceptors: Vec::new(),
            tokens: TokenSources::new(),
            proxies: TrustedProxies::default(),
            late: false,
        }
    }

    /// Serves SockJS besides plain WebSocket, with the defaults of [`SockJsSettings`].
    pub fn sockjs(self) -> Self {
        self.sockjs_with(SockJsSettings::default())
    }

    /// Serves SockJS besides plain WebSocket.
    pub fn sockjs_with(self, settings: SockJsSettings) -> Self {
        Self {
            sockjs: Some(settings),
            ..self
        }
    }

    /// Wants a token, and lets `authenticator` say whose it is. Without one, everybody is a user of their own.
    pub fn authenticate(self, authenticator: impl Authenticator) -> Self {
        Self {
            authenticator: Some(Arc::new(authenticator)),
            ..self
        }
    }

    /// Lets in only principals of this realm; others are refused with 403.
    pub fn require_type(self, user_type: &str) -> Self {
        Self {
            user_type: Some(user_type.into()),
            ..self
        }
    }

    /// Which pages may connect. Default: all, since a token in the query is not sent by a browser on its own.
    pub fn origins(self, origins: OriginRules) -> Self {
        Self { origins, ..self }
    }

    /// Adds a hook around the handshake; they run in the order in which they were added.
    pub fn handshake_interceptor(mut self, interceptor: impl HandshakeInterceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Also takes the token from this cookie. Together with origin `*` it is refused: any page could act for the user then.
    pub fn token_cookie(self, name: &str) -> Self {
        Self {
            tokens: self.tokens.with_cookie(name),
            ..self
        }
    }

    /// Whose forwarded addresses count. Default: nobody's.
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// Lets a handshake without token pass; CONNECT must bring it then, in `Authorization`, `token` or `passcode`. A bad token is
    /// refused at the handshake all the same. Default: off.
    pub fn late_authentication(self, late: bool) -> Self {
        Self { late, ..self }
    }

    /// Bounds for the connections and sessions of this endpoint. Default: those of the [application](crate::Builder::limits). Bounds of the
    /// whole node stay the application's, whatever these say: sessions of a user, connections a second (but not those from one
    /// address), authentications under way, and the time of a handler.
    pub fn limits(self, limits: Limits) -> Self {
        Self {
            limits: SessionLimits::new(limits),
            ..self
        }
    }

    /// The routes of this endpoint.
    ///
    /// # Errors
    ///
    /// If the settings contradict one another.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Result<Router<S>, EndpointError> {
        let prefix = self.prefix.to_string();
        if self.tokens.cookie().is_some() && self.origins.allow_any() {
            return Err(EndpointError::CookieFromAnywhere { prefix });
        }
        if self.user_type.is_some() && self.authenticator.is_none() {
            return Err(EndpointError::TypeWithoutAuthenticator { prefix });
        }
        let core = self.core;
        if let Some(user_type) = &self.user_type {
            core.expect_realm(user_type);
        }
        let limits = &self.limits.limits;
        let mut settings = limits.transport().protocols(PROTOCOLS);
        if let Some(sockjs) = &self.sockjs {
            settings = sockjs.apply(settings, !self.origins.allow_any());
        }
        // Without SockJS there are no sessions over HTTP.
        let cluster = core.broker.cluster.clone();
        let relay = cluster.filter(|_| self.sockjs.is_some()).map(|cluster| {
            let relays = Arc::clone(&core.relays);
            Arc::new(relay::EndpointRelay::new(
                cluster,
                relays,
                Arc::clone(&self.prefix),
            ))
        });
        let rules = Arc::new(Rules {
            prefix: self.prefix,
            authenticator: self.authenticator,
            user_type: self.user_type,
            origins: self.origins,
            handshake: HandshakeChain::new(self.interceptors),
            tokens: self.tokens,
            proxies: self.proxies,
            late: self.late,
            addresses: KeyedBuckets::new(
                Rate::per_s(limits.connects_per_s_per_address),
                ADDRESSES_MAX,
            ),
            limits: self.limits,
        });
        let tasks = core.tasks.clone();
        let gate = Arc::new(Gate { core, rules });
        let endpoint = stompline_sockjs::Endpoint::new(&prefix, gate, settings, tasks);
        Ok(match relay {
            Some(relay) => endpoint.relay(relay).into_router(),
            None => endpoint.into_router(),
        })
    }
}

impl<S: Clone + Send + Sync + 'static> From<Endpoint> for Router<S> {
    /// # Panics
    ///
    /// If the settings contradict one another; [`Endpoint::into_router`] gives the error instead.
    fn from(endpoint: Endpoint) -> Self {
        match endpoint.into_router() {
            Ok(router) => router,
            Err(error) => panic!("{error}"),
        }
    }
}

/// What an endpoint demands of those who come.
pub(crate) struct Rules {
    pub(crate) prefix: Arc<str>,
    authenticator: Option<Arc<dyn Authenticator>>,
    user_type: Option<Box<str>>,
    origins: OriginRules,
    handshake: HandshakeChain,
    tokens: TokenSources,
    proxies: TrustedProxies,
    late: bool,
    addresses: KeyedBuckets<IpAddr>,
    pub(crate) limits: Arc<SessionLimits>,
}

/// What the handshake found out.
pub(crate) struct Admission {
    pub(crate) principal: Option<Principal>,
    pub(crate) attributes: Attributes,
}

impl Rules {
    /// An endpoint that lets in everybody, for connections that are made without a handshake.
    #[cfg(feature = "testing")]
    pub(crate) fn open(prefix: &str, limits: &Arc<SessionLimits>) -> Self {
        Self {
            prefix: prefix.into(),
            authenticator: None,
            user_type: None,
            origins: OriginRules::any(),
            handshake: HandshakeChain::default(),
            tokens: TokenSources::new(),
            proxies: TrustedProxies::default(),
            late: false,
            addresses: KeyedBuckets::new(Rate::OFF, ADDRESSES_MAX),
            limits: Arc::clone(limits),
        }
    }

    pub(crate) fn authenticates(&self) -> bool {
        self.authenticator.is_some()
    }
}

/// The service behind the routes: admits, and starts a driver for each connection.
struct Gate {
    core: Arc<Core>,
    rules: Arc<Rules>,
}

impl Service for Gate {
    type Message = Delivery;
    type Admission = Admission;
    /// `None` where nobody is authenticated, or CONNECT does it: then the session's id is the only key to it.
    type Owner = Option<UserKey>;

    async fn admit(&self, request: Request<'_>) -> Result<(), Refusal> {
        let admitted = match request.purpose() {
            Purpose::Info => self.inspect(request).await,
            _ => self.check_page(request),
        };
        self.note(request, admitted)
    }

    async fn open(&self, request: Request<'_>) -> Result<Admission, Refusal> {
        let admitted = self.enter(request).await;
        self.note(request, admitted)
    }

    async fn identify(&self, request: Request<'_>) -> Result<Option<UserKey>, Refusal> {
        let owner = self.recognize(request).await;
        self.note(request, owner)
    }

    fn serve(
        self: Arc<Self>,
        admission: Admission,
        connection: Connection<Delivery>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (core, rules) = (Arc::clone(&self.core), Arc::clone(&self.rules));
        // The driver is built here and not inside the future, which would keep room for its parts for ever.
        let mut driver = Box::new(Driver::new(core, rules, admission, connection));
        async move { driver.run().await }
    }
}

/// A token bucket that all handshakes of a node share.
pub(crate) struct Turnstile(Mutex<TokenBucket>);

impl Turnstile {
    pub(crate) fn new(connects_per_s: u32) -> Self {
        Self(Mutex::new(TokenBucket::new(Rate::per_s(connects_per_s))))
    }

    /// Lets one pass, or says how long to wait.
    pub(crate) fn pass(&self) -> Result<(), std::time::Duration> {
        let mut bucket = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        bucket.try_take(std::time::Instant::now())
    }
}
