//! Arguments of handlers.
//!
//! A handler takes any number of arguments that read the session, the headers and the destination ([`FromParts`]), and at most one,
//! the last, that takes the body ([`FromMessage`]).

mod body;
mod parts;

use std::sync::Arc;

use bytes::Bytes;
use stompline_proto::Headers;

use crate::{messenger::Messenger, pattern::Variables, rejection::Rejection, session::Session};

pub use body::{Json, JsonRejection, NotUtf8};
pub use parts::{SentTo, State};

/// Everything about a frame but its body.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts {
    /// Who sent it.
    pub session: Arc<Session>,
    /// The destination as the client wrote it, `/app/room/42`.
    pub destination: Arc<str>,
    /// What the `{names}` of the route stand for.
    pub variables: Variables,
    /// The frame's headers without those of the protocol (`destination`, `receipt`, `transaction`, `content-length`).
    pub headers: Headers,
    /// The `receipt` that the client asked for, to name it in an answer of the application's own.
    pub receipt: Option<String>,
    /// For sending.
    pub messenger: Messenger,
}

/// A frame on its way to a handler.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inbound {
    /// Everything but the body.
    pub parts: Parts,
    /// The body.
    pub body: Bytes,
}

/// An argument that needs no body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    note = "arguments that read the frame come first (`Principal`, `State<T>`, `Variables`, `Headers`, `Messenger`, ..); \
            the one that takes the body (`Json<T>`, `String`, `Bytes`) comes last"
)]
pub trait FromParts<S>: Sized {
    /// What the client is told when the argument cannot be made.
    type Rejection: Into<Rejection>;

    /// Makes the argument.
    fn from_parts(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, Self::Rejection>> + Send;
}

/// The last argument: it may take the body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the last argument of a handler",
    note = "the last argument is `Json<T>` with `T: DeserializeOwned`, `String`, `Bytes`, `Inbound`, or any `FromParts`"
)]
pub trait FromMessage<S, M = private::ViaMessage>: Sized {
    /// What the client is told when the argument cannot be made.
    type Rejection: Into<Rejection>;

    /// Makes the argument.
    fn from_message(
        inbound: Inbound,
        state: &S,
    ) -> impl Future<Output = Result<Self, Self::Rejection>> + Send;
}

pub(crate) mod private {
    /// Marks the implementation of [`FromMessage`](super::FromMessage) for types that take the body.
    #[derive(Debug)]
    pub enum ViaMessage {}
    /// Marks that for types that do not.
    #[derive(Debug)]
    pub enum ViaParts {}
}

impl<S: Send + Sync, T: FromParts<S>> FromMessage<S, private::ViaParts> for T {
    type Rejection = T::Rejection;

    async fn from_message(mut inbound: Inbound, state: &S) -> Result<Self, Self::Rejection> {
        T::from_parts(&mut inbound.parts, state).await
    }
}
