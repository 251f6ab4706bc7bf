//! The fixed answers of an endpoint.

use std::time::{Duration, SystemTime};

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::json;

use crate::{service::Refusal, settings::Settings};

const NO_STORE: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
/// A year in seconds.
const YEAR_S: &str = "31536000";

pub(super) fn greeting() -> Response {
    text("Welcome to SockJS!\n")
}

/// What a SockJS client asks first. `entropy` helps clients without a good random generator.
pub(super) fn info(settings: &Settings) -> Response {
    let mut entropy = [0; 4];
    if getrandom::fill(&mut entropy).is_err() {
        tracing::warn!("the system gives no random numbers");
    }
    let body = json!({
        "websocket": settings.websocket,
        "origins": ["*:*"],
        "cookie_needed": settings.cookie_needed,
        "entropy": u32::from_ne_bytes(entropy),
    });
    json_response(StatusCode::OK, &body)
}

/// The answer to a CORS preflight, good for a year.
pub(super) fn preflight(methods: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(methods),
    );
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(YEAR_S),
    );
    cache_for_a_year(headers);
    response
}

pub(super) fn refusal(refusal: &Refusal) -> Response {
    let body = json!({ "code": refusal.code, "message": refusal.message });
    let mut response = json_response(refusal.status, &body);
    let headers = response.headers_mut();
    match refusal.status {
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            );
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    if let Some(after) = refusal.retry_after {
        headers.insert(
            header::RETRY_AFTER,
            HeaderValue::from(after.as_secs() + u64::from(after.subsec_nanos() > 0)),
        );
    }
    response
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "nothing is served at this path",
    )
}

/// Refuses every method but those allowed.
pub(super) fn only(parts: &Parts, allowed: &[Method]) -> Result<(), Refusal> {
    if allowed.contains(&parts.method) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "only GET is served here",
    ))
}

/// Another method is asked for. Below a session there is no body: clients show none (SockJS protocol, "WebSocket protocols").
pub(super) fn method_not_allowed(allowed: &'static str) -> Response {
    let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

/// The page that a client loads into a hidden frame; its text is a part of the protocol ("IFrame page"). Its address has no token in it that
/// could leave with a `Referer`.
pub(super) fn iframe(parts: &Parts, client_library: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n  \
         <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n  \
         <script src=\"{}\"></script>\n  \
         <script>\n    document.domain = document.domain;\n    SockJS.bootstrap_iframe();\n  </script>\n\
         </head>\n<body>\n  <h2>Don't panic!</h2>\n  \
         <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>\n\
         </body>\n</html>",
        attribute(client_library)
    );
    let etag = etag(&page);
    let known = parts.headers.get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| *known == etag) {
        status(StatusCode::NOT_MODIFIED)
    } else {
        let mut response = Response::new(Body::from(page));
        let html = HeaderValue::from_static("text/html; charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    let no_referrer = HeaderValue::from_static("no-referrer");
    headers.insert(header::REFERRER_POLICY, no_referrer);
    cache_for_a_year(headers);
    response
}

/// Text in a quoted attribute.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

/// A tag that changes when the page does.
fn etag(page: &str) -> HeaderValue {
    use std::hash::{Hash, Hasher};
    // With fixed keys, so that every node and every start gives the same.
    let mut hasher = std::hash::DefaultHasher::new();
    page.hash(&mut hasher);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// An answer that is all headers.
pub(super) fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Nothing that depends on the session or its user may be kept by anybody.
pub(super) fn never_cache(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
}

fn cache_for_a_year(headers: &mut HeaderMap) {
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000"),
    );
    let in_a_year = SystemTime::now() + Duration::from_secs(YEAR_S.parse().unwrap_or_default());
    if let Ok(expires) = HeaderValue::from_str(&httpdate::fmt_http_date(in_a_year)) {
        headers.insert(header::EXPIRES, expires);
    }
}

/// CORS, also on refusals: a script may read why it was refused. The origin rules themselves belong to the service. Headers that are asked
/// for are allowed on every answer, not on preflights alone (SockJS protocol, "XhrPolling").
pub(super) fn allow_origin(parts: &Parts, headers: &mut HeaderMap) {
    if headers.contains_key(header::UPGRADE) {
        return;
    }
    match parts.headers.get(header::ORIGIN) {
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        None => {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
        }
    }
    if let Some(asked) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        && !asked.is_empty()
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

pub(super) fn text(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let plain = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    headers.insert(header::CONTENT_TYPE, json);
    never_cache(headers);
    response
}
