//! Errors as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use serde::Serialize;
use std::time::Duration;
use stompline::backplane::BackplaneError;

/// Why a request was refused.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// For programs: stable, in snake case.
    code: &'static str,
    /// The class of the problem, for people.
    title: &'static str,
    /// What was wrong with this request and what is allowed.
    detail: String,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    pub(super) fn body_late() -> Self {
        let detail = "the body did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_late", detail)
    }

    pub(super) fn body_too_large(bytes_max: usize) -> Self {
        let detail = format!("a body here has {bytes_max} bytes at most");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// A body that could not be read to its end within `bytes_max`.
    pub(super) fn body_cut(error: &axum::Error, bytes_max: usize) -> Self {
        let source = std::error::Error::source(error);
        if source.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            return Self::body_too_large(bytes_max);
        }
        Self::bad_request("the body is not as its head says")
    }

    pub(super) fn no_such(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no such {what}"),
        )
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(super) fn key_needed() -> Self {
        let detail = "send Authorization: Bearer <key> with one of the keys in api.keys";
        Self::new(StatusCode::UNAUTHORIZED, "api_key", detail)
    }

    pub(super) fn too_fast(retry_after: Duration) -> Self {
        let detail = "too many requests from this address";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        Self {
            retry_after: Some(retry_after),
            ..problem
        }
    }

    /// This node did its part, and the others are out of reach.
    pub(super) fn cluster_unavailable(error: &BackplaneError) -> Self {
        let detail = format!("done on this node only: {error}");
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "cluster_unavailable",
            detail,
        );
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..problem
        }
    }

    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "an API request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the failure is logged",
        )
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad_request", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) async fn not_found() -> Problem {
    Problem::no_such("path in this API; GET /api/v1/openapi.json lists them")
}
