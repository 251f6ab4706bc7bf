//! Requests that receive: they take frames out of a session's outbox and put them into a response.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use crate::{
    exchange::{AttachError, Exchange},
    outbox::{Outbox, Taken},
    outgoing::Outgoing,
    relay::Remote,
    style::Style,
};

/// How long a receiver waits for the word of one on another node, which should be right behind.
const WORD_PATIENCE: Duration = Duration::from_secs(2);

/// The frame of a second receiver (SockJS protocol, "Protocol and framing").
pub(crate) const OCCUPIED: &[u8] = br#"c[2010,"Another connection still open"]"#;

/// The frame of a new session.
pub(crate) const OPEN: &[u8] = b"o";

/// One frame for a receiver.
pub(crate) struct Received {
    /// The SockJS frame, not yet wrapped by the transport.
    pub(crate) frame: Vec<u8>,
    /// Nothing comes after it.
    pub(crate) is_last: bool,
}

/// The right to receive for a session. There is one at a time; when it is dropped before it was told to leave, its socket must have broken
/// and the session ends.
pub(crate) struct Attachment<M: Outgoing> {
    outbox: Arc<Outbox<M>>,
    heartbeat: Duration,
    /// When something was last given, and a timer that looks.
    idle: Option<Pin<Box<Sleep>>>,
    last: Instant,
    attached: bool,
}

impl<M: Outgoing> Attachment<M> {
    /// Attaches to a session.
    pub(crate) fn new(outbox: Arc<Outbox<M>>, heartbeat: Duration) -> Result<Self, AttachError> {
        outbox
            .exchange()
            .ok_or(AttachError::Gone)
            .and_then(Exchange::attach)?;
        outbox.expect_progress();
        Ok(Self::attached(outbox, heartbeat))
    }

    /// As [`new`](Self::new), once the receiver before has said whether what it was given has left. If it does not say so in time, frames
    /// may be lost and the session ends.
    pub(crate) async fn settled(
        outbox: Arc<Outbox<M>>,
        heartbeat: Duration,
    ) -> Result<Self, AttachError> {
        let deadline = Instant::now() + WORD_PATIENCE;
        loop {
            match Self::new(Arc::clone(&outbox), heartbeat) {
                Err(AttachError::Unsettled) => {}
                attached => return attached,
            }
            let exchange = outbox.exchange().ok_or(AttachError::Gone)?;
            let settled = tokio::time::timeout_at(deadline, exchange.settled());
            if settled.await.is_err() {
                exchange.interrupt();
                outbox.wake();
                return Err(AttachError::Gone);
            }
        }
    }

    /// Says whether the receiver, which is on another node, has yet to say what became of what it was given.
    pub(crate) fn await_word(&self, awaits: bool) {
        if let Some(exchange) = self.outbox.exchange() {
            exchange.await_word(awaits);
        }
    }

    /// The attachment of a session that was made attached.
    pub(crate) fn attached(outbox: Arc<Outbox<M>>, heartbeat: Duration) -> Self {
        Self {
            outbox,
            heartbeat,
            idle: None,
            last: Instant::now(),
            attached: true,
        }
    }

    /// The next frame: messages, the close, or after a while of nothing an `h`. `None` when the session broke.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Option<Received>> {
        let Some(exchange) = self.outbox.exchange() else {
            return Poll::Ready(None);
        };
        exchange.receiver.register(context.waker());
        let mut frame = Vec::new();
        let is_last = match self.outbox.take(bytes_max, &mut frame) {
            Taken::Messages => false,
            Taken::Close => true,
            Taken::Ended => return Poll::Ready(None),
            Taken::Nothing => {
                ready!(self.poll_idle(context));
                frame.push(b'h');
                false
            }
        };
        self.last = Instant::now();
        Poll::Ready(Some(Received { frame, is_last }))
    }

    /// Ready when nothing was given for the time between heart-beats. The timer is set once and looks again when it fires.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.last + self.heartbeat;
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        while idle.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                idle.as_mut().reset(due + self.heartbeat);
                return Poll::Ready(());
            }
            idle.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn poll_gone(&self, context: &Context<'_>) -> Poll<()> {
        if let Some(exchange) = self.outbox.exchange() {
            exchange.receiver.register(context.waker());
        }
        if self.outbox.is_broken() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Leaves after a whole response; the client will come again.
    pub(crate) fn leave(&mut self) {
        if std::mem::replace(&mut self.attached, false)
            && let Some(exchange) = self.outbox.exchange()
            && exchange.detach()
        {
            self.outbox.wake();
        }
    }
}

impl<M: Outgoing> Drop for Attachment<M> {
    fn drop(&mut self) {
        if self.attached
            && let Some(exchange) = self.outbox.exchange()
        {
            exchange.interrupt();
            self.outbox.wake();
        }
    }
}

/// Where the frames of a response come from.
pub(crate) enum Source<M: Outgoing> {
    /// A session of this node.
    Here(Attachment<M>),
    /// A session of another node.
    Elsewhere(Remote),
}

impl<M: Outgoing> Source<M> {
    /// The next frame. `None` when the session broke.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Option<Received>> {
        match self {
            Self::Here(attachment) => attachment.poll_receive(context, bytes_max),
            Self::Elsewhere(remote) => remote.poll_receive(context, bytes_max),
        }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Here(attachment) => attachment.poll_gone(context),
            Self::Elsewhere(remote) => remote.poll_gone(context),
        }
    }

    /// Leaves after a whole response; the client will come again.
    pub(crate) fn leave(&mut self) {
        match self {
            Self::Here(attachment) => attachment.leave(),
            Self::Elsewhere(remote) => remote.leave(),
        }
    }
}

/// The body of a streaming response. Each frame is a chunk of its own, and so is the prelude.
pub(crate) struct Stream<M: Outgoing> {
    style: Style,
    /// Chunks that are known beforehand: the prelude, and the frame that opens or refuses.
    known: [Option<Bytes>; 2],
    /// Who gives the others; nobody any more at the end.
    source: Option<Source<M>>,
    bytes_left: usize,
}

impl<M: Outgoing> Stream<M> {
    /// The response that opens a session.
    pub(crate) fn opening(style: Style, attachment: Attachment<M>, bytes_max: usize) -> Self {
        let open = Received {
            frame: OPEN.to_vec(),
            is_last: false,
        };
        Self::receiving(style, Source::Here(attachment), Some(open), bytes_max)
    }

    /// A later response of a session. `first` was received already.
    pub(crate) fn receiving(
        style: Style,
        mut source: Source<M>,
        first: Option<Received>,
        bytes_max: usize,
    ) -> Self {
        let is_last = first.as_ref().is_some_and(|first| first.is_last);
        let frame = first.map(|first| style.wrap(first.frame));
        let bytes_left = bytes_max.saturating_sub(frame.as_ref().map_or(0, Bytes::len));
        let is_whole = is_last || bytes_left == 0;
        if is_whole {
            source.leave();
        }
        Self::new(style, frame, (!is_whole).then_some(source), bytes_left)
    }

    /// A response that holds one frame.
    pub(crate) fn refusing(style: Style, frame: &'static [u8]) -> Self {
        let frame = style.wrap(frame.to_vec());
        Self::new(style, Some(frame), None, 0)
    }

    fn new(
        style: Style,
        frame: Option<Bytes>,
        source: Option<Source<M>>,
        bytes_left: usize,
    ) -> Self {
        Self {
            known: [Some(style.prelude()), frame],
            style,
            source,
            bytes_left,
        }
    }

    /// Whether nothing comes any more.
    pub(crate) fn is_over(&self) -> bool {
        self.source.is_none() && self.known.iter().all(Option::is_none)
    }

    /// Ready when the session broke while somebody waits to write what it gave.
    pub(crate) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.source {
            Some(source) => source.poll_gone(context),
            None => Poll::Pending,
        }
    }

    pub(crate) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(known) = self.known.iter_mut().find_map(Option::take) {
            return Poll::Ready(Some(known));
        }
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let received = ready!(source.poll_receive(context, self.bytes_left));
        let is_last = received.as_ref().is_none_or(|received| received.is_last);
        let chunk = received.map(|received| self.style.wrap(received.frame));
        let len = chunk.as_ref().map_or(0, Bytes::len);
        self.bytes_left = self.bytes_left.saturating_sub(len);
        if (is_last || self.bytes_left == 0)
            && let Some(mut source) = self.source.take()
        {
            source.leave();
        }
        Poll::Ready(chunk)
    }
}

impl<M: Outgoing> Body for Stream<M> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.poll_chunk(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over()
    }
}
