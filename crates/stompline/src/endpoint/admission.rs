//! The steps of a handshake, in order: load, origin, hooks, token.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use http::StatusCode;
use stompline_proto::Headers;
use stompline_sockjs::{Refusal, Request};

use super::{Admission, Gate, Rules};
use crate::auth::{
    Attributes, AuthError, Credentials, HandshakeOutcome, HandshakeRefusal, HandshakeRequest,
    Principal, TokenSources,
};
use crate::name::UserKey;

/// Refused clients are told to come back after this long and up to [`RETRY_SPREAD`] more.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// `Retry-After` counts whole seconds: a second's spread would tell almost everybody the same.
const RETRY_SPREAD: Duration = Duration::from_secs(4);

/// What a client is told that finds no place.
const AUTHENTICATIONS: &str = "too many are being authenticated at once";

/// When in the life of a session its user is asked for.
#[derive(Clone, Copy)]
enum Moment {
    /// Before it; the token must be good now.
    Opening,
    /// During it, with a request of an HTTP transport; the session itself ends when its token does.
    Later,
}

impl Gate {
    /// `/info`: whether a client that comes with this request would be let in.
    pub(super) async fn inspect(&self, request: Request<'_>) -> Result<(), Refusal> {
        self.check_load(&self.core.info_turnstile)?;
        let view = self.view(request);
        self.check_origin(&view)?;
        let attributes = Attributes::new();
        self.in_place(self.rules.principal(&view, &attributes, Moment::Opening))
            .await??;
        Ok(())
    }

    /// A page that says nothing about anybody: only where it is asked from counts.
    pub(super) fn check_page(&self, request: Request<'_>) -> Result<(), Refusal> {
        self.check_origin(&self.view(request))
    }

    /// Whose session over HTTP a request belongs to. An expired token still says who comes.
    pub(super) async fn recognize(&self, request: Request<'_>) -> Result<Option<UserKey>, Refusal> {
        let view = self.view(request);
        self.check_origin(&view)?;
        let principal = self
            .rules
            .principal(&view, &Attributes::new(), Moment::Later)
            .await?;
        Ok(principal.map(|principal| principal.key().clone()))
    }

    /// A new connection.
    pub(super) async fn enter(&self, request: Request<'_>) -> Result<Admission, Refusal> {
        let view = self.view(request);
        // First, since one that comes too often should not use up what the node has for all.
        if let Err(wait) = self.rules.addresses.try_take(view.client(), Instant::now()) {
            return Err(busy("too many connections from this address", wait));
        }
        self.check_load(&self.core.turnstile)?;
        self.check_origin(&view)?;
        self.in_place(self.introduce(&view)).await?
    }

    /// The hooks and the token of a new connection.
    async fn introduce(&self, view: &HandshakeRequest<'_>) -> Result<Admission, Refusal> {
        let attributes = Attributes::new();
        let entered = self
            .rules
            .handshake
            .enter(view, &attributes)
            .await
            .map_err(|refused| refusal(&refused))?;
        let principal = self
            .rules
            .principal(view, &attributes, Moment::Opening)
            .await;
        match principal {
            Ok(principal) => {
                entered.finish(HandshakeOutcome::Accepted);
                Ok(Admission {
                    principal,
                    attributes,
                })
            }
            Err(error) => {
                let refused = HandshakeRefusal::from(error);
                entered.finish(HandshakeOutcome::Refused(&refused));
                Err(refusal(&refused))
            }
        }
    }

    /// Counts and logs a refusal: the reason, never the token.
    pub(super) fn note<T>(
        &self,
        request: Request<'_>,
        admitted: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if let Err(refusal) = &admitted {
            self.core.stats.refusals.fetch_add(1, Ordering::Relaxed);
            tracing::info!(
                endpoint = &*self.rules.prefix,
                // The last segment says enough; before it stands a session's id, which may be the only key to it.
                action = request.uri().path().rsplit('/').next(),
                status = refusal.status.as_u16(),
                code = &*refusal.code,
                client = %self.view(request).client(),
                "handshake refused"
            );
        }
        admitted
    }

    fn view<'a>(&self, request: Request<'a>) -> HandshakeRequest<'a> {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let peer = request.peer().unwrap_or(unknown);
        let view = HandshakeRequest::new(request.method(), request.uri(), request.headers(), peer);
        let client = self.rules.proxies.client(peer.ip(), request.headers());
        view.with_client(client)
    }

    /// Carries out what may wait for others, in one of the places for that and within the time to CONNECTED.
    async fn in_place<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Refusal> {
        let Ok(_place) = self.core.places.take() else {
            return Err(busy(AUTHENTICATIONS, RETRY_AFTER));
        };
        let limit = self.rules.limits.limits.connect_timeout;
        tokio::time::timeout(limit, waiting)
            .await
            .map_err(|_| busy("authentication takes too long", RETRY_AFTER))
    }

    fn check_load(&self, turnstile: &super::Turnstile) -> Result<(), Refusal> {
        if self.core.draining.is_cancelled() {
            return Err(busy("this server is shutting down", RETRY_AFTER));
        }
        if self.core.places.is_full() {
            return Err(busy(AUTHENTICATIONS, RETRY_AFTER));
        }
        turnstile
            .pass()
            .map_err(|wait| busy("too many connections at once", wait))
    }

    fn check_origin(&self, view: &HandshakeRequest<'_>) -> Result<(), Refusal> {
        self.rules
            .origins
            .check(view, &self.rules.proxies)
            .map_err(|forbidden| {
                Refusal::new(
                    StatusCode::FORBIDDEN,
                    "origin_forbidden",
                    forbidden.to_string(),
                )
            })
    }
}

impl Rules {
    /// Who comes: `None` if that is left to CONNECT, or asked of nobody.
    async fn principal(
        &self,
        view: &HandshakeRequest<'_>,
        attributes: &Attributes,
        moment: Moment,
    ) -> Result<Option<Principal>, AuthError> {
        let Some(authenticator) = &self.authenticator else {
            return Ok(None);
        };
        let token = self.tokens.token(view)?;
        if token.is_none() && self.late {
            return Ok(None);
        }
        let credentials = Credentials::of_token(token.as_deref())
            .with_request(view)
            .with_attributes(attributes);
        let principal = match moment {
            Moment::Opening => authenticator.authenticate(credentials).await?,
            Moment::Later => authenticator.recognize(credentials).await?,
        };
        self.check_type(principal).map(Some)
    }

    /// Who a CONNECT frame proves to be.
    pub(crate) async fn authenticate_connect(
        &self,
        headers: &Headers,
        login: Option<&str>,
    ) -> Result<Principal, AuthError> {
        let token = TokenSources::connect_token(|name| headers.find(name))?;
        self.authenticate_token(token, login).await
    }

    /// Whose token this is.
    pub(crate) async fn authenticate_token(
        &self,
        token: Option<&str>,
        login: Option<&str>,
    ) -> Result<Principal, AuthError> {
        let authenticator = self.authenticator.as_ref().ok_or(AuthError::Missing)?;
        let credentials = Credentials::of_token(token).with_login(login);
        let principal = authenticator.authenticate(credentials).await?;
        self.check_type(principal)
    }

    fn check_type(&self, principal: Principal) -> Result<Principal, AuthError> {
        if let Some(user_type) = &self.user_type {
            principal.require_type(user_type)?;
        }
        Ok(principal)
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        refusal(&error.into())
    }
}

fn refusal(refused: &HandshakeRefusal) -> Refusal {
    tracing::debug!(reason = refused.reason(), "why the handshake was refused");
    let refusal = Refusal::new(
        refused.status(),
        refused.code().to_owned(),
        refused.message().to_owned(),
    );
    match refused.retry_after() {
        Some(after) => refusal.retry_after(after),
        None => refusal,
    }
}

fn busy(message: &'static str, wait: Duration) -> Refusal {
    let mut random = [0; 2];
    // Without random numbers everybody comes back at once, which is bad but no reason to fail.
    let _ = getrandom::fill(&mut random);
    let jitter = RETRY_SPREAD.mul_f64(f64::from(u16::from_ne_bytes(random)) / f64::from(u16::MAX));
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
        .retry_after(wait.max(RETRY_AFTER) + jitter)
}
