//! A refusal of one frame: what the client is told.

use std::{borrow::Cow, time::Duration};

use serde_json::{Map, Value, json};

/// When to try again what needed the cluster: it knows after a second whether it is back.
const CLUSTER_RETRY: Duration = Duration::from_secs(1);

/// Why a frame was refused. The connection lives on unless the rejection is [fatal](Self::is_fatal).
///
/// The client receives it as a MESSAGE on `/user/queue/errors` with the headers `code` and `receipt-id`, or, when it is fatal, as an
/// ERROR frame (STOMP 1.2, "ERROR").
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    code: &'static str,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    fatal: bool,
}

impl Rejection {
    /// A rejection with a stable `code` in snake case and a sentence for people.
    pub fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
            fatal: false,
        }
    }

    /// Nobody may do this. Not fatal by itself; a refused SUBSCRIBE always is.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("forbidden", message)
    }

    /// The body or a header cannot be understood.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("bad_request", message)
    }

    /// This server failed; details belong in the log, not here.
    pub fn internal() -> Self {
        Self::new("internal", "the server could not do this; try again later")
    }

    /// Something that is needed does not answer now.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("unavailable", message)
    }

    /// The other nodes of the cluster are out of reach.
    pub fn cluster_unavailable() -> Self {
        Self::new(
            "cluster_unavailable",
            "the other nodes are out of reach: only clients of this node were served; try again later",
        )
        .retry_after(CLUSTER_RETRY)
    }

    /// Says after what time the same frame may be accepted.
    pub fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// The session ends with an ERROR frame.
    pub fn fatal(self) -> Self {
        Self {
            fatal: true,
            ..self
        }
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the session ends.
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }

    /// The body of the MESSAGE that reports it.
    pub(crate) fn body(&self, destination: Option<&str>, receipt: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert("code".into(), json!(self.code));
        body.insert("message".into(), json!(self.message));
        if let Some(destination) = destination {
            body.insert("destination".into(), json!(destination));
        }
        if let Some(receipt) = receipt {
            body.insert("receipt".into(), json!(receipt));
        }
        if let Some(after) = self.retry_after {
            let ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            body.insert("retryAfterMs".into(), json!(ms.max(1)));
        }
        Value::Object(body)
    }
}
