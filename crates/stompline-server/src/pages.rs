//! The pages that come with the server: landing page, widget and desk.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::hex::hex;

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

/// What a page may do: load from here, and talk to here. No inline script or style, and no foreign frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
     connect-src 'self' ws: wss:; img-src 'self' data:; font-src 'self'; frame-src 'self'; \
     frame-ancestors 'self'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// Shown where the front ends were not built before the server was.
const UNBUILT: &str = "This server was built without its pages. Build them with `make web`, then \
                       build the server again.\n";

/// The pages. The landing page belongs to the demonstration.
pub(crate) fn routes(demo: bool) -> Router {
    let pages = Router::new()
        .route("/widget", get(|| async { Redirect::permanent("/widget/") }))
        .route(
            "/widget/",
            get(async |headers: HeaderMap| page::<Widget>(&headers, "index.html")),
        )
        .route(
            "/widget/{*path}",
            get(async |headers: HeaderMap, Path(path): Path<String>| {
                page::<Widget>(&headers, &path)
            }),
        )
        .route("/desk", get(|| async { Redirect::permanent("/desk/") }))
        .route(
            "/desk/",
            get(async |headers: HeaderMap| page::<Desk>(&headers, "index.html")),
        )
        .route(
            "/desk/{*path}",
            get(async |headers: HeaderMap, Path(path): Path<String>| page::<Desk>(&headers, &path)),
        );
    if !demo {
        return pages;
    }
    pages
        .route(
            "/",
            get(async |headers: HeaderMap| page::<Landing>(&headers, "index.html")),
        )
        .route("/landing/{*path}", get(landing_asset))
}

async fn landing_asset(headers: HeaderMap, Path(path): Path<String>) -> Response {
    page::<Landing>(&headers, &format!("landing/{path}"))
}

fn page<F: RustEmbed>(headers: &HeaderMap, path: &str) -> Response {
    match F::get(path) {
        Some(file) => answer(headers, path, file),
        None if F::get("index.html").is_none() => (StatusCode::NOT_FOUND, UNBUILT).into_response(),
        None => (StatusCode::NOT_FOUND, "nothing is served at this path\n").into_response(),
    }
}

/// Built files have their hash in their name and never change; pages are asked for again each time.
fn answer(asked: &HeaderMap, path: &str, file: EmbeddedFile) -> Response {
    let etag = etag(&file);
    let cache = if path.starts_with("assets/") || path.starts_with("landing/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let fresh = asked
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == etag);
    let kind = file.metadata.mimetype().to_owned();
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
    for (name, value) in [
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A token may stand in the address of a page.
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let digest = hex(&file.metadata.sha256_hash()[..16]);
    HeaderValue::from_str(&format!("\"{digest}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
