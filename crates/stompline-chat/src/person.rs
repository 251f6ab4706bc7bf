//! Who acts and who is acted for.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which side of the desk somebody is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Asks for help.
    Customer,
    /// Gives it.
    Agent,
}

impl Role {
    /// The role as it stands on the wire, in the store, and as the realm of a principal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
        }
    }

    /// The role of that wire name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "customer" => Some(Self::Customer),
            "agent" => Some(Self::Agent),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A principal of the chat: the same id in two roles is two people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserRef {
    /// The principal's name.
    pub id: Arc<str>,
    /// The principal's realm.
    pub role: Role,
}

impl UserRef {
    /// The customer of that id.
    pub fn customer(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            role: Role::Customer,
        }
    }

    /// The agent of that id.
    pub fn agent(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            role: Role::Agent,
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.id)
    }
}

/// Somebody with the name to show, always taken from the session, never from a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Who it is.
    #[serde(flatten)]
    pub user: UserRef,
    /// The name to show.
    pub name: Arc<str>,
}

impl Person {
    /// Somebody whose session says this name; without one the id is shown. Characters U+0000 are left out, which not
    /// every database can keep.
    pub fn new(user: UserRef, name: Option<&str>) -> Self {
        let name = match name.map(|name| name.replace('\0', "")) {
            Some(name) if !name.trim().is_empty() => Arc::from(name.trim()),
            _ => Arc::clone(&user.id),
        };
        Self { user, name }
    }

    /// Which side of the desk this is.
    pub fn role(&self) -> Role {
        self.user.role
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn person_is_flat_on_the_wire() {
        let lin = Person::new(UserRef::agent("agt_12"), Some("Lin"));
        assert_eq!(
            serde_json::to_value(lin).unwrap(),
            json!({"id": "agt_12", "role": "agent", "name": "Lin"})
        );
    }

    #[test]
    fn nameless_person_shows_the_id() {
        assert_eq!(&*Person::new(UserRef::customer("7"), Some("  ")).name, "7");
        assert_eq!(&*Person::new(UserRef::customer("7"), Some("\0")).name, "7");
        assert_eq!(&*Person::new(UserRef::customer("7"), None).name, "7");
    }
}
