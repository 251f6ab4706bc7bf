//! Keys that check signatures.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::auth::error::AuthError;

/// The shortest secret, in bytes: as long as a SHA-256 (RFC 7518, section 3.2), so guessing it is
/// hopeless.
pub const SECRET_BYTES_MIN: usize = 32;

/// A public RSA key as PKCS #1 has about 14 bytes more than its modulus.
const RSA_DER_BYTES: std::ops::RangeInclusive<usize> = 256..=540;

/// Why something cannot be a [`JwtKey`]. No part of the key is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret could be guessed.
    #[error(
        "a signing secret has at least {SECRET_BYTES_MIN} bytes, this one has {bytes}; make one with: \
         openssl rand -base64 48"
    )]
    SecretTooShort {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text is no PEM file of a public key of a kind we know.
    #[error(
        "not a public key in PEM form (-----BEGIN PUBLIC KEY-----) for RSA, P-256, P-384 or Ed25519"
    )]
    NotAPublicKey,
    /// The text is a private key, which checking does not need and which should not lie about.
    #[error(
        "this is a private key; checking tokens needs the public one: openssl pkey -in KEY -pubout"
    )]
    PrivateKey,
    /// The RSA key is too weak, or larger than any in use.
    #[error("an RSA key has 2,048 to 4,096 bits")]
    RsaSize,
}

/// A key that checks signatures, with an optional id (`kid`).
///
/// `Debug` shows its kind and id, never the key.
#[derive(Clone)]
pub struct JwtKey {
    id: Option<Box<str>>,
    kind: Kind,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl JwtKey {
    /// A shared secret, for HS256, HS384 and HS512.
    ///
    /// The bytes are taken as they are: base64 is not decoded.
    ///
    /// # Errors
    ///
    /// It has fewer than [`SECRET_BYTES_MIN`] bytes; the message says how to make one.
    pub fn secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::SecretTooShort {
                bytes: secret.len(),
            });
        }
        Ok(Self {
            id: None,
            kind: Kind::Secret,
            key: DecodingKey::from_secret(secret),
        })
    }

    /// A public key in PEM form: RSA (for RS256 to PS512), P-256 (ES256), P-384 (ES384) or Ed25519
    /// (EdDSA).
    ///
    /// # Errors
    ///
    /// It is no public key, none of these kinds, or an RSA key that is too small or too large.
    pub fn public_pem(pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let pem = pem.as_ref();
        if String::from_utf8_lossy(pem).contains("PRIVATE KEY-----") {
            return Err(KeyError::PrivateKey);
        }
        let (kind, key) = if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            if !RSA_DER_BYTES.contains(&key.as_bytes().len()) {
                return Err(KeyError::RsaSize);
            }
            (Kind::Rsa, key)
        } else if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            let curves = [
                (Kind::P256, Algorithm::ES256),
                (Kind::P384, Algorithm::ES384),
            ];
            let curve = curves
                .into_iter()
                .find(|(_, algorithm)| is_usable(&key, *algorithm));
            (curve.ok_or(KeyError::NotAPublicKey)?.0, key)
        } else {
            let key = DecodingKey::from_ed_pem(pem).map_err(|_| KeyError::NotAPublicKey)?;
            // The length first: the library takes it for granted.
            if key.as_bytes().len() != 32 || !is_usable(&key, Algorithm::EdDSA) {
                return Err(KeyError::NotAPublicKey);
            }
            (Kind::Ed25519, key)
        };
        Ok(Self {
            id: None,
            kind,
            key,
        })
    }

    /// With an id: tokens that name it (`kid`) are checked with this key only, tokens that name another
    /// are not checked with this one. Default: none, the key may be meant by any token.
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The secret, if that is what it is.
    pub(super) fn secret_bytes(&self) -> Option<&[u8]> {
        self.key.try_get_hmac_secret().ok()
    }

    /// Whether this key and no other kind may check such a signature. This is what keeps a public key
    /// from being used as a secret.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match self.kind {
            Kind::Secret => matches!(algorithm, A::HS256 | A::HS384 | A::HS512),
            Kind::Rsa => matches!(
                algorithm,
                A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512
            ),
            Kind::P256 => algorithm == A::ES256,
            Kind::P384 => algorithm == A::ES384,
            Kind::Ed25519 => algorithm == A::EdDSA,
        }
    }

    /// Whether a token that names this key, or none, may mean this one.
    pub(super) fn may_be(&self, named: Option<&str>) -> bool {
        match (named, self.id()) {
            (Some(named), Some(id)) => named == id,
            _ => true,
        }
    }

    /// Whether this key made the signature.
    pub(super) fn verifies(
        &self,
        algorithm: Algorithm,
        message: &str,
        signature: &str,
    ) -> Result<bool, AuthError> {
        let malformed = AuthError::Malformed {
            reason: "the signature is not base64url",
        };
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm)
            .map_err(|_| malformed)
    }
}

/// Whether the key is a point on the algorithm's curve. An empty signature is wrong, but only a key
/// that cannot be read is an error.
fn is_usable(key: &DecodingKey, algorithm: Algorithm) -> bool {
    jsonwebtoken::crypto::verify("", b"", key, algorithm).is_ok()
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
