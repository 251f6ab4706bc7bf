//! Names of users: who a message is for.
//!
//! A user is a [`Realm`] and a [`UserName`] in it. Both route, so customer `7` and agent `7` are two
//! different people ([`UserKey`]).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest realm or user name, in bytes of UTF-8.
///
/// Long enough for any e-mail address (254 bytes) and any UUID-like identifier; short enough to be
/// repeated in registry keys and log lines without thought.
pub const NAME_BYTES_MAX: usize = 256;

/// Why a text cannot be a [`Realm`] or a [`UserName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("a {what} must not be empty")]
    Empty {
        /// `realm` or `user name`.
        what: &'static str,
    },
    /// The text has more than [`NAME_BYTES_MAX`] bytes.
    #[error("a {what} has at most {NAME_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// `realm` or `user name`.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The text holds a control character, such as a line end.
    #[error("a {what} must not hold control characters")]
    ControlCharacter {
        /// `realm` or `user name`.
        what: &'static str,
    },
}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > NAME_BYTES_MAX {
        let bytes = text.len();
        return Err(NameError::TooLong { what, bytes });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::ControlCharacter { what });
    }
    Ok(())
}

/// Everything a checked name can do, once for both kinds.
macro_rules! checked_name {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Checks the text and takes a copy of it.
            ///
            /// # Errors
            ///
            /// The text is empty, longer than [`NAME_BYTES_MAX`] or holds control characters.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                check($what, text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A population of users, such as `customer` or `agent`.
///
/// Not empty, at most [`NAME_BYTES_MAX`] bytes, no control characters. A clone shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(Arc<str>);

/// The name of a user, unique within its [`Realm`].
///
/// Not empty, at most [`NAME_BYTES_MAX`] bytes, no control characters; it may hold `/`. A clone
/// shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(Arc<str>);

checked_name!(Realm, "realm");
checked_name!(UserName, "user name");

/// One user: the key under which sessions are registered and user destinations are delivered.
///
/// A clone shares both texts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserKey {
    realm: Realm,
    name: UserName,
}

impl UserKey {
    /// The user called `name` in `realm`.
    pub fn new(realm: Realm, name: UserName) -> Self {
        Self { realm, name }
    }

    /// The population this user belongs to.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The user's name in it.
    pub fn name(&self) -> &UserName {
        &self.name
    }
}

impl fmt::Display for UserKey {
    /// `realm:name`, for people to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.realm, self.name)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{:?}", self.realm, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_refused_by_cause() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for (text, want) in [
            ("", "a user name must not be empty"),
            ("a\nb", "a user name must not hold control characters"),
            ("\u{85}", "a user name must not hold control characters"),
            (
                long.as_str(),
                "a user name has at most 256 bytes, this one has 257",
            ),
        ] {
            assert_eq!(UserName::new(text).unwrap_err().to_string(), want);
        }
        assert_eq!(
            Realm::new("").unwrap_err(),
            NameError::Empty { what: "realm" }
        );
    }

    #[test]
    fn ordinary_names_are_kept_exactly() {
        let longest = "ü".repeat(NAME_BYTES_MAX / 2);
        for text in [
            "7",
            "a/b",
            "anna@example.org",
            "李雷",
            " x ",
            longest.as_str(),
        ] {
            assert_eq!(UserName::new(text).unwrap(), text);
        }
    }

    #[test]
    fn same_name_in_two_realms_differs() {
        let name = UserName::new("7").unwrap();
        let customer = UserKey::new(Realm::new("customer").unwrap(), name.clone());
        let agent = UserKey::new(Realm::new("agent").unwrap(), name);
        assert_ne!(customer, agent);
        assert_eq!(customer.to_string(), "customer:7");
    }

    #[test]
    fn json_form_is_checked_when_read() {
        let name: UserName = serde_json::from_str("\"u42\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"u42\"");
        assert!(serde_json::from_str::<UserName>("\"\"").is_err());
    }
}
