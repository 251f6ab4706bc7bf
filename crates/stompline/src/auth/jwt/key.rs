//! Keys that check signatures.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::auth::error::AuthError;

/// The shortest secret, in bytes: as long as a SHA-256 (RFC 7518, section 3.2), so guessing it is
/// hopeless.
pub const SECRET_BYTES_MIN: usize = 32;

/// A public RSA key as PKCS #1 has about 14 bytes more than its modulus.
const RSA_DER_BYTES: std::ops::RangeInclusive<usize> = 256..=540;

/// The sizes of RSA keys from numbers, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

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
    /// The numbers are not those of a public key of their kind.
    #[error("the numbers are no public key")]
    BadNumbers,
}

/// A key that checks signatures, with an optional id (`kid`).
///
/// `Debug` shows its kind and id, never the key.
#[derive(Clone)]
pub struct JwtKey {
    id: Option<Box<str>>,
    kind: Kind,
    /// The only algorithm that it is for; without it all that fit its kind.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
        Ok(Self::new(Kind::Secret, DecodingKey::from_secret(secret)))
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
        Ok(Self::new(kind, key))
    }

    fn new(kind: Kind, key: DecodingKey) -> Self {
        Self {
            id: None,
            kind,
            algorithm: None,
            key,
        }
    }

    /// An RSA key from its numbers, the highest byte first.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (trimmed(modulus), trimmed(exponent));
        let bits =
            modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros()) as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::RsaSize);
        }
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        // The library takes larger exponents for an attempt to keep it busy, and 1 is no cipher.
        if !is_odd(modulus) || !is_odd(exponent) || exponent == [1] || exponent.len() > 4 {
            return Err(KeyError::BadNumbers);
        }
        let der = pkcs1(modulus, exponent);
        Ok(Self::new(Kind::Rsa, DecodingKey::from_rsa_der(&der)))
    }

    /// A key that is a point on the curve of its kind.
    pub(super) fn point(kind: Kind, point: &[u8]) -> Result<Self, KeyError> {
        let (key, algorithm) = match kind {
            Kind::P256 => (DecodingKey::from_ec_der(point), Algorithm::ES256),
            Kind::P384 => (DecodingKey::from_ec_der(point), Algorithm::ES384),
            // The length first: the library takes it for granted.
            Kind::Ed25519 if point.len() == 32 => {
                (DecodingKey::from_ed_der(point), Algorithm::EdDSA)
            }
            _ => return Err(KeyError::BadNumbers),
        };
        if !is_usable(&key, algorithm) {
            return Err(KeyError::BadNumbers);
        }
        Ok(Self::new(kind, key))
    }

    /// With the only algorithm that it may check.
    pub(super) fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Whether both accept the same tokens.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.kind == other.kind
            && self.algorithm == other.algorithm
            && self.key.as_bytes() == other.key.as_bytes()
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
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
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

/// Without the zeros in front.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// An RSA key as PKCS #1 writes it (RFC 8017, appendix A.1.1), the form that PEM files hold too.
fn pkcs1(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        // A first bit of 1 would make it negative.
        let sign = number.first().filter(|byte| **byte >= 0x80).map(|_| 0);
        let content: Vec<u8> = sign.into_iter().chain(number.iter().copied()).collect();
        der(0x02, &content)
    };
    der(0x30, &[integer(modulus), integer(exponent)].concat())
}

/// A value of DER of less than 64 KiB (X.690, section 8.1).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, ..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [head, content].concat()
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
