//! Who may connect: the keys that tokens are checked with.

use std::path::PathBuf;

use serde::Deserialize;

use super::key::{Key, Preset};
use super::kind::Kind;
use super::quantity::Unit;
use crate::secret::Secret;

/// Table `auth`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    pub secrets: Vec<Secret>,
    pub secret_file: Option<PathBuf>,
    pub jwks_url: Option<String>,
    pub jwks_refresh_s: u32,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub leeway_s: u32,
    pub expiry_notice_s: u32,
    pub cookie: Option<String>,
    pub keys: Vec<AuthKey>,
}

/// One of `auth.keys`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthKey {
    pub kid: Option<String>,
    pub secret: Option<Secret>,
    pub file: Option<PathBuf>,
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "auth.secrets",
        kind: Kind::List(&Kind::Secret),
        preset: Preset::List(&[]),
        meaning: "Shared secrets for HS256, HS384 and HS512, 32 characters at least each. The first one signs, all \
                  of them check, so a new one is rolled in by putting it first. The characters \
                  themselves are the key, as in other JWT libraries.",
    },
    Key {
        path: "auth.secret_file",
        kind: Kind::Path,
        preset: Preset::Unset(r#""/run/secrets/stompline""#),
        meaning: "A file that holds one such secret, white space around it ignored. Without it the \
                  file `secret` in the data directory is used if it is there; `serve --demo` makes it.",
    },
    Key {
        path: "auth.jwks_url",
        kind: Kind::Text,
        preset: Preset::Unset(r#""https://id.example.com/.well-known/jwks.json""#),
        meaning: "Where an identity provider publishes its keys (JWKS): https, or http on this machine. \
                  They are fetched at start, which fails without them, and kept current in the background. \
                  Set `auth.issuer` and `auth.audience` too: a provider signs for others as well.",
    },
    Key {
        path: "auth.jwks_refresh_s",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 1,
            max: 86_400,
        },
        preset: Preset::Number(300),
        meaning: "How often they are fetched again, a tenth more or less. Five minutes is how long a key that \
                  the provider withdraws is accepted still; a token with a new `kid` brings the fetch \
                  forward, once in 30 seconds at most.",
    },
    Key {
        path: "auth.issuer",
        kind: Kind::Text,
        preset: Preset::Unset(r#""https://id.example.com""#),
        meaning: "What `iss` of a token must be. Unset, it is not looked at.",
    },
    Key {
        path: "auth.audience",
        kind: Kind::Text,
        preset: Preset::Unset(r#""stompline""#),
        meaning: "What `aud` of a token must hold. Unset, it is not looked at.",
    },
    Key {
        path: "auth.leeway_s",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 0,
            max: 300,
        },
        preset: Preset::Number(5),
        meaning: "How far the clocks of the signer and of this server may differ when `exp` and \
                  `nbf` are checked. Five seconds cover machines that keep their time by NTP.",
    },
    Key {
        path: "auth.expiry_notice_s",
        kind: Kind::number(Unit::Seconds, 0),
        preset: Preset::Number(60),
        meaning: "How long before its token ends a session is told, so that it can bring a new one. \
                  A minute is enough to fetch one and try again.",
    },
    Key {
        path: "auth.cookie",
        kind: Kind::Text,
        preset: Preset::Unset(r#""session_token""#),
        meaning: "The name of a cookie that may carry the token. A cookie is sent by every page \
                  that opens a connection, so it is refused together with the origin `*`.",
    },
    Key {
        path: "auth.keys",
        kind: Kind::Tables,
        preset: Preset::List(&[]),
        meaning: "Further keys: the public ones of an identity provider, or secrets with an id. \
                  Several at once let keys rotate.",
    },
    Key {
        path: "auth.keys[].kid",
        kind: Kind::Text,
        preset: Preset::Unset(r#""2026-a""#),
        meaning: "The key's id. A token that names a `kid` is checked with that key only.",
    },
    Key {
        path: "auth.keys[].secret",
        kind: Kind::Secret,
        preset: Preset::Unset(r#""one character for each of 32 bytes""#),
        meaning: "A shared secret, 32 characters at least.",
    },
    Key {
        path: "auth.keys[].file",
        kind: Kind::Path,
        preset: Preset::Unset(r#""keys/2026-a.pem""#),
        meaning: "A PEM file with a public key instead of a secret: RSA for RS256 to PS512, P-256 for \
                  ES256, P-384 for ES384, Ed25519 for EdDSA. No key takes another's algorithms.",
    },
];
