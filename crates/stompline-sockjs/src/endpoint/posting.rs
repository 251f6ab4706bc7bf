//! Requests that bring messages.

use axum::{body::Body, response::Response};
use http::{StatusCode, header, request::Parts};

use super::{
    Shared, answer,
    body::{BodyError, TimedBody},
    route::Action,
    session::failure,
};
use crate::{
    outbox::Outbox,
    outgoing::Outgoing,
    post::{Encoding, PostDecoder, PostError},
    relay::{Handed, Line, hand_over},
    service::Service,
    table::Key,
};

/// Bytes of posted messages that are handed over in one piece. A body up to this size is taken whole or not at all.
const BATCH_BYTES: usize = 64 * 1024;

/// Why messages did not reach their session.
enum Unsent {
    Refused(PostError),
    /// The session ended.
    Gone,
    /// The body did not come to its end.
    Cut(BodyError),
    /// The node of the session does not answer.
    Unanswered,
}

impl<S: Service> Shared<S> {
    pub(super) async fn send(
        &self,
        parts: &Parts,
        body: Body,
        (key, action): (&Key<S::Owner>, Action),
    ) -> Response {
        let decoder = PostDecoder::new(
            encoding_of(action, parts),
            // The quotes and the frame's escapes are the transport's, not the message's.
            self.settings.message_bytes_max,
        );
        let body = TimedBody::new(body, self.settings.body_timeout);
        let sent = if let Some(outbox) = self.sessions.find(key) {
            post(&outbox, decoder, body).await
        } else if let Some(line) = self.locate(key, None).await {
            deliver(&Place::<S::Message>::Elsewhere(&*line), decoder, body).await
        } else {
            Err(Unsent::Gone)
        };
        match sent {
            Ok(()) if action == Action::JsonpSend => answer::text("ok"),
            Ok(()) => {
                let mut response = answer::text(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Err(Unsent::Refused(PostError::TooLarge)) => {
                let mut response = failure(&PostError::TooLarge.to_string());
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
                response
            }
            Err(Unsent::Refused(error)) => failure(&error.to_string()),
            Err(Unsent::Gone) => answer::status(StatusCode::NOT_FOUND),
            Err(Unsent::Cut(error)) => answer::refusal(&error.into()),
            // The client gives the session up, as at 404: nobody can tell whether the messages are there.
            Err(Unsent::Unanswered) => answer::status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// Where the session is.
enum Place<'a, M> {
    Here(&'a Outbox<M>),
    Elsewhere(&'a dyn Line),
}

impl<M: Outgoing> Place<'_, M> {
    async fn deliver(&self, messages: Vec<String>) -> Result<(), Unsent> {
        if messages.is_empty() {
            return Ok(());
        }
        match self {
            Self::Here(outbox) => {
                let exchange = outbox.exchange().ok_or(Unsent::Gone)?;
                let delivered = exchange.deliver(messages).await;
                outbox.wake();
                delivered.then_some(()).ok_or(Unsent::Gone)
            }
            Self::Elsewhere(line) => match hand_over(*line, &messages).await {
                Handed::Taken => Ok(()),
                Handed::Gone => Err(Unsent::Gone),
                Handed::Unanswered => Err(Unsent::Unanswered),
            },
        }
    }
}

/// Hands the messages of a body to a session here, one body at a time.
async fn post<M: Outgoing>(
    outbox: &Outbox<M>,
    decoder: PostDecoder,
    body: TimedBody,
) -> Result<(), Unsent> {
    let exchange = outbox.exchange().ok_or(Unsent::Gone)?;
    let posted = async {
        let _turn = exchange.posting.lock().await;
        deliver(&Place::Here(outbox), decoder, body).await
    };
    tokio::select! {
        biased;
        posted = posted => posted,
        // Those in line behind a slow body need not wait for it.
        () = exchange.ended() => Err(Unsent::Gone),
    }
}

/// Reads a body and delivers its messages, in batches.
async fn deliver<M: Outgoing>(
    place: &Place<'_, M>,
    mut decoder: PostDecoder,
    mut body: TimedBody,
) -> Result<(), Unsent> {
    while let Some(piece) = body.piece().await.map_err(Unsent::Cut)? {
        decoder.push(&piece).map_err(Unsent::Refused)?;
        if decoder.ready_bytes() >= BATCH_BYTES {
            place.deliver(decoder.take()).await?;
        }
    }
    decoder.finish().map_err(Unsent::Refused)?;
    place.deliver(decoder.take()).await
}

/// jsonp clients post a form; everything else is the array itself, whatever type it claims to have.
fn encoding_of(action: Action, parts: &Parts) -> Encoding {
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if action == Action::JsonpSend && is_form {
        Encoding::Form
    } else {
        Encoding::Json
    }
}
