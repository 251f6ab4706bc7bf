//! Who is there: principals, tokens, and the checks before a connection is upgraded.
//!
//! A handshake is judged in this order, each step by a type of its own:
//!
//! 1. [`TrustedProxies`] say which address the client has.
//! 2. [`OriginRules`] say whether a page of that origin may connect.
//! 3. A [`HandshakeChain`] of [`HandshakeInterceptor`]s may add [`Attributes`] or refuse.
//! 4. [`TokenSources`] find the token, an [`Authenticator`] such as [`JwtAuthenticator`] turns it into a
//!    [`Principal`].
//!
//! Whatever refuses does it with an error that has a code and a message for the client and a reason
//! for the log. No token, secret or claim value is in any of them, nor in `Debug` output.

mod attributes;
mod authenticator;
mod error;
mod handshake;
mod jwt;
mod origin;
mod principal;
mod proxy;
mod request;

use std::pin::Pin;

pub use self::attributes::Attributes;
pub use self::authenticator::Authenticator;
pub use self::error::AuthError;
pub use self::handshake::{
    Entered, HandshakeChain, HandshakeInterceptor, HandshakeOutcome, HandshakeRefusal,
};
pub use self::jwt::{
    ClaimNames, HmacAlgorithm, JWK_SET_BYTES_MAX, JWK_SET_KEYS_MAX, JwkError, JwkSet, JwkSetError,
    JwtAuthenticator, JwtKey, JwtKeySet, JwtSettings, JwtSigner, KeyChange, KeyError,
    SECRET_BYTES_MIN, SettingsError, SignError, SkippedJwk,
};
pub use self::origin::{OriginError, OriginForbidden, OriginRules};
pub use self::principal::Principal;
pub use self::proxy::{ForwardedHeader, ProxyError, TrustedProxies};
pub use self::request::{Credentials, HandshakeRequest, TOKEN_BYTES_MAX, TokenSources};

/// A boxed future that may borrow, as object-safe async methods return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
