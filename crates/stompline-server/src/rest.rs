//! What an answer leaves unread of its request.
//!
//! hyper closes a connection whose request was not read to its end, without having said so in the answer, and the client's next request
//! fails. So a body comes back here when its handler drops it, and what is left is read and thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};

/// Most bytes that are thrown away: four times the largest body that is taken.
const BYTES_MAX: usize = 1024 * 1024;

/// How long a refused client may take to send the rest; its answer waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// The place where a lent body comes back.
#[derive(Debug)]
pub(crate) struct Rest(Arc<Mutex<Option<Incoming>>>);

impl Rest {
    /// Lends a body to a handler. One that has nothing in it needs not come back.
    pub(crate) fn lend(body: Incoming) -> (Body, Option<Self>) {
        if body.is_end_stream() {
            return (Body::new(body), None);
        }
        let place = Arc::default();
        let lent = Lent {
            body: Some(body),
            place: Arc::clone(&place),
        };
        (Body::new(lent), Some(Self(place)))
    }

    /// Throws away what nobody has read. `false` if that is too much, or takes too long: then this has to be the last answer.
    /// A client that `waits` to be asked for the body (RFC 9110, section 10.1.1) is not asked to send it for nothing.
    pub(crate) async fn discard(self, waits: bool) -> bool {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut rest) = rest else {
            return true;
        };
        if waits {
            return false;
        }
        let read = async {
            let mut bytes = 0;
            while bytes <= BYTES_MAX {
                match rest.frame().await {
                    Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or(false)
    }
}

struct Lent {
    body: Option<Incoming>,
    place: Arc<Mutex<Option<Incoming>>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
