//! Public keys as JSON: RFC 7517, with the members of RFC 7518, section 6, and RFC 8037, section 2.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::auth::error::excerpt;

use super::key::{JwtKey, KeyError, Kind};

/// The longest text of a key set, in bytes. Those of large providers, with certificates, have some 20 KiB.
pub const JWK_SET_BYTES_MAX: usize = 256 * 1024;

/// The most keys in a set, also of kinds that are skipped. Large providers have some ten; a token that
/// names none is tried with each.
pub const JWK_SET_KEYS_MAX: usize = 32;

/// The longest `kid`, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Members that only private and symmetric keys have (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1).
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JWK cannot be a [`JwtKey`]. No part of the key is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// It is not JSON, or no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A secret: whoever can read it can make tokens, so it does not belong where keys are published.
    #[error("a shared secret (`oct`), which must not be published")]
    Symmetric,
    /// The private half is there too, and may be known to others by now.
    #[error("it holds the private member `{member}`; publish the public half of a new key")]
    PrivateMember {
        /// The member.
        member: &'static str,
    },
    /// `use` or `key_ops` says that it does not check signatures.
    #[error("not for signatures (`{member}`)")]
    OtherUse {
        /// The member that says so.
        member: &'static str,
    },
    /// No type or curve that we know.
    #[error("of the kind {kind:?}, not RSA, P-256, P-384 or Ed25519")]
    UnsupportedKind {
        /// `kty` or `crv`, cut to 16 characters.
        kind: Box<str>,
    },
    /// `alg` is none that such a key is used with here.
    #[error("for the algorithm {algorithm:?}, which such a key does not check here")]
    UnsupportedAlgorithm {
        /// `alg`, cut to 16 characters.
        algorithm: Box<str>,
    },
    /// A member is missing, or is not what it has to be.
    #[error("`{member}` is missing or has the wrong form")]
    BadMember {
        /// The member.
        member: &'static str,
    },
    /// The key is no good.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Why a text is no usable set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkSetError {
    /// It is longer than [`JWK_SET_BYTES_MAX`].
    #[error("a key set has at most {JWK_SET_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is not JSON, or not of the form of a set.
    #[error("not a key set, which is JSON of the form {{\"keys\": [...]}}")]
    NotASet,
    /// It has more keys than [`JWK_SET_KEYS_MAX`].
    #[error("a key set has at most {JWK_SET_KEYS_MAX} keys, this one has {keys}")]
    TooManyKeys {
        /// Their number.
        keys: usize,
    },
    /// It is empty.
    #[error("the set holds no key")]
    NoKeys,
    /// Each of its keys had to be skipped.
    #[error("none of the {keys} keys can be used; the first is {first}")]
    NoUsableKey {
        /// Their number.
        keys: usize,
        /// What is wrong with the first of them.
        first: JwkError,
    },
}

/// A key of a set that cannot be used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedJwk {
    /// Its id, cut to 64 characters.
    pub id: Option<Box<str>>,
    /// Why it was skipped.
    pub reason: JwkError,
}

/// The keys that an identity provider publishes: a JSON Web Key Set (RFC 7517, section 5).
///
/// Keys of other kinds or for other uses are skipped and listed, as the RFC asks. So are shared secrets and keys
/// that come with their private half. Two keys may have the same id, as providers do while they change kinds.
#[derive(Debug, Clone)]
pub struct JwkSet {
    keys: Vec<JwtKey>,
    skipped: Vec<SkippedJwk>,
}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    ///
    /// It is no set, larger than allowed, or holds no key that can be used: a set that would refuse everybody is
    /// rather a mistake of whoever publishes it.
    pub fn parse(json: impl AsRef<[u8]>) -> Result<Self, JwkSetError> {
        let json = json.as_ref();
        if json.len() > JWK_SET_BYTES_MAX {
            return Err(JwkSetError::TooLong { bytes: json.len() });
        }
        let set: Value = serde_json::from_slice(json).map_err(|_| JwkSetError::NotASet)?;
        let listed = set.get("keys").and_then(Value::as_array);
        let listed = listed.ok_or(JwkSetError::NotASet)?;
        if listed.len() > JWK_SET_KEYS_MAX {
            let keys = listed.len();
            return Err(JwkSetError::TooManyKeys { keys });
        }
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for jwk in listed {
            match read(jwk) {
                Ok(key) => keys.push(key),
                Err(reason) => skipped.push(SkippedJwk {
                    id: jwk["kid"].as_str().map(|id| excerpt(id, 64)),
                    reason,
                }),
            }
        }
        match skipped.first() {
            _ if !keys.is_empty() => Ok(Self { keys, skipped }),
            None => Err(JwkSetError::NoKeys),
            Some(skipped) => Err(JwkSetError::NoUsableKey {
                keys: listed.len(),
                first: skipped.reason.clone(),
            }),
        }
    }

    /// The keys that can be used; at least one.
    pub fn keys(&self) -> &[JwtKey] {
        &self.keys
    }

    /// The keys that can be used, to be handed on.
    pub fn into_keys(self) -> Vec<JwtKey> {
        self.keys
    }

    /// The others, in their order.
    pub fn skipped(&self) -> &[SkippedJwk] {
        &self.skipped
    }
}

impl JwtKey {
    /// A public key in JSON form (JWK): RSA, P-256, P-384 or Ed25519.
    ///
    /// `kid` becomes its id, and with `alg` it checks that algorithm and no other.
    ///
    /// # Errors
    ///
    /// It is none of these, not for signatures, a shared secret, or holds its private half.
    pub fn jwk(json: impl AsRef<[u8]>) -> Result<Self, JwkError> {
        let jwk: Value =
            serde_json::from_slice(json.as_ref()).map_err(|_| JwkError::NotAnObject)?;
        read(&jwk)
    }
}

fn read(jwk: &Value) -> Result<JwtKey, JwkError> {
    let members = Members(jwk.as_object().ok_or(JwkError::NotAnObject)?);
    let kty = members.text("kty")?;
    if kty == "oct" {
        return Err(JwkError::Symmetric);
    }
    // Before its use is looked at: a private half that is public is to be told in any case.
    let private = |name: &&&str| members.0.contains_key(**name);
    if let Some(member) = PRIVATE_MEMBERS.iter().find(private) {
        return Err(JwkError::PrivateMember { member });
    }
    members.check_use()?;
    let id = match members.optional_text("kid")? {
        Some(id) if id.len() > ID_BYTES_MAX => return Err(JwkError::BadMember { member: "kid" }),
        id => id,
    };
    let key = members.key(kty)?;
    let key = match members.optional_text("alg")? {
        Some(name) => restricted(key, name)?,
        None => key,
    };
    Ok(match id {
        Some(id) => key.with_id(id),
        None => key,
    })
}

fn restricted(key: JwtKey, name: &str) -> Result<JwtKey, JwkError> {
    let algorithm = name.parse::<Algorithm>().ok();
    match algorithm.filter(|algorithm| key.is_for(*algorithm)) {
        Some(algorithm) => Ok(key.with_algorithm(algorithm)),
        None => Err(JwkError::UnsupportedAlgorithm {
            algorithm: excerpt(name, 16),
        }),
    }
}

/// The members of a JWK.
struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    fn optional_text(&self, member: &'static str) -> Result<Option<&'a str>, JwkError> {
        match self.0.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JwkError::BadMember { member }),
        }
    }

    fn text(&self, member: &'static str) -> Result<&'a str, JwkError> {
        self.optional_text(member)?
            .ok_or(JwkError::BadMember { member })
    }

    /// Bytes as base64url without padding.
    fn bytes(&self, member: &'static str) -> Result<Vec<u8>, JwkError> {
        URL_SAFE_NO_PAD
            .decode(self.text(member)?)
            .map_err(|_| JwkError::BadMember { member })
    }

    /// `use` and `key_ops` (RFC 7517, sections 4.2 and 4.3); both may be left out.
    fn check_use(&self) -> Result<(), JwkError> {
        if self.optional_text("use")?.is_some_and(|name| name != "sig") {
            return Err(JwkError::OtherUse { member: "use" });
        }
        let member = "key_ops";
        match self.0.get(member) {
            None => Ok(()),
            Some(Value::Array(names)) if names.iter().any(|name| name == "verify") => Ok(()),
            Some(Value::Array(_)) => Err(JwkError::OtherUse { member }),
            Some(_) => Err(JwkError::BadMember { member }),
        }
    }

    fn key(&self, kty: &str) -> Result<JwtKey, JwkError> {
        match kty {
            "RSA" => Ok(JwtKey::rsa(&self.bytes("n")?, &self.bytes("e")?)?),
            "EC" => {
                let (kind, bytes) = match self.text("crv")? {
                    "P-256" => (Kind::P256, 32),
                    "P-384" => (Kind::P384, 48),
                    curve => return Err(unsupported(curve)),
                };
                // Uncompressed, as SEC 1, section 2.3.3, writes a point.
                let mut point = vec![4];
                for member in ["x", "y"] {
                    let coordinate = self.bytes(member)?;
                    if coordinate.len() != bytes {
                        return Err(JwkError::BadMember { member });
                    }
                    point.extend(coordinate);
                }
                Ok(JwtKey::point(kind, &point)?)
            }
            "OKP" => match self.text("crv")? {
                "Ed25519" => Ok(JwtKey::point(Kind::Ed25519, &self.bytes("x")?)?),
                curve => Err(unsupported(curve)),
            },
            kty => Err(unsupported(kty)),
        }
    }
}

fn unsupported(kind: &str) -> JwkError {
    JwkError::UnsupportedKind {
        kind: excerpt(kind, 16),
    }
}
