//! How a WebSocket ends.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::{Connection, Ended, READ_BUFFER};
use crate::outgoing::Outgoing;

impl<M: Outgoing> Connection<M> {
    /// The end of a WebSocket (RFC 6455, sections 7.1.1 and 7.1.7): first the closes are exchanged, then this side ends TCP.
    pub(super) async fn say_goodbye(&mut self) {
        let may_send = if self.outbox.closing().is_some() {
            poll_fn(|context| self.poll_close(context)).await
        } else {
            false
        };
        let half_closed = poll_fn(|context| self.poll_half_close(context)).await;
        if may_send && half_closed.is_ok() {
            // A socket that is closed over bytes it has not read is reset, and the peer would lose what it has not read yet.
            poll_fn(|context| self.poll_drain(context)).await;
        }
    }

    /// Ready when the close has left and the peer's has come, or none can come any more. Says whether the peer may still send.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            let flushed = self.poll_flush(context);
            if matches!(flushed, Poll::Ready(Ended::Lost(_))) {
                return Poll::Ready(false);
            }
            if flushed.is_ready() && self.decoder.is_ended() {
                return Poll::Ready(true);
            }
            // A peer that sends before it reads would wait for us as we do for it.
            match ready!(self.poll_receive(context, &mut |_| {})) {
                Err(Ended::Lost(_)) if flushed.is_ready() => return Poll::Ready(false),
                Err(Ended::Lost(Some(_))) => return Poll::Ready(false),
                Err(Ended::Lost(None)) => return Poll::Pending,
                _ => {}
            }
        }
    }

    fn poll_half_close(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.foreign {
            Some(foreign) => Pin::new(foreign).poll_shutdown(context),
            None => Poll::Ready(self.outbox.half_close()),
        }
    }

    /// Ready when the peer has ended TCP too.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            loop {
                if !matches!(ready!(self.poll_read(context, buffer)), Ok(1..)) {
                    return Poll::Ready(());
                }
            }
        })
    }
}
