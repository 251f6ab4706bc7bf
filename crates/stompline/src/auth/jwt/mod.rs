//! JSON Web Tokens (RFC 7519), signed (RFC 7515), as credentials.

mod cache;
mod claims;
mod jwk;
mod key;
mod key_set;
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
pub use self::jwk::{
    JWK_SET_BYTES_MAX, JWK_SET_KEYS_MAX, JwkError, JwkSet, JwkSetError, SkippedJwk,
};
pub use self::key::{JwtKey, KeyError, SECRET_BYTES_MIN};
use self::key_set::HeldKey;
pub use self::key_set::{JwtKeySet, KeyChange};
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
/// Several keys may be valid at once, for rotation, some of them in a [`JwtKeySet`] that is replaced
/// while the server runs. A token that names its key (`kid`) is checked with that one, any other with
/// all keys that are for its algorithm. `exp` and `nbf` are checked with a leeway. `sub` becomes the user name, `userType` the realm, `name` the display name, `roles` the
/// roles; all other claims stay claims of the [`Principal`]. A clone shares everything.
///
/// ```
/// use std::time::{Duration, SystemTime};
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
        let (claims, key) = self.signed_claims(token)?;
        let expected = &self.0.settings.expected;
        let times = Times::of(&claims)?;
        self.check_times(times, now, expiry)?;
        expected.check_source(&claims)?;
        let principal = expected.principal(claims, times)?;
        let verified = Verified::new(principal.clone(), times, key);
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

    /// The claims, once the signature is known to be right, and the key if it may be withdrawn.
    fn signed_claims(&self, token: &str) -> Result<(Map<String, Value>, Withdrawable), AuthError> {
        let malformed = |reason| AuthError::Malformed { reason };
        let (message, signature) = token
            .rsplit_once('.')
            .ok_or(malformed("not three parts with dots between"))?;
        let (header, payload) = message
            .split_once('.')
            .ok_or(malformed("not three parts with dots between"))?;
        let header = Header::read(header)?;
        let key = self.check_signature(&header, message, signature)?;
        let payload = URL_SAFE_NO_PAD.decode(payload);
        let payload = payload.map_err(|_| malformed("the claims are not base64url"))?;
        let claims = serde_json::from_slice(&payload)
            .map_err(|_| malformed("the claims are no JSON object"))?;
        Ok((claims, key))
    }

    fn check_signature(
        &self,
        header: &Header,
        message: &str,
        signature: &str,
    ) -> Result<Withdrawable, AuthError> {
        let settings = &self.0.settings;
        let mut search = Search::new(header, message, signature)?;
        for key in &settings.keys {
            if search.ends_with(key)? {
                return Ok(None);
            }
        }
        let Some(set) = &settings.key_set else {
            return Err(search.failure());
        };
        let held = set.current();
        for held in held.iter().flat_map(|held| held.iter()) {
            if search.ends_with(&held.key)? {
                return Ok(Some(Arc::clone(held)));
            }
        }
        if !search.may_need_newer_keys() {
            return Err(search.failure());
        }
        set.note_missed();
        Err(match held {
            Some(_) => search.failure(),
            None => AuthError::unavailable("the key set has no keys so far"),
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

/// The key that made a signature, if it may be withdrawn later.
type Withdrawable = Option<Arc<HeldKey>>;

/// The search for the key that made a signature.
struct Search<'a> {
    header: &'a Header,
    algorithm: Algorithm,
    message: &'a str,
    signature: &'a str,
    /// A key was for the algorithm.
    fits: bool,
    /// A key was tried.
    tried: bool,
    /// A key that has the very id that the token names was tried.
    met: bool,
}

impl<'a> Search<'a> {
    fn new(header: &'a Header, message: &'a str, signature: &'a str) -> Result<Self, AuthError> {
        Ok(Self {
            header,
            algorithm: header.algorithm()?,
            message,
            signature,
            fits: false,
            tried: false,
            met: false,
        })
    }

    /// Whether it is this key.
    fn ends_with(&mut self, key: &JwtKey) -> Result<bool, AuthError> {
        if !key.is_for(self.algorithm) {
            return Ok(false);
        }
        self.fits = true;
        let named = self.header.kid.as_deref();
        if !key.may_be(named) {
            return Ok(false);
        }
        self.tried = true;
        self.met |= named.is_some() && named == key.id();
        key.verifies(self.algorithm, self.message, self.signature)
    }

    /// Whether a set of public keys that is newer could hold the key.
    fn may_need_newer_keys(&self) -> bool {
        use Algorithm as A;
        !self.met && !matches!(self.algorithm, A::HS256 | A::HS384 | A::HS512)
    }

    fn failure(&self) -> AuthError {
        match (self.fits, self.tried) {
            (false, _) => self.header.unsupported(),
            (true, false) => AuthError::UnknownKey,
            (true, true) => AuthError::BadSignature,
        }
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
