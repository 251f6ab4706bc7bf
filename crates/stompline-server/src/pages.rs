//! The pages that come with the server: landing page, widget and desk.

mod policy;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stompline::auth::OriginRules;

use self::policy::Policies;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::hex::hex;
use crate::jwks::Address;

#[derive(RustEmbed)]
#[folder = "../../web/landing/dist"]
#[allow_missing = true]
struct Landing;

#[derive(RustEmbed)]
#[folder = "../../web/widget/dist"]
#[allow_missing = true]
struct Widget;

#[derive(RustEmbed)]
#[folder = "../../web/desk/dist"]
#[allow_missing = true]
struct Desk;

/// The script that puts the widget on a page of another site, below `/widget/`.
const LOADER: &str = "loader.js";

/// Built files have their hash in their name and never change.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// The loader's address stands in pages of others and stays. An hour bounds how long an old one is in use; afterwards a visitor does
/// not wait for the question whether it is still the same.
const FOR_AN_HOUR: &str = "public, max-age=3600, stale-while-revalidate=86400";

/// Pages are asked for again each time.
const ASKED_AGAIN: &str = "no-cache";

const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Shown where the front ends were not built before the server was.
const UNBUILT: &str = "This server was built without its pages. Build them with `make web`, then \
                       build the server again.\n";

/// What the pages depend on.
pub(crate) struct Pages {
    /// The landing page belongs to the demonstration.
    demo: bool,
    policies: Policies,
    desk: DeskSettings,
}

/// What the desk asks for at its start.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeskSettings {
    token_url: Option<String>,
    sign_in_url: Option<String>,
}

/// The query of the widget's page.
#[derive(Default, Deserialize)]
struct WidgetQuery {
    /// The origin of the page that shows it.
    site: Option<String>,
}

impl Pages {
    /// The pages as `config` wants them.
    ///
    /// # Errors
    ///
    /// An origin of the configuration is none.
    pub(crate) fn new(config: &Config, demo: bool) -> Result<Self, Failure> {
        let widget_origins = OriginRules::parse(&config.widget.origins)
            .map_err(|error| Failure::Other(error.to_string()))?;
        let config::Desk {
            token_url,
            sign_in_url,
        } = config.desk.clone();
        let token_origin = token_url
            .as_deref()
            .and_then(|url| Address::parse(url).ok())
            .map(|address| address.origin());
        Ok(Self {
            demo,
            policies: Policies::new(widget_origins, token_origin.as_deref()),
            desk: DeskSettings {
                token_url,
                sign_in_url,
            },
        })
    }
}

/// The routes of the pages.
pub(crate) fn routes(pages: Pages) -> Router {
    let demo = pages.demo;
    let mut routes = Router::new()
        .route("/widget", get(|| async { Redirect::permanent("/widget/") }))
        .route("/widget/", get(widget))
        .route("/widget/{*path}", get(widget_file))
        .route("/desk", get(|| async { Redirect::permanent("/desk/") }))
        .route("/desk/", get(desk))
        .route("/desk/settings.json", get(desk_settings))
        .route("/desk/{*path}", get(desk_file));
    if demo {
        routes = routes
            .route("/", get(landing))
            .route("/landing/{*path}", get(landing_file));
    }
    routes.with_state(Arc::new(pages))
}

async fn landing(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    page::<Landing>(&headers, "index.html", &pages.policies.own)
}

async fn landing_file(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Response {
    page::<Landing>(&headers, &format!("landing/{path}"), &pages.policies.own)
}

async fn widget(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    query: Result<Query<WidgetQuery>, QueryRejection>,
) -> Response {
    let Query(WidgetQuery { site }) = query.unwrap_or_default();
    page::<Widget>(
        &headers,
        "index.html",
        &pages.policies.widget(site.as_deref()),
    )
}

async fn widget_file(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Response {
    let mut response = page::<Widget>(&headers, &path, &pages.policies.own);
    if path == LOADER {
        // A page that isolates itself, or checks the script's hash, may use it too.
        let headers = response.headers_mut();
        headers.insert(CORP, HeaderValue::from_static("cross-origin"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        );
    }
    response
}

async fn desk(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    page::<Desk>(&headers, "index.html", &pages.policies.desk)
}

async fn desk_settings(State(pages): State<Arc<Pages>>) -> Response {
    let cache = [(header::CACHE_CONTROL, "no-store")];
    (cache, Json(pages.desk.clone())).into_response()
}

async fn desk_file(
    State(pages): State<Arc<Pages>>,
    headers: HeaderMap,
    Path(path): Path<String>,
) -> Response {
    page::<Desk>(&headers, &path, &pages.policies.desk)
}

fn page<F: RustEmbed>(headers: &HeaderMap, path: &str, policy: &HeaderValue) -> Response {
    match F::get(path) {
        Some(file) => answer(headers, path, file, policy),
        None if F::get("index.html").is_none() => (StatusCode::NOT_FOUND, UNBUILT).into_response(),
        None => (StatusCode::NOT_FOUND, "nothing is served at this path\n").into_response(),
    }
}

fn answer(asked: &HeaderMap, path: &str, file: EmbeddedFile, policy: &HeaderValue) -> Response {
    let etag = etag(&file, policy);
    let cache = if path.starts_with("assets/") || path.starts_with("landing/") {
        FOR_GOOD
    } else if path == LOADER {
        FOR_AN_HOUR
    } else {
        ASKED_AGAIN
    };
    let fresh = asked
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == etag);
    let kind = kind(&file);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(file.data.into_owned()))
    };
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::ETAG, etag);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in [
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A token may stand in the address of a page.
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Texts are UTF-8 and say so: a page of another site may be in another encoding, and would read its scripts in that one.
fn kind(file: &EmbeddedFile) -> String {
    let kind = file.metadata.mimetype();
    if kind.starts_with("text/") {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}

/// The policy is a part of it: a browser may keep the headers that came with a body it knows, and must not keep one that allows more
/// than the configuration does now.
fn etag(file: &EmbeddedFile, policy: &HeaderValue) -> HeaderValue {
    let mut digest = Sha256::new();
    digest.update(file.metadata.sha256_hash());
    digest.update(policy);
    let digest = hex(&digest.finalize()[..16]);
    HeaderValue::from_str(&format!("\"{digest}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
