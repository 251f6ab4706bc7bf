//! What a handler answers.

use futures_util::future::BoxFuture;

use crate::{
    broker::Published,
    message::{IntoMessage, Outgoing},
    rejection::Rejection,
};

/// The result of a handler: messages to send, now or when something pending is done.
#[derive(Default)]
pub struct Reply {
    pub(crate) messages: Vec<Outgoing>,
    pub(crate) pending: Option<BoxFuture<'static, Result<Reply, Rejection>>>,
    /// The messages say that the frame was refused; if nobody gets them, this says it.
    pub(crate) refused: Option<Rejection>,
}

impl Reply {
    /// A refusal that the application words itself: `message` says so, and the frame gets no receipt. If the session does not listen
    /// where `message` goes, it is refused with `rejection` instead.
    pub fn refused(message: Outgoing, rejection: Rejection) -> Self {
        Self {
            messages: vec![message],
            pending: None,
            refused: Some(rejection),
        }
    }

    /// A reply that is not final yet; see [`Pending`].
    pub fn pending(reply: impl Future<Output = Result<Reply, Rejection>> + Send + 'static) -> Self {
        Self {
            pending: Some(Box::pin(reply)),
            ..Self::default()
        }
    }

    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// One message.
    pub fn one(message: Outgoing) -> Self {
        Self {
            messages: vec![message],
            ..Self::default()
        }
    }

    /// Adds a message.
    pub fn and(mut self, message: Outgoing) -> Self {
        self.messages.push(message);
        self
    }
}

impl Published {
    /// Nothing to send any more; final when the cluster has confirmed what was published.
    pub(crate) fn into_reply(mut self) -> Reply {
        if self.confirmations.is_empty() {
            return Reply::none();
        }
        Reply::pending(async move {
            match self.confirmed().await {
                Ok(()) => Ok(Reply::none()),
                Err(error) => {
                    tracing::debug!(%error, "a SEND reached this node's subscribers only");
                    Err(Rejection::cluster_unavailable())
                }
            }
        })
    }
}

/// A handler's result that becomes a [`Reply`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a message handler",
    note = "return `()`, `ToUser`, `ToTopic`, `Reply`, `Pending`, a tuple, `Option` or `Vec` of them, or a `Result` whose error is `Into<Rejection>`"
)]
pub trait IntoReply {
    /// Makes the reply.
    ///
    /// # Errors
    ///
    /// A rejection for the client.
    fn into_reply(self) -> Result<Reply, Rejection>;
}

/// Sends `payload` to the sender's `/user` queue. By default all sessions of the user receive it.
#[derive(Clone, Debug)]
pub struct ToUser<T> {
    destination: String,
    payload: T,
    session_only: bool,
}

impl<T> ToUser<T> {
    /// `destination` is what follows `/user`, `/queue/acks` for example.
    pub fn new(destination: impl Into<String>, payload: T) -> Self {
        Self {
            destination: destination.into(),
            payload,
            session_only: false,
        }
    }

    /// Only the session that sent the frame receives it.
    pub fn session_only(self) -> Self {
        Self {
            session_only: true,
            ..self
        }
    }
}

/// Sends `payload` to a topic.
#[derive(Clone, Debug)]
pub struct ToTopic<T> {
    destination: String,
    payload: T,
}

impl<T> ToTopic<T> {
    /// `destination` is a broker destination, `/topic/news` for example.
    pub fn new(destination: impl Into<String>, payload: T) -> Self {
        Self {
            destination: destination.into(),
            payload,
        }
    }
}

/// A result that is not final yet. The next frame of the session is handled meanwhile; this frame's messages and its receipt leave, in the
/// order of the frames, when the future is done. At most 64 may be pending in a session; then reading pauses.
pub struct Pending<F>(pub F);

impl IntoReply for Reply {
    fn into_reply(self) -> Result<Reply, Rejection> {
        Ok(self)
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Reply, Rejection> {
        Ok(Reply::none())
    }
}

impl IntoReply for Outgoing {
    fn into_reply(self) -> Result<Reply, Rejection> {
        Ok(Reply::one(self))
    }
}

impl<T: IntoMessage> IntoReply for ToUser<T> {
    fn into_reply(self) -> Result<Reply, Rejection> {
        let message = self.payload.into_message()?;
        Ok(Reply::one(if self.session_only {
            Outgoing::session(self.destination, message)
        } else {
            Outgoing::sender(self.destination, message)
        }))
    }
}

impl<T: IntoMessage> IntoReply for ToTopic<T> {
    fn into_reply(self) -> Result<Reply, Rejection> {
        Ok(Reply::one(Outgoing::topic(
            self.destination,
            self.payload.into_message()?,
        )))
    }
}

impl<F, R, E> IntoReply for Pending<F>
where
    F: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoReply,
    E: Into<Rejection>,
{
    fn into_reply(self) -> Result<Reply, Rejection> {
        let pending = async move { self.0.await.map_err(Into::into)?.into_reply() };
        Ok(Reply {
            pending: Some(Box::pin(pending)),
            ..Reply::default()
        })
    }
}

impl<R: IntoReply> IntoReply for Option<R> {
    fn into_reply(self) -> Result<Reply, Rejection> {
        self.map_or_else(|| Ok(Reply::none()), IntoReply::into_reply)
    }
}

impl<R: IntoReply, E: Into<Rejection>> IntoReply for Result<R, E> {
    fn into_reply(self) -> Result<Reply, Rejection> {
        self.map_err(Into::into)?.into_reply()
    }
}

impl<R: IntoReply> IntoReply for Vec<R> {
    fn into_reply(self) -> Result<Reply, Rejection> {
        self.into_iter()
            .map(IntoReply::into_reply)
            .try_fold(Reply::none(), join)
    }
}

impl<A: IntoReply, B: IntoReply> IntoReply for (A, B) {
    fn into_reply(self) -> Result<Reply, Rejection> {
        join(self.0.into_reply()?, self.1.into_reply())
    }
}

impl<A: IntoReply, B: IntoReply, C: IntoReply> IntoReply for (A, B, C) {
    fn into_reply(self) -> Result<Reply, Rejection> {
        join((self.0, self.1).into_reply()?, self.2.into_reply())
    }
}

/// Two replies as one: the messages in order, then what is pending, one after the other.
fn join(first: Reply, second: Result<Reply, Rejection>) -> Result<Reply, Rejection> {
    let mut second = second?;
    let Reply {
        mut messages,
        pending,
        refused,
    } = first;
    match pending {
        None => {
            messages.append(&mut second.messages);
            Ok(Reply {
                messages,
                pending: second.pending,
                refused: refused.or(second.refused),
            })
        }
        Some(pending) => {
            let both = async move {
                let first = pending.await?;
                join(first, Ok(second))
            };
            Ok(Reply {
                messages,
                pending: Some(Box::pin(both)),
                refused,
            })
        }
    }
}

/// The result of a subscribe handler: one message for the subscriber.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a subscribe handler",
    note = "return `Json(value)`, `String`, `Bytes` or `Message`, or a `Result` of one whose error is `Into<Rejection>`"
)]
pub trait IntoSnapshot {
    /// Makes the message.
    ///
    /// # Errors
    ///
    /// A rejection: the SUBSCRIBE is refused.
    fn into_snapshot(self) -> Result<crate::message::Message, Rejection>;
}

impl<T: IntoMessage> IntoSnapshot for T {
    fn into_snapshot(self) -> Result<crate::message::Message, Rejection> {
        self.into_message()
    }
}

impl<T: IntoMessage, E: Into<Rejection>> IntoSnapshot for Result<T, E> {
    fn into_snapshot(self) -> Result<crate::message::Message, Rejection> {
        self.map_err(Into::into)?.into_message()
    }
}
