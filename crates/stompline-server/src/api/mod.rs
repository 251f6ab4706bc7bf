//! `/api/v1`: for back ends in any language, and for guests of the widget.

mod guest;
mod message;
mod openapi;
mod problem;
mod user;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};
use stompline::Stompline;
use stompline::auth::TrustedProxies;

use crate::http::bearer;
use crate::secret::Secret;

pub(crate) use self::guest::Guests;
use self::problem::Problem;

/// Most bytes of a request's body: some hundred users and a message.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Most bytes of a body from somebody without a key: a secret and a name.
const OPEN_BODY_BYTES_MAX: usize = 4 * 1024;

/// What the API works on.
pub(crate) struct Api {
    pub stompline: Stompline,
    pub keys: Vec<Secret>,
    pub guests: Option<Guests>,
    /// Whether anybody on this machine may become an agent: a demonstration on loopback.
    pub demo_agents: bool,
    pub proxies: TrustedProxies,
    /// How long a client may take over a body.
    pub body_timeout: Option<Duration>,
}

/// The routes.
pub(crate) fn routes(api: Api) -> Router {
    let body_timeout = api.body_timeout;
    let bodies = move |bytes_max| {
        middleware::from_fn(move |request: Request, next: Next| async move {
            let request = with_whole_body(request, bytes_max, body_timeout).await?;
            Ok::<_, Problem>(next.run(request).await)
        })
    };
    let api = Arc::new(api);
    let keyed = Router::new()
        .route("/messages", post(message::publish))
        .route("/users/messages", post(message::publish_to_users))
        .route("/users", get(user::list))
        .route(
            "/users/{id}/sessions",
            get(user::sessions).delete(user::end_sessions),
        )
        .route("/sessions/{id}", delete(user::end_session))
        .route("/stats", get(user::stats))
        .route_layer(bodies(BODY_BYTES_MAX))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), check_key));
    let open = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/widget/session", post(guest::session))
        .route_layer(bodies(OPEN_BODY_BYTES_MAX));
    let mut routes = Router::new().nest("/api/v1", keyed.merge(open).fallback(problem::not_found));
    if api.demo_agents {
        let agent = post(guest::agent).layer(bodies(OPEN_BODY_BYTES_MAX));
        routes = routes.route("/demo/agent", agent);
    }
    routes.with_state(api)
}

/// Reads the body before anybody works on it, within bounds of bytes and time.
async fn with_whole_body(
    request: Request,
    bytes_max: usize,
    timeout: Option<Duration>,
) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Problem::body_too_large(bytes_max));
    }
    let read = to_bytes(body, bytes_max);
    let read = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, read).await,
        None => Ok(read.await),
    };
    let bytes = read
        .map_err(|_| Problem::body_late())?
        .map_err(|error| Problem::body_cut(&error, bytes_max))?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Lets those in who have one of the keys. Without keys in the configuration nobody has one.
async fn check_key(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let known = bearer(request.headers())
        .is_some_and(|presented| api.keys.iter().any(|key| key.matches(presented)));
    if known {
        Ok(next.run(request).await)
    } else {
        Err(Problem::key_needed())
    }
}
