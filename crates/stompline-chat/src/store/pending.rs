//! A command in line.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::Error;
use crate::id::ClientId;
use crate::reply::Ack;

/// The result of a submitted command, when it comes.
///
/// Dropping it does not take the command back.
#[derive(Debug)]
#[must_use = "the command is carried out, but whether it succeeded is known only here"]
pub struct Pending {
    client_id: Option<ClientId>,
    state: State,
}

#[derive(Debug)]
enum State {
    Decided(Option<Error>),
    Waiting {
        result: oneshot::Receiver<Result<Ack, Error>>,
        deadline: Pin<Box<Sleep>>,
    },
}

impl Pending {
    /// A command that was refused before it stood in line.
    pub fn refused(error: Error) -> Self {
        Self {
            client_id: None,
            state: State::Decided(Some(error)),
        }
    }

    /// A command whose result comes over that channel, or never when nothing comes until the deadline.
    pub fn waiting(
        client_id: Option<ClientId>,
        result: oneshot::Receiver<Result<Ack, Error>>,
        deadline: Instant,
    ) -> Self {
        let deadline = Box::pin(sleep_until(deadline));
        Self {
            client_id,
            state: State::Waiting { result, deadline },
        }
    }
}

impl Future for Pending {
    type Output = Result<Ack, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = match &mut this.state {
            State::Decided(error) => Err(error
                .take()
                .expect("a future is not polled after it completed")),
            State::Waiting { result, deadline } => match Pin::new(result).poll(cx) {
                Poll::Ready(Ok(result)) => result,
                Poll::Ready(Err(_)) => Err(Error::unavailable("the store stopped")),
                Poll::Pending => match deadline.as_mut().poll(cx) {
                    Poll::Ready(()) => Err(Error::unavailable("the store took too long")),
                    Poll::Pending => return Poll::Pending,
                },
            },
        };
        Poll::Ready(result.map(|ack| Ack {
            client_id: this.client_id.take().or(ack.client_id),
            ..ack
        }))
    }
}

/// How long a command may wait for its commit in all. Shorter than the time that a handler has, so that the client
/// hears from the store and not that its handler was cut off.
pub(crate) const COMMAND_DEADLINE: Duration = Duration::from_secs(10);
