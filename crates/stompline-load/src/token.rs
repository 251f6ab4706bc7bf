//! The tokens that sessions connect with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stompline::auth::{HmacAlgorithm, JwtSigner, KeyError, Principal, SignError};
use stompline::{NameError, Realm, UserName};

/// How long a token made here lasts: longer than any run.
const TTL: Duration = Duration::from_hours(1);

/// Where tokens come from. `Debug` shows none.
#[derive(Clone)]
pub enum Tokens {
    /// Made here with the server's secret (HS256), one for each user.
    Signed(Box<JwtSigner>),
    /// One token for all sessions, which then belong to one user.
    Given(String),
    /// No token: the server wants none, or name and secret in CONNECT.
    Without,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file with the secret cannot be read.
    #[error("cannot read the secret in {}: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// The secret cannot be one.
    #[error("the secret in {}: {why}", file.display())]
    BadSecret {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: KeyError,
    },
    /// The user cannot have this name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The token could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Tokens {
    /// Tokens signed with the secret in `file`, as the server keeps it in its data directory; white
    /// space around it does not count.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what is in it is too short.
    pub fn from_secret_file(file: &Path) -> Result<Self, TokenError> {
        let secret = fs::read_to_string(file).map_err(|why| TokenError::Unreadable {
            file: file.to_owned(),
            why,
        })?;
        let signer = JwtSigner::new(HmacAlgorithm::Hs256, secret.trim());
        let signer = signer.map_err(|why| TokenError::BadSecret {
            file: file.to_owned(),
            why,
        })?;
        Ok(Self::Signed(Box::new(signer)))
    }

    /// A token for the user `name` of this type, valid for an hour, unless the server wants none.
    ///
    /// # Errors
    ///
    /// The name cannot be one, or signing fails.
    pub fn make(&self, user_type: &str, name: &str) -> Result<Option<String>, TokenError> {
        let signer = match self {
            Self::Without => return Ok(None),
            Self::Given(token) => return Ok(Some(token.clone())),
            Self::Signed(signer) => signer,
        };
        let now = SystemTime::now();
        let principal =
            Principal::new(Realm::new(user_type)?, UserName::new(name)?).with_expiry(now + TTL);
        Ok(Some(signer.sign(&principal, now)?))
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signed(_) => "Signed",
            Self::Given(_) => "Given",
            Self::Without => "Without",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_token_of_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
        let tokens = Tokens::from_secret_file(file.path()).unwrap();
        let (anna, ben) = (
            tokens.make("customer", "anna").unwrap().unwrap(),
            tokens.make("customer", "ben").unwrap().unwrap(),
        );
        assert_eq!(anna.split('.').count(), 3);
        assert_ne!(anna, ben);
    }

    #[test]
    fn short_secret_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "short").unwrap();
        let refused = Tokens::from_secret_file(file.path()).unwrap_err();
        assert!(matches!(refused, TokenError::BadSecret { .. }), "{refused}");
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", Tokens::Given("ey.secret".to_owned()));
        assert_eq!(shown, "Given");
    }
}
