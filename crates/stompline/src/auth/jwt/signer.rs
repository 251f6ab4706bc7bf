//! Making tokens.

use std::fmt;
use std::time::SystemTime;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};

use crate::auth::principal::Principal;

use super::claims::ClaimNames;
use super::key::{JwtKey, KeyError};

/// Why a token could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A time lies before 1970, which a token cannot say.
    #[error("a token cannot hold a time before 1970")]
    TimeTooEarly,
    /// The library refused to sign.
    #[error("the token could not be signed: {reason}")]
    Refused {
        /// What the library said.
        reason: Box<str>,
    },
}

/// How a shared secret signs (RFC 7518, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HmacAlgorithm {
    /// HMAC with SHA-256; the default, since everybody has it.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl From<HmacAlgorithm> for Algorithm {
    fn from(algorithm: HmacAlgorithm) -> Self {
        match algorithm {
            HmacAlgorithm::Hs256 => Self::HS256,
            HmacAlgorithm::Hs384 => Self::HS384,
            HmacAlgorithm::Hs512 => Self::HS512,
        }
    }
}

/// Makes tokens with a shared secret: for guests, for tests, for the command line.
///
/// [`JwtSettings::signer`](super::JwtSettings::signer) makes one that fits its settings. `Debug` does
/// not show the secret.
#[derive(Clone)]
pub struct JwtSigner {
    header: Header,
    key: EncodingKey,
    issuer: Option<Box<str>>,
    audience: Option<Box<str>>,
    names: ClaimNames,
}

impl JwtSigner {
    /// A signer with a secret of its own.
    ///
    /// # Errors
    ///
    /// The secret has fewer than [`SECRET_BYTES_MIN`](super::SECRET_BYTES_MIN) bytes.
    pub fn new(algorithm: HmacAlgorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = JwtKey::secret(&secret)?;
        Ok(Self::of_secret(&key, algorithm, secret.as_ref()))
    }

    /// A signer whose tokens the key accepts; `None` if it is a public one.
    pub fn of_key(key: &JwtKey, algorithm: HmacAlgorithm) -> Option<Self> {
        Some(Self::of_secret(key, algorithm, key.secret_bytes()?))
    }

    fn of_secret(key: &JwtKey, algorithm: HmacAlgorithm, secret: &[u8]) -> Self {
        let mut header = Header::new(algorithm.into());
        header.kid = key.id().map(str::to_owned);
        Self {
            header,
            key: EncodingKey::from_secret(secret),
            issuer: None,
            audience: None,
            names: ClaimNames::default(),
        }
    }

    /// With an issuer (`iss`). Default: none.
    pub fn with_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// With an audience (`aud`). Default: none.
    pub fn with_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// With other names of claims. Default: [`ClaimNames::default`].
    pub fn with_claim_names(mut self, names: ClaimNames) -> Self {
        self.names = names;
        self
    }

    /// A token that says what the principal is, and until when, in whole seconds.
    ///
    /// A principal without an expiry gives a token without `exp`, which most checks refuse.
    ///
    /// # Errors
    ///
    /// A time lies before 1970.
    pub fn sign(&self, principal: &Principal, issued_at: SystemTime) -> Result<String, SignError> {
        let claims = self.claims(principal, issued_at)?;
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(|error| SignError::Refused {
            reason: error.to_string().into(),
        })
    }

    fn claims(
        &self,
        principal: &Principal,
        issued_at: SystemTime,
    ) -> Result<Map<String, Value>, SignError> {
        let mut claims = principal.claims_map();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iat", seconds(issued_at)?);
        if let Some(at) = principal.expires_at() {
            set("exp", seconds(at)?);
        }
        if let Some(issuer) = &self.issuer {
            set("iss", (**issuer).into());
        }
        if let Some(audience) = &self.audience {
            set("aud", (**audience).into());
        }
        set(&self.names.user, principal.name().as_str().into());
        set(&self.names.realm, principal.user_type().into());
        if let Some(display) = principal.display_if_given() {
            set(&self.names.display, display.into());
        }
        if principal.roles().len() > 0 {
            set(&self.names.roles, principal.roles().collect());
        }
        Ok(claims)
    }
}

fn seconds(at: SystemTime) -> Result<Value, SignError> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since
        .map(|since| since.as_secs().into())
        .map_err(|_| SignError::TimeTooEarly)
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner")
            .field("algorithm", &self.header.alg)
            .field("key_id", &self.header.kid)
            .finish_non_exhaustive()
    }
}
