//! The description of this API for machines.

use axum::http::header;
use axum::response::IntoResponse;

/// OpenAPI 3.1, kept beside the routes that it describes; a test compares the two.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}
