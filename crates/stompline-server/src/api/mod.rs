//! `/api/v1`: for back ends in any language, and for guests of the widget.

mod guest;
mod message;
mod openapi;
mod problem;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
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

/// What the API works on.
pub(crate) struct Api {
    pub stompline: Stompline,
    pub keys: Vec<Secret>,
    pub guests: Option<Guests>,
    /// Whether anybody on this machine may become an agent: a demonstration on loopback.
    pub demo_agents: bool,
    pub proxies: TrustedProxies,
}

/// The routes.
pub(crate) fn routes(api: Api) -> Router {
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
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), check_key));
    let open = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/widget/session", post(guest::session));
    let mut routes = Router::new().nest("/api/v1", keyed.merge(open).fallback(problem::not_found));
    if api.demo_agents {
        routes = routes.route("/demo/agent", post(guest::agent));
    }
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api)
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
