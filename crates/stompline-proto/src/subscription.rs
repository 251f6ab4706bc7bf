use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use thiserror::Error;

/// Names a subscription within its session (STOMP 1.2, "SUBSCRIBE id Header").
///
/// Not empty and at most 256 octets long. Cheap to clone. In STOMP 1.0 a SUBSCRIBE may come without
/// an id: its destination then serves as an *implicit* one, and MESSAGE frames for it carry no
/// `subscription` header. Ids are equal if their texts are.
#[derive(Clone)]
pub struct SubscriptionId {
    text: Arc<str>,
    implicit: bool,
}

impl SubscriptionId {
    /// Octets of the longest id: clients count or make UUIDs, and every MESSAGE repeats it.
    pub const BYTES_MAX: usize = 256;

    /// An id as a client chose it.
    pub fn new(text: &str) -> Result<Self, BadSubscriptionId> {
        if text.is_empty() || text.len() > Self::BYTES_MAX {
            return Err(BadSubscriptionId);
        }
        Ok(Self {
            text: text.into(),
            implicit: false,
        })
    }

    /// The id of a SUBSCRIBE without one, as STOMP 1.0 allows.
    pub fn implicit(destination: &str) -> Result<Self, BadSubscriptionId> {
        Ok(Self {
            implicit: true,
            ..Self::new(destination)?
        })
    }

    /// Whether the client gave no id, so that MESSAGE frames must not carry one.
    pub const fn is_implicit(&self) -> bool {
        self.implicit
    }

    /// The text of the id, to be shared.
    pub const fn shared(&self) -> &Arc<str> {
        &self.text
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for SubscriptionId {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for SubscriptionId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.implicit { "implicit " } else { "" };
        write!(f, "{kind}{:?}", self.text)
    }
}

impl PartialEq for SubscriptionId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SubscriptionId {}

impl Hash for SubscriptionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl FromStr for SubscriptionId {
    type Err = BadSubscriptionId;

    fn from_str(text: &str) -> Result<Self, BadSubscriptionId> {
        Self::new(text)
    }
}

/// The text cannot name a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a subscription id must have 1 to {} octets",
    SubscriptionId::BYTES_MAX
)]
pub struct BadSubscriptionId;

/// Who settles the messages of a subscription, and how (STOMP 1.2, "SUBSCRIBE ack Header").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AckMode {
    /// `auto`: a message is settled when it is sent.
    #[default]
    Auto,
    /// `client`: an ACK or NACK settles its message and all before it in the subscription.
    Client,
    /// `client-individual`: an ACK or NACK settles its message alone.
    ClientIndividual,
}

impl AckMode {
    /// Reads the value of an `ack` header.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "client" => Some(Self::Client),
            "client-individual" => Some(Self::ClientIndividual),
            _ => None,
        }
    }

    /// The value of the `ack` header that asks for this mode.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Client => "client",
            Self::ClientIndividual => "client-individual",
        }
    }
}

impl fmt::Display for AckMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn id_length_is_bounded() {
        assert_eq!(SubscriptionId::new(""), Err(BadSubscriptionId));
        assert!(SubscriptionId::new(&"x".repeat(256)).is_ok());
        assert_eq!(
            SubscriptionId::new(&"x".repeat(257)),
            Err(BadSubscriptionId)
        );
        assert_eq!(SubscriptionId::implicit(""), Err(BadSubscriptionId));
    }

    #[test]
    fn ids_are_found_by_text() {
        let ids = HashSet::from([SubscriptionId::implicit("/topic/a").unwrap()]);
        assert!(ids.contains("/topic/a"));
        assert!(ids.contains(&SubscriptionId::new("/topic/a").unwrap()));
        assert!(ids.iter().all(SubscriptionId::is_implicit));
    }

    #[test]
    fn ack_modes_round_trip() {
        for mode in [AckMode::Auto, AckMode::Client, AckMode::ClientIndividual] {
            assert_eq!(AckMode::parse(mode.as_str()), Some(mode));
        }
        assert_eq!(AckMode::parse("Client"), None);
        assert_eq!(AckMode::parse(""), None);
    }
}
