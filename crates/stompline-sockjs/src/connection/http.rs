//! The connection of a session over HTTP: requests come and go, and the session ends when none has come for a while.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Sleep;

use super::{Ended, Incoming};
use crate::{
    close::Close,
    exchange::{Exchange, Presence},
    now,
    outbox::Outbox,
    outgoing::Outgoing,
    table::Registration,
};

/// How long a closed session stays for clients that go on asking: a minute is many polls, and an end.
const GOODBYE_MAX: Duration = Duration::from_mins(1);

/// The code that says that this server goes away (RFC 6455, 7.4.1); there is no time to repeat it.
const GOING_AWAY: u16 = 1001;

/// What a connection owns for a session over HTTP.
pub(crate) struct Carrier {
    disconnect_delay: Duration,
    /// Runs while nobody receives.
    absence: Option<Pin<Box<Sleep>>>,
    /// Takes the session out of the endpoint's table when the connection is dropped.
    _registration: Registration,
}

impl Carrier {
    pub(crate) fn new(disconnect_delay: Duration, registration: Registration) -> Self {
        Self {
            disconnect_delay,
            absence: None,
            _registration: registration,
        }
    }

    pub(super) fn poll_flush<M: Outgoing>(
        &mut self,
        context: &mut Context<'_>,
        outbox: &Outbox<M>,
    ) -> Poll<Ended> {
        let Some(exchange) = outbox.exchange() else {
            return Poll::Pending;
        };
        if outbox.is_broken() {
            return Poll::Ready(Ended::Lost(None));
        }
        if outbox.is_close_taken() {
            return Poll::Ready(Ended::Ours);
        }
        self.poll_absence(context, exchange, self.disconnect_delay)
            .map(|()| Ended::Lost(None))
    }

    /// Ready when nobody has received for `patience`, or a receiver broke off.
    ///
    /// A poller is away so often that the timer is not moved each time: it fires, looks, and is set anew.
    fn poll_absence(
        &mut self,
        context: &mut Context<'_>,
        exchange: &Exchange,
        patience: Duration,
    ) -> Poll<()> {
        loop {
            if let Some(absence) = &mut self.absence
                && absence.as_mut().poll(context).is_ready()
            {
                self.unwatch(exchange);
            }
            let since = match exchange.presence() {
                Presence::Interrupted => return Poll::Ready(()),
                Presence::Attached => return Poll::Pending,
                Presence::Detached(since) => since,
            };
            let due = since + patience;
            if due <= now() {
                return Poll::Ready(());
            }
            if self.absence.is_some() {
                return Poll::Pending;
            }
            exchange.watch(true);
            self.absence = Some(Box::pin(tokio::time::sleep_until(due.into())));
        }
    }

    fn unwatch(&mut self, exchange: &Exchange) {
        self.absence = None;
        exchange.watch(false);
    }

    /// Sees to it that the close frame is taken, and repeated to those who ask again.
    pub(super) async fn say_goodbye<M: Outgoing>(
        &mut self,
        outbox: &Outbox<M>,
        close: &Close,
        linger: Duration,
    ) {
        let Some(exchange) = outbox.exchange() else {
            return;
        };
        self.unwatch(exchange);
        let leaves = close.code == GOING_AWAY;
        let patience = if leaves {
            linger.min(self.disconnect_delay)
        } else {
            self.disconnect_delay
        };
        let taken = self.until(outbox, patience, Outbox::is_close_taken);
        let _ = tokio::time::timeout(patience + linger, taken).await;
        if outbox.is_close_taken() && !leaves {
            let absent = self.until(outbox, patience, |_| false);
            let _ = tokio::time::timeout(GOODBYE_MAX, absent).await;
        }
    }

    /// Waits until `is_over`, nobody has received for `patience`, or the connection broke.
    async fn until<M: Outgoing>(
        &mut self,
        outbox: &Outbox<M>,
        patience: Duration,
        is_over: impl Fn(&Outbox<M>) -> bool,
    ) {
        poll_fn(|context| {
            outbox.register(context.waker());
            let Some(exchange) = outbox.exchange() else {
                return Poll::Ready(());
            };
            // What is posted to a closed session goes where a message to a closed WebSocket goes.
            drop(exchange.collect());
            if outbox.is_broken() || is_over(outbox) {
                return Poll::Ready(());
            }
            self.poll_absence(context, exchange, patience)
        })
        .await;
    }
}

/// Gives the messages that were posted to `sink`.
pub(super) fn poll_receive(
    exchange: &Exchange,
    sink: &mut dyn FnMut(Incoming<'_>),
) -> Poll<Result<(), Ended>> {
    let messages = exchange.collect();
    if messages.is_empty() {
        return match exchange.presence() {
            Presence::Interrupted => Poll::Ready(Err(Ended::Lost(None))),
            _ => Poll::Pending,
        };
    }
    for message in &messages {
        sink(Incoming::Text(message.as_bytes()));
    }
    Poll::Ready(Ok(()))
}
