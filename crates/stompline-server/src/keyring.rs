//! The keys that tokens are signed and checked with, read from where the configuration says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stompline::auth::{JwtAuthenticator, JwtKey, JwtKeySet, JwtSettings, JwtSigner, KeyError};

use crate::config::{Auth, AuthKey, Config};
use crate::data_dir::secret_path;
use crate::failure::Failure;
use crate::secret::Secret;

/// The keys, and what else a token must say.
#[derive(Clone, Debug)]
pub(crate) struct Keyring {
    settings: JwtSettings,
    key_count: usize,
    /// Where the keys of `auth.jwks_url` go, if there is one.
    key_set: Option<JwtKeySet>,
}

/// The keys are missing or cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    #[error(
        "there is no key to check tokens with\n\
         Make a secret:        mkdir -p -m 700 {dir} && (umask 077; head -c 32 /dev/urandom | base64 > {file})\n\
         or name your own:     `auth.secrets`, `auth.secret_file`, `auth.keys` or `auth.jwks_url` in the configuration\n\
         or only try it out:   stompline serve --demo",
        dir = quoted(file.parent().unwrap_or(file)),
        file = quoted(file),
    )]
    Missing { file: PathBuf },
    #[error("`{key}`: cannot read {}: {why}", file.display())]
    Unreadable {
        key: &'static str,
        file: PathBuf,
        why: io::Error,
    },
    #[error("`{key}`: {}: {why}", file.display())]
    BadFile {
        key: &'static str,
        file: PathBuf,
        why: KeyError,
    },
    #[error("`{key}`: {why}")]
    BadValue { key: &'static str, why: KeyError },
    #[error(
        "all keys are public ones, which check tokens and cannot sign any; \
         let whoever holds the private key sign it, or set `auth.secrets`"
    )]
    CannotSign,
}

impl Keyring {
    /// Reads every key that is a text or a file. The secret of the data directory counts only if nothing else is
    /// named. Those of `auth.jwks_url` are to be put into [`key_set`](Self::key_set).
    pub(crate) fn read(config: &Config) -> Result<Self, KeyringError> {
        let auth = &config.auth;
        let mut keys = Vec::new();
        for secret in &auth.secrets {
            keys.push(shared("auth.secrets", secret)?);
        }
        if let Some(file) = &auth.secret_file {
            keys.push(shared_in("auth.secret_file", file)?);
        }
        for key in &auth.keys {
            keys.push(listed(key)?);
        }
        let key_set = auth.jwks_url.as_ref().map(|_| JwtKeySet::new());
        if keys.is_empty() && key_set.is_none() {
            keys.push(own(&config.data)?);
        }
        let key_count = keys.len();
        let leeway = Duration::from_secs(auth.leeway_s.into());
        let mut settings = JwtSettings::new(keys).leeway(leeway);
        if let Some(set) = &key_set {
            settings = settings.key_set(set.clone());
        }
        if let Some(issuer) = &auth.issuer {
            settings = settings.issuer(issuer.as_str());
        }
        if let Some(audience) = &auth.audience {
            settings = settings.audience(audience.as_str());
        }
        Ok(Self {
            settings,
            key_count,
            key_set,
        })
    }

    /// What checks tokens.
    pub(crate) fn authenticator(&self) -> Result<JwtAuthenticator, Failure> {
        self.settings
            .clone()
            .build()
            .map_err(|error| Failure::Other(error.to_string()))
    }

    /// Whether the configuration itself names keys, so that none has to be made.
    pub(crate) fn is_configured(auth: &Auth) -> bool {
        !auth.secrets.is_empty()
            || auth.secret_file.is_some()
            || !auth.keys.is_empty()
            || auth.jwks_url.is_some()
    }

    /// How many keys there are now.
    pub(crate) fn key_count(&self) -> usize {
        self.key_count + self.key_set.as_ref().map_or(0, JwtKeySet::len)
    }

    /// The keys that may be replaced at any time, if there are such.
    pub(crate) fn key_set(&self) -> Option<&JwtKeySet> {
        self.key_set.as_ref()
    }

    /// What signs tokens that these keys accept: the first secret.
    pub(crate) fn signer(&self) -> Result<JwtSigner, KeyringError> {
        self.settings.signer().ok_or(KeyringError::CannotSign)
    }
}

fn shared(key: &'static str, secret: &Secret) -> Result<JwtKey, KeyringError> {
    JwtKey::secret(secret.expose()).map_err(|why| KeyringError::BadValue { key, why })
}

fn shared_in(key: &'static str, file: &Path) -> Result<JwtKey, KeyringError> {
    let secret = Secret::new(&read(key, file)?);
    JwtKey::secret(secret.expose()).map_err(|why| KeyringError::BadFile {
        key,
        file: file.to_owned(),
        why,
    })
}

/// The secret of the data directory.
fn own(data: &Path) -> Result<JwtKey, KeyringError> {
    let file = secret_path(data);
    match shared_in("data", &file) {
        Err(KeyringError::Unreadable { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
            Err(KeyringError::Missing { file })
        }
        read => read,
    }
}

/// One of `auth.keys`.
fn listed(key: &AuthKey) -> Result<JwtKey, KeyringError> {
    let read_key = match (&key.secret, &key.file) {
        (Some(secret), _) => shared("auth.keys[].secret", secret)?,
        (None, file) => {
            let path = "auth.keys[].file";
            let file = file
                .as_ref()
                .expect("the configuration check wants a secret or a file");
            JwtKey::public_pem(read(path, file)?).map_err(|why| KeyringError::BadFile {
                key: path,
                file: file.to_owned(),
                why,
            })?
        }
    };
    Ok(match &key.kid {
        Some(kid) => read_key.with_id(kid.as_str()),
        None => read_key,
    })
}

fn read(key: &'static str, file: &Path) -> Result<String, KeyringError> {
    fs::read_to_string(file).map_err(|why| KeyringError::Unreadable {
        key,
        file: file.to_owned(),
        why,
    })
}

/// The path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
