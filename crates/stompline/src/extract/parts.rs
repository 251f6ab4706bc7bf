//! Arguments that read the frame.

use std::{convert::Infallible, sync::Arc};

use axum::extract::FromRef;
use stompline_proto::Headers;

use super::{FromParts, Parts};
use crate::{
    auth::{Attributes, Principal},
    messenger::Messenger,
    pattern::Variables,
    rejection::Rejection,
    session::Session,
};

impl From<Infallible> for Rejection {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The application's state, or a part of it by [`FromRef`].
#[derive(Clone, Copy, Debug, Default)]
pub struct State<T>(pub T);

impl<S: Send + Sync, T: FromRef<S>> FromParts<S> for State<T> {
    type Rejection = Infallible;

    async fn from_parts(_parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(T::from_ref(state)))
    }
}

/// The destination as the client wrote it.
#[derive(Clone, Debug)]
pub struct SentTo(pub Arc<str>);

/// Implements [`FromParts`] for what is simply there.
macro_rules! from_parts {
    ($($argument:ty: |$parts:ident| $value:expr;)*) => {$(
        impl<S: Send + Sync> FromParts<S> for $argument {
            type Rejection = Infallible;

            async fn from_parts($parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
                Ok($value)
            }
        }
    )*};
}

from_parts! {
    Principal: |parts| parts.session.principal().clone();
    Attributes: |parts| parts.session.attributes().clone();
    Arc<Session>: |parts| Arc::clone(&parts.session);
    Messenger: |parts| parts.messenger.clone();
    Headers: |parts| parts.headers.clone();
    Variables: |parts| parts.variables.clone();
    SentTo: |parts| SentTo(Arc::clone(&parts.destination));
}
