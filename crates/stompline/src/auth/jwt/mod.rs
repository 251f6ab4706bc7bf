//! JSON Web Tokens (RFC 7519), signed (RFC 7515), as credentials.

mod cache;
mod claims;
mod key;
mod settings;
mod signer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use self::cache::{Cache, Verified};
pub use self::claims::ClaimNames;
use self::claims::Times;
pub use self::key::{JwtKey, KeyError, SECRET_BYTES_MIN};
pub use self::settings::{JwtSettings, SettingsError};
pub use self::signer::{HmacAlgorithm, JwtSigner, SignError};
use super::BoxFuture;
use super::authenticator::Authenticator;
use super::error::{AuthError, excerpt};
use super::principal::Principal;
use super::request::{Credentials, TOKEN_BYTES_MAX};

/// Checks JSON Web Tokens: HS256/384/512, RS256/384/512, PS256/384/512, ES256/384 and EdDSA, never
/// `none`.
///
/// Several keys may be valid at once, for rotation: a token that names its key (`kid`) is checked with
/// that one, any other with all keys that are for its algorithm. `exp` and `nbf` are checked with a
/// leeway. `sub` becomes the user name, `userType` the realm, `name` the display name, `roles` the
/// roles; all other claims stay claims of the [`Principal`]. A clone shares everything.
///
/// ```
/// use std::time::SystemTime;
/// use stompline::auth::{JwtKey, JwtSettings, Principal};
/// use stompline::{Realm, UserName};
///
/// let settings = JwtSettings::new([JwtKey::secret("0123456789abcdef0123456789abcdef")?]);
/// let signer = settings.signer().expect("there is a secret");
/// let jwt = settings.build()?;
///
/// let now = SystemTime::now();
/// let anna = Principal::new(Realm::new("agent")?, UserName::new("7")?)
///     .with_expiry(now + Duration::from_secs(3600));
/// let token = signer.sign(&anna, now)?;
/// assert_eq!(jwt.verify(&token)?.key(), anna.key());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JwtAuthenticator(Arc<Inner>);

struct Inner {
    settings: JwtSettings,
    cache: Cache,
}

/// Whether it matters that a token is past its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Checked,
    Ignored,
}

impl JwtAuthenticator {
    fn new(settings: JwtSettings) -> Self {
        let cache = Cache::new(settings.cache_entries_max);
        Self(Arc::new(Inner { settings, cache }))
    }

    /// Whose token this is, now.
    ///
    /// # Errors
    ///
    /// Anything is wrong with the token; see [`AuthError`].
    pub fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        self.verify_at(token, SystemTime::now())
    }

    /// Whose token this is at a given time.
    ///
    /// # Errors
    ///
    /// Anything is wrong with the token; see [`AuthError`].
    pub fn verify_at(&self, token: &str, now: SystemTime) -> Result<Principal, AuthError> {
        self.check(token, now, Expiry::Checked)
    }

    /// Whose token this is, even if its time is over.
    ///
    /// For later requests of a session that opened when the token was valid.
    ///
    /// # Errors
    ///
    /// Anything else is wrong with the token; see [`AuthError`].
    pub fn verify_ignoring_expiry(&self, token: &str) -> Result<Principal, AuthError> {
        self.check(token, SystemTime::now(), Expiry::Ignored)
    }

    fn check(&self, token: &str, now: SystemTime, expiry: Expiry) -> Result<Principal, AuthError> {
        if token.is_empty() {
            return Err(AuthError::Missing);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::Malformed {
                reason: "more than 8 KiB",
            });
        }
        if let Some(verified) = self.0.cache.find(token) {
            self.check_times(verified.times(), now, expiry)?;
            return Ok(verified.into_principal());
        }
        let claims = self.signed_claims(token)?;
        let expected = &self.0.settings.expected;
        let times = Times::of(&claims)?;
        self.check_times(times, now, expiry)?;
        expected.check_source(&claims)?;
        let principal = expected.principal(claims, times)?;
        let verified = Verified::new(principal.clone(), times);
        self.0.cache.insert(token, verified);
        Ok(principal)
    }

    fn check_times(&self, times: Times, now: SystemTime, expiry: Expiry) -> Result<(), AuthError> {
        let settings = &self.0.settings;
        match times.expires_at {
            None if settings.expiry_required => {
                return Err(AuthError::MissingClaim {
                    claim: "exp".into(),
                });
            }
            Some(at) if expiry == Expiry::Checked && at + settings.leeway <= now => {
                return Err(AuthError::Expired);
            }
            _ => {}
        }
        match times.not_before {
            Some(at) if now + settings.leeway < at => Err(AuthError::NotYetValid),
            _ => Ok(()),
        }
    }

    /// The claims, once the signature is known to be right.
    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, AuthError> {
        let malformed = |reason| AuthError::Malformed { reason };
        let (message, signature) = token
            .rsplit_once('.')
            .ok_or(malformed("not three parts with dots between"))?;
        let (header, payload) = message
            .split_once('.')
            .ok_or(malformed("not three parts with dots between"))?;
        let header = Header::read(header)?;
        self.check_signature(&header, message, signature)?;
        let payload = URL_SAFE_NO_PAD.decode(payload);
        let payload = payload.map_err(|_| malformed("the claims are not base64url"))?;
        serde_json::from_slice(&payload).map_err(|_| malformed("the claims are no JSON object"))
    }

    fn check_signature(
        &self,
        header: &Header,
        message: &str,
        signature: &str,
    ) -> Result<(), AuthError> {
        let algorithm = header.algorithm()?;
        let keys = &self.0.settings.keys;
        if !keys.iter().any(|key| key.is_for(algorithm)) {
            return Err(header.unsupported());
        }
        let named = header.kid.as_deref();
        let mut tried = false;
        for key in keys
            .iter()
            .filter(|key| key.is_for(algorithm) && key.may_be(named))
        {
            tried = true;
            if key.verifies(algorithm, message, signature)? {
                return Ok(());
            }
        }
        Err(if tried {
            AuthError::BadSignature
        } else {
            AuthError::UnknownKey
        })
    }
}

impl Authenticator for JwtAuthenticator {
    fn authenticate<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        let principal = credentials.token.ok_or(AuthError::Missing);
        Box::pin(std::future::ready(
            principal.and_then(|token| self.verify(token)),
        ))
    }

    fn recognize<'a>(
        &'a self,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Principal, AuthError>> {
        let principal = credentials.token.ok_or(AuthError::Missing);
        let principal = principal.and_then(|token| self.verify_ignoring_expiry(token));
        Box::pin(std::future::ready(principal))
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwtAuthenticator")
            .field(&self.0.settings)
            .finish()
    }
}

/// What we use of a token's header (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; we understand none.
    crit: Option<IgnoredAny>,
}

impl Header {
    fn read(encoded: &str) -> Result<Self, AuthError> {
        let malformed = |reason| AuthError::Malformed { reason };
        let json = URL_SAFE_NO_PAD.decode(encoded);
        let json = json.map_err(|_| malformed("the header is not base64url"))?;
        let header: Self = serde_json::from_slice(&json)
            .map_err(|_| malformed("the header is no JSON object with `alg`"))?;
        if header.crit.is_some() {
            return Err(malformed("the header demands an extension (`crit`)"));
        }
        Ok(header)
    }

    /// The algorithm if it is any that a key could be for; `none` is not.
    fn algorithm(&self) -> Result<Algorithm, AuthError> {
        self.alg.parse().map_err(|_| self.unsupported())
    }

    fn unsupported(&self) -> AuthError {
        AuthError::UnsupportedAlgorithm {
            algorithm: excerpt(&self.alg, 16),
        }
    }
}
