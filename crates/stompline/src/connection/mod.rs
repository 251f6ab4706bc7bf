//! One connection from its first byte to its last: the driver.
//!
//! One task owns the connection, the decoder and the session machine. It handles one frame after the other; while a handler runs, it keeps
//! writing and beating. Its return is the only end of a session.

mod background;
mod open;
mod relief;
mod renewal;
mod request;
mod result;

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::{Duration, Instant},
};

use stompline_proto::{DecodeError, Decoded, Decoder, Frame, Side, server};
use stompline_sockjs::{Connection, Ended};
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::{
    app::Core,
    auth::Principal,
    close::CloseReason,
    delivery::Delivery,
    endpoint::{Admission, Rules},
    event::SessionEvent,
    rate::TokenBucket,
    session::Session,
    subscription::{SessionOutbox, Subscription},
};
use relief::Relief;
use result::Results;

/// How long a client may take to close after its goodbye was answered.
const LINGER: Duration = Duration::from_secs(2);

/// The clock of sessions: the runtime's, so that tests can advance it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// What waits to be handled.
enum Input {
    Frame(Frame),
    /// Nothing behind it can be read.
    Malformed {
        error: DecodeError,
        receipt: Option<String>,
    },
}

/// The owner of one connection.
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with its own name"
)]
pub(crate) struct Driver {
    core: Arc<Core>,
    rules: Arc<Rules>,
    connection: Connection<Delivery>,
    decoder: Decoder,
    stomp: server::Session<Arc<Subscription>>,
    session: Arc<Session>,
    /// Whom the handshake let in; CONNECT takes it.
    admitted: Option<Principal>,
    inbox: VecDeque<Input>,
    results: Results,
    /// Set once a frame of this session has filled somebody's outbox over half.
    relief: Option<Box<Relief>>,
    frame_rate: Option<Box<TokenBucket>>,
    timer: Pin<Box<Sleep>>,
    /// Until CONNECTED nobody knows the session, so it looks by itself whether the node shuts down.
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// A CONNECT frame has come: listeners know the session.
    announced: bool,
    /// From when on the client may be told that its token ends, in milliseconds of the Unix epoch; `u64::MAX` once it knows.
    notice_from_ms: u64,
    told_undeliverable: bool,
    was_refused: bool,
    departed: bool,
}

/// Allocators have a size of 448 bytes, and then one of 512; there is one of these for each connection.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Driver>() <= 448);

impl Driver {
    pub(crate) fn new(
        core: Arc<Core>,
        rules: Arc<Rules>,
        admission: Admission,
        connection: Connection<Delivery>,
    ) -> Self {
        let now = now();
        let session = Session::new(
            Arc::clone(&rules.prefix),
            connection.transport(),
            Arc::clone(connection.outbox()),
            admission.attributes,
        );
        let limits = Arc::clone(&rules.limits);
        let frame_rate = limits
            .frame_rate
            .map(|rate| Box::new(TokenBucket::new(rate)));
        core.stats.connections.fetch_add(1, Ordering::Relaxed);
        Self {
            decoder: Decoder::new(Side::Server, Arc::clone(&limits.frame)),
            stomp: server::Session::new(Arc::clone(&limits.stomp), now),
            timer: Box::pin(tokio::time::sleep(limits.limits.connect_timeout)),
            shutdown: Some(Box::pin(core.draining.clone().cancelled_owned())),
            core,
            rules,
            connection,
            session,
            admitted: admission.principal,
            inbox: VecDeque::new(),
            results: Results::default(),
            relief: None,
            frame_rate,
            announced: false,
            notice_from_ms: 0,
            told_undeliverable: false,
            was_refused: false,
            departed: false,
        }
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(&mut self) {
        let reason = self.serve().await;
        self.depart(&reason);
        Box::pin(self.part(&reason)).await;
    }

    /// Lets the client go. A server that shuts down does not wait for one that cannot be heard leaving.
    async fn part(&mut self, reason: &CloseReason) {
        if !self.connection.transport().is_http() {
            return self.take_leave(reason).await;
        }
        let hurry = hurry(
            Arc::clone(&self.core),
            Arc::clone(self.session.outbox()),
            *reason == CloseReason::Disconnect,
        );
        tokio::select! {
            () = self.take_leave(reason) => {}
            () = hurry => {}
        }
    }

    /// A goodbye of the client's own first, then ours.
    async fn take_leave(&mut self, reason: &CloseReason) {
        if *reason == CloseReason::Disconnect && self.connection.outbox().closing().is_none() {
            self.connection.expect_goodbye();
            self.await_goodbye().await;
            self.connection
                .outbox()
                .close(CloseReason::Disconnect.close());
        }
        self.connection.finish(LINGER).await;
    }

    /// Waiting is all that an idle connection's memory is for: what handles frames is allocated for a batch and freed after it.
    async fn serve(&mut self) -> CloseReason {
        loop {
            let step = if self.inbox.is_empty() {
                self.turn().await
            } else {
                Box::pin(self.handle_all()).await
            };
            if let Err(reason) = step {
                return reason;
            }
        }
    }

    /// Handles what the last read brought.
    async fn handle_all(&mut self) -> Result<(), CloseReason> {
        while !self.inbox.is_empty() {
            self.await_room().await?;
            if let Some(input) = self.inbox.pop_front() {
                self.handle(input).await?;
            }
        }
        Ok(())
    }

    /// The next frame waits while as many results as allowed are pending, and while the client leaves over half of its own outbox unread:
    /// that delays nobody else, and its echoes and receipts cannot drown it.
    async fn await_room(&mut self) -> Result<(), CloseReason> {
        if !self.results.is_full() && !self.connection.outbox().is_congested() {
            return Ok(());
        }
        self.stomp.paused(now());
        let roomy = poll_fn(|context| {
            if let Poll::Ready(reason) = self.poll_background(context) {
                return Poll::Ready(Err(reason));
            }
            if self.results.is_full() {
                return Poll::Pending;
            }
            self.connection.outbox().poll_relief(context).map(Ok)
        })
        .await;
        self.stomp.resumed(now());
        roomy
    }

    /// Waits until something has been read, and keeps everything else going meanwhile.
    async fn turn(&mut self) -> Result<(), CloseReason> {
        if self.inbox.capacity() > 0 {
            self.inbox = VecDeque::new();
        }
        poll_fn(|context| {
            if let Poll::Ready(reason) = self.poll_background(context) {
                return Poll::Ready(Err(reason));
            }
            if self.results.is_full() {
                self.stomp.paused(now());
                return Poll::Pending;
            }
            self.poll_receive(context)
        })
        .await
    }

    fn poll_receive(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Result<(), CloseReason>> {
        let Self {
            connection,
            decoder,
            inbox,
            ..
        } = self;
        let received = connection.poll_receive(context, &mut |incoming| {
            decode(decoder, incoming.bytes(), inbox);
        });
        let Poll::Ready(received) = received else {
            return Poll::Pending;
        };
        let now = now();
        self.stomp.resumed(now);
        self.stomp.received(now);
        Poll::Ready(received.map_err(|ended| self.reason_of(ended)))
    }

    /// Handles one frame. What earlier ones have ready leaves first.
    async fn handle(&mut self, input: Input) -> Result<(), CloseReason> {
        self.core.stats.frames.fetch_add(1, Ordering::Relaxed);
        let frame = match input {
            Input::Frame(frame) => frame,
            Input::Malformed { error, receipt } => {
                let reason = match error.code() {
                    "frame_too_large" => CloseReason::TooBig,
                    _ => CloseReason::Protocol,
                };
                return Err(self.fail(&error.to_frame(receipt.as_deref()), reason).await);
            }
        };
        self.session.touch();
        self.limit_rate(&frame).await?;
        match self.stomp.receive(frame, now()) {
            Ok(Some(request)) => self.perform(request).await?,
            Ok(None) => {}
            Err(error) => {
                return Err(self.fail(&error.to_frame(), CloseReason::Protocol).await);
            }
        }
        self.relieve().await
    }

    /// Sends an ERROR as the last frame, after the results of what came before.
    async fn fail(&mut self, error: &Frame, reason: CloseReason) -> CloseReason {
        let _ = self.settled().await;
        self.core.stats.errors.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            session = self.session.id(),
            code = error.headers.find("code"),
            message = error.headers.find("message"),
            "ERROR"
        );
        self.stomp.close(now());
        self.transmit_last(error);
        self.session.end(reason.clone());
        reason
    }

    fn reason_of(&self, ended: Ended) -> CloseReason {
        if let Some(reason) = self.session.end_reason() {
            return reason.clone();
        }
        match ended {
            Ended::Closed(None | Some(1000 | 1001)) => CloseReason::Disconnect,
            Ended::Violation(close) => CloseReason::from_code(close.code),
            _ => CloseReason::Lost,
        }
    }

    /// A client that has its receipt for DISCONNECT closes by itself; until then its connection stays.
    async fn await_goodbye(&mut self) {
        let goodbye = poll_fn(|context| {
            if self.connection.poll_flush(context).is_ready() {
                return Poll::Ready(());
            }
            match self.connection.poll_receive(context, &mut |_| {}) {
                Poll::Ready(Ok(())) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(Err(_)) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        });
        let _ = tokio::time::timeout(LINGER, goodbye).await;
    }

    /// Takes the session out of everything and tells the listeners, once.
    fn depart(&mut self, reason: &CloseReason) {
        if std::mem::replace(&mut self.departed, true) {
            return;
        }
        for (_, subscription) in self.stomp.take_subscriptions() {
            self.core.leave(&subscription);
        }
        self.core.depart(&self.session);
        if let Some(cluster) = &self.core.broker.cluster
            && self.session.principal_if_connected().is_some()
        {
            cluster.part(&self.session);
        }
        if self.announced {
            let session = Arc::clone(&self.session);
            self.core.tell(&SessionEvent::Disconnected {
                session,
                reason: reason.clone(),
            });
        } else {
            tracing::info!(
                target: "stompline::session",
                session = self.session.id(),
                reason = reason.label(),
                "connection ended without CONNECT"
            );
        }
    }
}

impl Drop for Driver {
    /// A panic or a dropped task must not leave a ghost.
    fn drop(&mut self) {
        let reason = self
            .session
            .end_reason()
            .cloned()
            .unwrap_or(CloseReason::Internal);
        self.depart(&reason);
    }
}

/// Ready when the server shuts down and the client of a session over HTTP knows its end: it said so itself, or was told. Otherwise it has a
/// little more time to ask.
async fn hurry(core: Arc<Core>, outbox: Arc<SessionOutbox>, has_left: bool) {
    core.draining.cancelled().await;
    if !has_left && !outbox.is_idle() {
        tokio::time::sleep(LINGER).await;
    }
}

/// Reads the frames of one message. A malformed one is the last.
fn decode(decoder: &mut Decoder, mut bytes: &[u8], inbox: &mut VecDeque<Input>) {
    if matches!(inbox.back(), Some(Input::Malformed { .. })) {
        return;
    }
    loop {
        match decoder.decode(&mut bytes) {
            Ok(Some(Decoded::Frame(frame))) => inbox.push_back(Input::Frame(frame)),
            Ok(Some(Decoded::Heartbeat)) => {}
            Ok(None) => return,
            Err(error) => {
                let receipt = decoder.failed_receipt().map(str::to_owned);
                inbox.push_back(Input::Malformed { error, receipt });
                return;
            }
        }
    }
}
