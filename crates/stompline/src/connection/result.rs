//! The results of frames, in the order of the frames.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use stompline_proto::{Frame, needs_escape};

use super::Driver;
use crate::{
    backplane::Confirmation, broker::Published, close::CloseReason, event::SessionEvent,
    message::Message, rejection::Rejection, render::Rendering, reply::Reply,
    subscription::Subscription,
};

/// Results of one session that may be pending; then reading pauses.
const PENDING_MAX: usize = 64;

/// What a frame was about, for its receipt or refusal.
#[derive(Default)]
pub(super) struct Origin {
    pub(super) receipt: Option<String>,
    pub(super) destination: Option<String>,
    /// A refused SUBSCRIBE ends the session.
    pub(super) is_subscribe: bool,
    /// The subscription that ends again if the cluster does not learn of it.
    pub(super) joining: Option<Arc<Subscription>>,
}

/// A result whose turn has not come.
pub(super) enum Waiting {
    Ready(Result<Reply, Rejection>),
    Pending(BoxFuture<'static, Result<Reply, Rejection>>),
    /// The one message of a subscribe handler.
    Answer(Arc<Subscription>, Message),
}

impl Waiting {
    /// A subscription that is live here waits for the cluster.
    pub(super) fn joining(joined: Confirmation) -> Self {
        Self::Pending(Box::pin(async move {
            match joined.await {
                Ok(()) => Ok(Reply::none()),
                Err(error) => {
                    tracing::info!(%error, "a SUBSCRIBE is not confirmed");
                    Err(Rejection::cluster_unavailable())
                }
            }
        }))
    }
}

/// Messages on their way, and what follows them.
struct Publishing {
    origin: Origin,
    refused: Option<Rejection>,
    messages: BoxFuture<'static, (Published, Option<Rejection>)>,
}

/// The results of one session.
#[derive(Default)]
pub(super) struct Results {
    /// Empty when the session is idle, and mostly otherwise: what is ready at its turn never enters.
    #[allow(
        clippy::box_collection,
        reason = "one word in each session, and rarely there"
    )]
    queue: Option<Box<VecDeque<(Origin, Waiting)>>>,
    /// The messages of the first result, on their way; then its receipt.
    publishing: Option<Box<Publishing>>,
}

impl Results {
    pub(super) fn push(&mut self, origin: Origin, waiting: Waiting) {
        let queue = self.queue.get_or_insert_default();
        queue.push_back((origin, waiting));
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.as_ref().map_or(0, |queue| queue.len()) >= PENDING_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.is_empty()) && self.publishing.is_none()
    }
}

impl Results {
    /// The next result, once it is known. `None` if none waits; then nothing is allocated either.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(Origin, Waiting)>> {
        let Some((_, waiting)) = self.queue.as_mut().and_then(|queue| queue.front_mut()) else {
            self.queue = None;
            return Poll::Ready(None);
        };
        if let Waiting::Pending(result) = waiting {
            let result = ready!(result.as_mut().poll(context));
            *waiting = Waiting::Ready(result);
        }
        Poll::Ready(self.queue.as_mut().and_then(|queue| queue.pop_front()))
    }
}

impl Driver {
    /// Waits until every result has left.
    pub(super) async fn settled(&mut self) -> Result<(), CloseReason> {
        poll_fn(|context| match self.poll_background(context) {
            Poll::Ready(reason) => Poll::Ready(Err(reason)),
            Poll::Pending if self.results.is_empty() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Sends the results whose turn has come. Ready only when the session has to end.
    pub(super) fn poll_results(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        loop {
            if let Some(publishing) = &mut self.results.publishing {
                let published = ready!(publishing.messages.as_mut().poll(context));
                if let Some(done) = self.results.publishing.take()
                    && let Err(reason) = self.published(*done, published)
                {
                    return Poll::Ready(reason);
                }
            }
            let Some((origin, waiting)) = ready!(self.results.poll_next(context)) else {
                return Poll::Pending;
            };
            if let Err(reason) = self.settle(origin, waiting) {
                return Poll::Ready(reason);
            }
        }
    }

    /// The result of a frame before which none waits.
    pub(super) fn settle(&mut self, origin: Origin, waiting: Waiting) -> Result<(), CloseReason> {
        match waiting {
            Waiting::Ready(Err(rejection)) => self.refuse(&rejection, &origin),
            Waiting::Ready(Ok(reply)) => {
                self.settle_reply(origin, reply);
                Ok(())
            }
            Waiting::Answer(once, message) => {
                let destination = once.destination();
                once.deliver(&Rendering::new(
                    destination,
                    &message.headers,
                    &message.body,
                ));
                self.confirm(origin.receipt.as_deref());
                Ok(())
            }
            Waiting::Pending(_) => Ok(()),
        }
    }

    fn settle_reply(&mut self, mut origin: Origin, reply: Reply) {
        let Reply {
            messages,
            pending,
            refused,
        } = reply;
        if let Some(pending) = pending {
            let pending = Arc::clone(&self.core).guard_owned(pending);
            let rest = std::mem::take(&mut origin);
            let queue = self.results.queue.get_or_insert_default();
            queue.push_front((rest, Waiting::Pending(pending)));
            if messages.is_empty() {
                return;
            }
        } else if messages.is_empty() {
            self.confirm(origin.receipt.as_deref());
            return;
        }
        let core = Arc::clone(&self.core);
        let messages = Box::pin(core.publish_reply(Arc::clone(&self.session), messages));
        self.results.publishing = Some(Box::new(Publishing {
            origin,
            refused,
            messages,
        }));
    }

    /// The messages have left: now the receipt, unless they were a refusal.
    fn published(
        &mut self,
        done: Publishing,
        (published, failed): (Published, Option<Rejection>),
    ) -> Result<(), CloseReason> {
        self.note_congested(published.congested);
        if let Some(failed) = failed.filter(|_| done.refused.is_none()) {
            return self.refuse(&failed, &done.origin);
        }
        match done.refused {
            None => self.confirm(done.origin.receipt.as_deref()),
            Some(rejection) if published.deliveries == 0 => {
                return self.refuse(&rejection, &done.origin);
            }
            Some(rejection) => {
                self.core.note_rejection();
                self.log_refusal(&rejection, done.origin.destination.as_deref());
            }
        }
        Ok(())
    }

    /// RECEIPT (STOMP 1.2, "RECEIPT").
    fn confirm(&self, receipt: Option<&str>) {
        if let Some(receipt) = receipt {
            self.transmit(&Frame::receipt(receipt));
        }
    }

    /// Refuses a frame: by a message if the session can hear it and may live on, otherwise by ERROR.
    fn refuse(&mut self, rejection: &Rejection, origin: &Origin) -> Result<(), CloseReason> {
        let receipt = origin.receipt.as_deref();
        let destination = origin.destination.as_deref();
        if let Some(subscription) = &origin.joining {
            self.withdraw(subscription);
        }
        let fatal = rejection.is_fatal() || (origin.is_subscribe && origin.joining.is_none());
        if !fatal {
            self.core.note_rejection();
            if self.report(rejection, destination, receipt) {
                self.log_refusal(rejection, destination);
                return Ok(());
            }
            if receipt.is_none() {
                return Ok(());
            }
        }
        self.core.stats.errors.fetch_add(1, Ordering::Relaxed);
        tracing::info!(
            session = self.session.id(),
            code = rejection.code(),
            destination,
            "ERROR"
        );
        let mut error = Frame::error(rejection.code(), rejection.message(), receipt);
        if let Some(destination) = destination.filter(|text| !needs_escape(text)) {
            error.headers.push("destination", destination);
        }
        self.transmit_last(&error);
        let reason = match rejection.code() {
            "forbidden" => CloseReason::Forbidden,
            _ => CloseReason::Protocol,
        };
        self.session.end(reason.clone());
        Err(reason)
    }

    /// The first refusal of a session is worth a line; a client that is refused again and again must not fill the log.
    fn log_refusal(&mut self, rejection: &Rejection, destination: Option<&str>) {
        let (session, code) = (self.session.id(), rejection.code());
        if std::mem::replace(&mut self.was_refused, true) {
            tracing::debug!(session, code, destination, "a frame was refused");
        } else {
            tracing::info!(
                session,
                code,
                destination,
                "a frame was refused; more of this session are logged at debug"
            );
        }
    }

    /// Ends a subscription that is refused after all.
    fn withdraw(&mut self, subscription: &Arc<Subscription>) {
        let found = self
            .stomp
            .subscriptions()
            .find(|(_, own)| Arc::ptr_eq(own, subscription))
            .map(|(id, _)| id.as_str().to_owned());
        let Some((id, _)) = found.and_then(|id| self.stomp.unsubscribe(&id)) else {
            return;
        };
        self.core.leave(subscription);
        self.core.tell(&SessionEvent::Unsubscribed {
            session: Arc::clone(&self.session),
            id: id.as_str().into(),
            destination: Arc::clone(subscription.destination()),
        });
    }

    /// Tells a refusal on `/user/queue/errors`. False if this session does not listen there.
    pub(super) fn report(
        &self,
        rejection: &Rejection,
        destination: Option<&str>,
        receipt: Option<&str>,
    ) -> bool {
        let body = rejection.body(destination, receipt);
        let Ok(mut message) = Message::json(&body) else {
            return false;
        };
        message.headers.push("code", rejection.code());
        if let Some(receipt) = receipt {
            message.headers.push("receipt-id", receipt);
        }
        let errors = self.core.user_destination("/queue/errors");
        let address = (&*errors, &message.headers, &message.body);
        let told =
            self.core
                .broker
                .publish_to_session(self.session.key(), self.session.id(), address);
        if told.deliveries == 0 {
            tracing::info!(
                session = self.session.id(),
                code = rejection.code(),
                destination,
                "a frame was refused and the client does not listen on /user/queue/errors"
            );
        }
        told.deliveries > 0
    }
}
