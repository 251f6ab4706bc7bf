//! Identifiers: of conversations, of messages, and the sender's own name for a send.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an identifier that a store made or kept.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The identifier as a store keeps it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

uuid_id! {
    /// Names one conversation: a UUIDv7, so that ids made later sort later.
    ConversationId
}

uuid_id! {
    /// Names one message: a UUIDv7 made by the server. Order within a conversation is `seq`, never the id.
    MessageId
}

/// The sender's own name for one command, which makes repeating it harmless.
///
/// Between 1 and [`ClientId::CHARS_MAX`] characters, none of them U+0000, unique for each sender (realm and id) for as long as the
/// message exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// The longest accepted name, in characters. A UUID with a prefix fits well.
    pub const CHARS_MAX: usize = 64;

    /// Checks a name that came from a client.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] when it is empty, longer than [`ClientId::CHARS_MAX`] or holds U+0000, which not every
    /// database can keep.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        match text.chars().count() {
            0 => Err(Error::bad_request(
                "`clientId` must not be empty; leave it out instead",
            )),
            chars if chars > Self::CHARS_MAX => Err(Error::bad_request(format!(
                "`clientId` has {chars} characters; at most {} are allowed",
                Self::CHARS_MAX
            ))),
            _ if text.contains('\0') => Err(Error::bad_request(
                "`clientId` must not hold the character U+0000",
            )),
            _ => Ok(Self(text)),
        }
    }

    /// A name for a command whose sender gave none: such a command is never a repetition of another.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_id_length_is_bounded() {
        assert!(ClientId::parse("").is_err());
        assert!(ClientId::parse("客".repeat(64)).is_ok());
        let error = ClientId::parse("x".repeat(65)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`clientId` has 65 characters; at most 64 are allowed"
        );
    }

    #[test]
    fn client_id_holds_no_nul() {
        let error = ClientId::parse("c\0d").unwrap_err();
        assert_eq!(error.code(), "bad_request");
        assert!(error.to_string().contains("U+0000"), "{error}");
        assert!(ClientId::parse("c\u{1}d").is_ok());
    }

    #[test]
    fn fresh_client_ids_differ() {
        assert_ne!(ClientId::fresh(), ClientId::fresh());
    }
}
