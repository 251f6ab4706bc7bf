//! The HTTP side of a WebSocket's opening (RFC 6455, section 4.2).

use std::borrow::Cow;

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};

use super::answer;
use crate::service::Refusal;

/// Whether the request wants to become something else than HTTP.
pub(super) fn is_upgrade(parts: &Parts) -> bool {
    has_token(parts, &header::UPGRADE, "websocket")
}

/// Checks everything that a handshake needs; gives the client's key.
pub(super) fn check(parts: &Parts) -> Result<String, Refusal> {
    answer::only(parts, &[Method::GET])?;
    if !is_upgrade(parts) {
        return Err(bad("Can \"Upgrade\" only to \"WebSocket\"."));
    }
    if !has_token(parts, &header::CONNECTION, "upgrade") {
        return Err(bad("\"Connection\" must be \"Upgrade\"."));
    }
    if only_value(parts, &header::HOST).is_none() {
        return Err(bad("exactly one Host is needed"));
    }
    if only_value(parts, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Refusal::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_version",
            "only version 13 of the WebSocket protocol is spoken here",
        ));
    }
    only_value(parts, &header::SEC_WEBSOCKET_KEY)
        .filter(|key| stompline_ws::handshake::is_valid_key(key))
        .map(str::to_owned)
        .ok_or_else(|| bad("exactly one Sec-WebSocket-Key is needed: 16 bytes in base64"))
}

/// The server in front of us cannot hand over the socket.
pub(super) fn not_upgradable() -> Refusal {
    Refusal::new(
        StatusCode::UPGRADE_REQUIRED,
        "not_upgradable",
        "this connection cannot become a WebSocket: use HTTP/1.1",
    )
}

/// The first of the client's sub-protocols that is known here, whatever its case.
pub(super) fn choose_protocol(parts: &Parts, known: &[Cow<'static, str>]) -> Option<HeaderValue> {
    parts
        .headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find(|offer| known.iter().any(|name| name.eq_ignore_ascii_case(offer)))
        .and_then(|offer| HeaderValue::from_str(offer).ok())
}

/// The answer that turns HTTP into a WebSocket.
pub(super) fn switching(key: &str, protocol: Option<HeaderValue>) -> Response {
    let accept = stompline_ws::handshake::accept_key(key);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

fn bad(message: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "bad_handshake", message)
}

/// Whether a header that lists tokens holds `token`.
fn has_token(parts: &Parts, name: &header::HeaderName, token: &str) -> bool {
    parts
        .headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// The value of a header that must come once.
fn only_value<'a>(parts: &'a Parts, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = parts.headers.get_all(name).iter();
    let value = values.next()?;
    match values.next() {
        Some(_) => None,
        None => value.to_str().ok(),
    }
}
