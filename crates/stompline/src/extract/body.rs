//! Arguments that take the body.

use std::{convert::Infallible, string::FromUtf8Error};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{FromMessage, Inbound};
use crate::{
    message::{IntoMessage, Message},
    rejection::Rejection,
};

/// JSON: as an argument, the body of a SEND; as a result, the body of a MESSAGE.
///
/// As an argument it takes a body without `content-type`, since browsers' clients seldom set one, and one that names JSON or plain
/// text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json<T>(pub T);

/// Why a body is not the JSON that a handler wants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonRejection {
    /// The body's type is something else.
    #[error("the content-type is {0:?}; send application/json, or none")]
    ContentType(String),
    /// The body is not JSON, or not of the form that is wanted.
    #[error("the body is not the JSON that is wanted here: {0}")]
    Body(serde_json::Error),
}

impl From<JsonRejection> for Rejection {
    fn from(rejection: JsonRejection) -> Self {
        Self::bad_request(rejection.to_string())
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromMessage<S> for Json<T> {
    type Rejection = JsonRejection;

    async fn from_message(inbound: Inbound, _state: &S) -> Result<Self, JsonRejection> {
        if let Some(content_type) = inbound.parts.headers.find("content-type")
            && !is_json(content_type)
        {
            let shown = content_type.chars().take(64).collect();
            return Err(JsonRejection::ContentType(shown));
        }
        serde_json::from_slice(&inbound.body)
            .map(Self)
            .map_err(JsonRejection::Body)
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    matches!(
        &*essence,
        "" | "application/json" | "text/json" | "text/plain" | "*/*"
    ) || essence.ends_with("+json")
}

impl<T: Serialize> IntoMessage for Json<T> {
    fn into_message(self) -> Result<Message, Rejection> {
        Message::json(&self.0).map_err(|error| {
            tracing::error!(%error, "a handler's result cannot be written as JSON");
            Rejection::internal()
        })
    }
}

/// The body is not UTF-8, although the handler wants text.
#[derive(Debug, thiserror::Error)]
#[error("the body is not UTF-8 text: {0}")]
pub struct NotUtf8(FromUtf8Error);

impl From<NotUtf8> for Rejection {
    fn from(rejection: NotUtf8) -> Self {
        Self::bad_request(rejection.to_string())
    }
}

impl<S: Send + Sync> FromMessage<S> for String {
    type Rejection = NotUtf8;

    async fn from_message(inbound: Inbound, _state: &S) -> Result<Self, NotUtf8> {
        Self::from_utf8(inbound.body.into()).map_err(NotUtf8)
    }
}

impl<S: Send + Sync> FromMessage<S> for Bytes {
    type Rejection = Infallible;

    async fn from_message(inbound: Inbound, _state: &S) -> Result<Self, Infallible> {
        Ok(inbound.body)
    }
}

impl<S: Send + Sync> FromMessage<S> for Inbound {
    type Rejection = Infallible;

    async fn from_message(inbound: Inbound, _state: &S) -> Result<Self, Infallible> {
        Ok(inbound)
    }
}
