//! Bodies of requests, for which a client has so much time.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::service::Refusal;

/// Why there is no more of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The client has used up its time.
    Late,
    /// It is not as HTTP has it, or its socket broke.
    Broken,
}

/// A body that has to come in time. What the server does meanwhile is not the client's time.
pub(super) struct TimedBody {
    body: Body,
    left: Duration,
}

impl TimedBody {
    pub(super) fn new(body: Body, timeout: Duration) -> Self {
        Self {
            body,
            left: timeout,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        let asked = Instant::now();
        loop {
            let frame = tokio::time::timeout_at(asked + self.left, self.body.frame());
            let frame = match frame.await.map_err(|_| BodyError::Late)? {
                Some(frame) => frame.map_err(|_| BodyError::Broken)?,
                None => return Ok(None),
            };
            // Trailers say nothing here.
            if let Ok(piece) = frame.into_data() {
                self.left = self.left.saturating_sub(asked.elapsed());
                return Ok(Some(piece));
            }
        }
    }

    /// Reads a body that says nothing, so that the connection can carry the next request. One with over `bytes_max` is left where it is, and
    /// its connection ends after the answer.
    pub(super) async fn ignore(mut self, bytes_max: usize) -> Result<(), Refusal> {
        let mut bytes = 0;
        while bytes <= bytes_max
            && let Some(piece) = self.piece().await?
        {
            bytes += piece.len();
        }
        Ok(())
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Late => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_late",
                "the body did not come in time",
            ),
            BodyError::Broken => Self::new(
                StatusCode::BAD_REQUEST,
                "body_broken",
                "the body is not as its head says",
            ),
        }
    }
}
