//! What the server answers over plain HTTP about itself.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{self, Metrics};
use crate::secret::Secret;

/// What the answers depend on.
#[derive(Debug)]
pub(crate) struct Status {
    pub metrics: Metrics,
    /// Who may read `/metrics`.
    pub metrics_access: MetricsAccess,
    /// Cleared when the server is told to stop, so that nobody sends it new clients.
    pub ready: AtomicBool,
}

/// Who may read `/metrics`.
#[derive(Clone, Debug)]
pub(crate) enum MetricsAccess {
    /// Anybody: a demonstration.
    Open,
    /// Whoever presents one of these as `Authorization: Bearer`.
    Keys(Vec<Secret>),
}

impl MetricsAccess {
    fn admits(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Open => true,
            Self::Keys(keys) => bearer(headers)
                .is_some_and(|presented| keys.iter().any(|key| key.matches(presented))),
        }
    }
}

/// The routes for the public address.
pub(crate) fn routes(status: Arc<Status>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(guarded_metrics))
        .with_state(status)
}

/// The routes for an address of the administrator's own, where nobody needs a key.
pub(crate) fn private_routes(status: Arc<Status>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(open_metrics))
        .with_state(status)
}

async fn health() -> &'static str {
    "ok\n"
}

/// Ready also while the cluster or the database is out of reach: this node still serves its clients, and if all nodes said no there
/// would be nobody left. What is dark is named; with `?strict` it is a reason to say no.
async fn readiness(
    State(status): State<Arc<Status>>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    if !status.ready.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    let dark = status.metrics.dark();
    let strict = query.is_some_and(|query| query.split('&').any(|part| part == "strict"));
    let code = if strict && !dark.is_empty() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    let mut text = "ready\n".to_owned();
    for (link, why) in dark {
        let _ = writeln!(text, "dark: {link}: {why}");
    }
    (code, text)
}

async fn guarded_metrics(State(status): State<Arc<Status>>, headers: HeaderMap) -> Response {
    if status.metrics_access.admits(&headers) {
        return rendered(&status.metrics);
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (
        StatusCode::UNAUTHORIZED,
        challenge,
        "an API key is needed: Authorization: Bearer KEY\n",
    )
        .into_response()
}

async fn open_metrics(State(status): State<Arc<Status>>) -> Response {
    rendered(&status.metrics)
}

fn rendered(metrics: &Metrics) -> Response {
    match metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The token of `Authorization: Bearer`, if that is what the header holds.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
