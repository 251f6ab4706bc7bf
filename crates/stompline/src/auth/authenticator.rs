//! Turning credentials into principals.

use std::sync::Arc;

use super::BoxFuture;
use super::error::AuthError;
use super::principal::Principal;
use super::request::Credentials;

/// Says who somebody is, by what they bring.
///
/// [`JwtAuthenticator`](super::JwtAuthenticator) is one; implement it to ask a session store or
/// another service. A handshake waits for the answer, and SockJS clients give up early (600 ms on a
/// fast network), so keep it quick and cache what can be cached.
///
/// ```
/// use stompline::auth::{AuthError, Authenticator, BoxFuture, Credentials, Principal};
///
/// /// Tickets that were handed out elsewhere.
/// struct Tickets(std::collections::HashMap<String, Principal>);
///
/// impl Authenticator for Tickets {
///     fn authenticate<'a>(
///         &'a self,
///         credentials: Credentials<'a>,
///     ) -> BoxFuture<'a, Result<Principal, AuthError>> {
///         Box::pin(async move {
///             let ticket = credentials.token.ok_or(AuthError::Missing)?;
///             self.0.get(ticket).cloned().ok_or(AuthError::BadSignature)
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot authenticate",
    note = "implement `stompline::auth::Authenticator`, or use `JwtAuthenticator`"
)]
pub trait Authenticator: Send + Sync + 'static {
    /// Who opens a session with these credentials.
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>>;

    /// Who sends a later request of a session that is open, as SockJS transports do.
    ///
    /// The caller compares the principal with the session's. Expiry does not matter here: the session
    /// itself ends at its time. By default this is [`authenticate`](Self::authenticate), which is right
    /// unless that refuses what has expired.
    fn recognize<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        self.authenticate(credentials)
    }
}

impl<T: Authenticator + ?Sized> Authenticator for Arc<T> {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        (**self).authenticate(credentials)
    }

    fn recognize<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        (**self).recognize(credentials)
    }
}
