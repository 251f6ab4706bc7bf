//! The fixed answers of an endpoint.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::json;

use crate::{service::Refusal, settings::Settings};

const NO_STORE: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
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
        "cookie_needed": false,
        "entropy": u32::from_ne_bytes(entropy),
    });
    json_response(StatusCode::OK, &body)
}

/// The answer to a CORS preflight, good for a year.
pub(super) fn preflight(parts: &Parts, methods: &'static str) -> Response {
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
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000"),
    );
    if let Some(asked) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
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

/// CORS, also on refusals: a script may read why it was refused. The origin rules themselves belong to the service.
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
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

fn text(body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
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
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    response
}
