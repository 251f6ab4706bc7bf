//! What goes on whether or not a frame is being handled: writing, results, timers.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;
use stompline_proto::{Frame, server::Wake};
use stompline_sockjs::{Overflow, Push};

use super::{Driver, now};
use crate::{close::CloseReason, delivery::Delivery, message::Message, session::unix_ms};

/// A sign of life where no heart-beats flow to the client: WebSocket ping or SockJS `h`, as SockJS servers do.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// The pause before a client that did not listen for the notice is told again.
const NOTICE_AGAIN: Duration = Duration::from_secs(2);

impl Driver {
    /// Runs `work` while writing, results and heart-beats go on. The client's silence does not count meanwhile.
    pub(super) async fn alongside<F>(&mut self, mut work: F) -> Result<F::Output, CloseReason>
    where
        F: Future + Unpin,
    {
        let mut waited = false;
        let outcome = poll_fn(|context| {
            if let Poll::Ready(output) = Pin::new(&mut work).poll(context) {
                return Poll::Ready(Ok(output));
            }
            if !std::mem::replace(&mut waited, true) {
                self.stomp.paused(now());
            }
            self.poll_background(context).map(Err)
        })
        .await;
        if waited {
            self.stomp.resumed(now());
        }
        outcome
    }

    /// Appends a frame of the session itself. Messages that may be dropped make room for it; where that is not enough the client is too
    /// slow, since a frame that is missing would be worse than the end.
    pub(super) fn transmit(&self, frame: &Frame) {
        if !self.try_transmit(frame) {
            self.session.end(CloseReason::SlowConsumer);
        }
    }

    /// Appends the last frame, an ERROR. If it finds no room the close code says why the session ends.
    pub(super) fn transmit_last(&self, error: &Frame) {
        self.try_transmit(error);
    }

    fn try_transmit(&self, frame: &Frame) -> bool {
        let own = Delivery::frame(frame, self.session.version());
        let outbox = self.session.outbox();
        outbox.push_with(Overflow::DropOldest, |_| Some(own)) != Push::Full
    }

    /// Everything but reading. Ready only when the session has to end.
    pub(super) fn poll_background(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if let Some(reason) = self.session.end_reason() {
            return Poll::Ready(reason.clone());
        }
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(self.end(CloseReason::Drain));
        }
        if let Poll::Ready(reason) = self.poll_results(context) {
            return Poll::Ready(reason);
        }
        if let Poll::Ready(ended) = self.connection.poll_flush(context) {
            return Poll::Ready(self.reason_of(ended));
        }
        self.tell_undeliverable();
        self.poll_timer(context)
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        loop {
            let due = self.next_due();
            if due < self.timer.deadline() {
                self.timer.as_mut().reset(due);
            }
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            if let Some(reason) = self.on_timer() {
                return Poll::Ready(reason);
            }
            // The timer has fired; only now may it be set to a later time, or it would never fire again.
            let due = self.next_due();
            self.timer.as_mut().reset(due);
        }
    }

    /// When something may be due next, at most an hour ahead.
    fn next_due(&self) -> tokio::time::Instant {
        let now = now();
        let mut due = now + Duration::from_hours(1);
        if let Some(at) = self.stomp.wake_at(self.last_sent(now))
            && !self.stomp.is_closing()
        {
            due = due.min(at);
        }
        if let Some(since) = self.session.outbox().stalled_since() {
            due = due.min(since + self.rules.limits.limits.write_stall);
        }
        if self.is_kept_alive() {
            due = due.min(self.last_write(now) + KEEP_ALIVE);
        }
        if let Some(left) = self.until_expiry() {
            due = due.min(now + left);
        }
        due.into()
    }

    fn on_timer(&mut self) -> Option<CloseReason> {
        let now = now();
        if let Some(since) = self.session.outbox().stalled_since()
            && now.duration_since(since) >= self.rules.limits.limits.write_stall
        {
            self.session.end(CloseReason::SlowConsumer);
            return Some(CloseReason::SlowConsumer);
        }
        if self.stomp.is_closing() {
            return None;
        }
        match self.stomp.wake(now, self.last_sent(now)) {
            Wake::Beat => {
                self.session.outbox().push(Delivery::Beat);
            }
            Wake::ConnectTimeout => return Some(self.end(CloseReason::ConnectTimeout)),
            Wake::Silent => return Some(self.end(CloseReason::Silent)),
            Wake::CloseTimeout | Wake::Nothing => {}
        }
        if self.is_kept_alive() && now.duration_since(self.last_write(now)) >= KEEP_ALIVE {
            self.connection.keep_alive();
        }
        self.check_expiry()
    }

    fn end(&self, reason: CloseReason) -> CloseReason {
        self.session.end(reason.clone());
        reason
    }

    /// What counts for heart-beats (STOMP 1.2, "Heart-beating"): a client sees neither pongs nor `h`. While something waits to be written, a
    /// beat behind it would tell it nothing.
    fn last_sent(&self, now: Instant) -> Instant {
        let outbox = self.session.outbox();
        if outbox.is_idle() {
            outbox.last_message()
        } else {
            now
        }
    }

    /// The same for signs of life below STOMP.
    fn last_write(&self, now: Instant) -> Instant {
        let outbox = self.session.outbox();
        if outbox.is_idle() {
            outbox.last_write()
        } else {
            now
        }
    }

    /// A WebSocket needs a sign of life only where no heart-beats flow; with SockJS frames it gets `h` besides, when these are too rare.
    /// Over HTTP it is the receiving request that sends them.
    fn is_kept_alive(&self) -> bool {
        let transport = self.session.transport();
        let is_beaten = self.stomp.agreed().send_every.is_some();
        self.stomp.is_open() && !transport.is_http() && (transport.is_framed() || !is_beaten)
    }

    /// How long until the token's end, or until its notice, asks for something.
    fn until_expiry(&self) -> Option<Duration> {
        let end = self.session.expires_at().filter(|_| self.stomp.is_open())?;
        let mut due = end + self.rules.limits.limits.expiry_leeway;
        if self.notice_from_ms != u64::MAX {
            let notice = end.checked_sub(self.rules.limits.limits.expiry_notice)?;
            let from = SystemTime::UNIX_EPOCH + Duration::from_millis(self.notice_from_ms);
            due = due.min(notice.max(from));
        }
        Some(due.duration_since(SystemTime::now()).unwrap_or_default())
    }

    fn check_expiry(&mut self) -> Option<CloseReason> {
        if !self.until_expiry()?.is_zero() {
            return None;
        }
        let end = self.session.expires_at()?;
        let now = SystemTime::now();
        if end + self.rules.limits.limits.expiry_leeway <= now {
            let text = "the token has expired; connect again with a new one";
            let error = Frame::error("token_expired", text, None);
            self.transmit_last(&error);
            return Some(self.end(CloseReason::Token));
        }
        let left = end.duration_since(now).unwrap_or_default();
        let body = json!({
            "event": "session.expiring",
            "key": "session.expiring",
            "expiresInS": left.as_secs(),
        });
        // A client that does not listen yet is told again.
        self.notice_from_ms = match self.signal(&body) {
            0 => unix_ms(now + NOTICE_AGAIN),
            _ => u64::MAX,
        };
        None
    }

    /// Says once that messages were missed because a framed SockJS transport carries only text.
    fn tell_undeliverable(&mut self) {
        if self.told_undeliverable || !self.session.has_undeliverable() {
            return;
        }
        self.told_undeliverable = true;
        self.core
            .stats
            .undeliverable
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let rejection = crate::rejection::Rejection::new(
            "undeliverable",
            "a message was not UTF-8 text and cannot travel over this transport; connect by plain WebSocket",
        );
        self.report(&rejection, None, None);
    }

    /// Returns the number of deliveries.
    fn signal(&self, body: &serde_json::Value) -> usize {
        let Ok(message) = Message::json(body) else {
            return 0;
        };
        let destination = self.core.user_destination("/queue/signals");
        let address = (&*destination, &message.headers, &message.body);
        self.core
            .broker
            .publish_to_session(self.session.key(), self.session.id(), address)
            .deliveries
    }
}
