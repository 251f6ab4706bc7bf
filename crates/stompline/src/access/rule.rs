//! One rule.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::auth::Principal;
use crate::destination::{Destination, DestinationKind};
use crate::name::{NameError, Realm};
use crate::pattern::DestinationPattern;

use super::{AccessCheck, AccessRequest, Action};

/// Whom a rule concerns.
#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    /// Everybody who has a session.
    Anyone,
    /// All users of one type.
    Realm(Realm),
    /// All who have a role.
    Role(Box<str>),
    /// All who have a claim with this value, or with a list that holds it.
    Claim {
        /// The name of the claim.
        name: Box<str>,
        /// The value it must have.
        value: Value,
    },
}

impl Who {
    /// All users of one type.
    ///
    /// # Errors
    ///
    /// The text is no realm.
    pub fn realm(name: &str) -> Result<Self, NameError> {
        Ok(Self::Realm(Realm::new(name)?))
    }

    /// Whether the principal is one of them.
    pub fn includes(&self, principal: &Principal) -> bool {
        match self {
            Self::Anyone => true,
            Self::Realm(realm) => principal.realm() == realm,
            Self::Role(role) => principal.has_role(role),
            Self::Claim { name, value } => principal.claim(name).is_some_and(|found| {
                let listed = found.as_array().is_some_and(|list| list.contains(value));
                listed || found == value
            }),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Realm(realm) => write!(f, "type {realm}"),
            Self::Role(role) => write!(f, "role {role}"),
            Self::Claim { name, value } => write!(f, "claim {name}={value}"),
        }
    }
}

/// Whether a rule is about plain names, patterns or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Both.
    #[default]
    Any,
    /// Plain names: what a SEND has, and a SUBSCRIBE to one destination.
    Plain,
    /// SUBSCRIBE to a pattern.
    Pattern,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All destinations.
    Everything,
    /// All destinations of one kind.
    Kind(DestinationKind),
    /// All destinations that a pattern matches. Its `*` spans dots, whatever the endpoint's separator:
    /// a rule should not leave a gap.
    Pattern(DestinationPattern),
}

impl Target {
    /// Whether some of what `destination` stands for is meant.
    fn touches(&self, destination: &Destination) -> bool {
        match (self, destination) {
            (Self::Everything, _) => true,
            (Self::Kind(kind), _) => *kind == destination.kind(),
            (Self::Pattern(ours), Destination::Pattern(theirs)) => ours.overlaps(theirs),
            (Self::Pattern(ours), _) => ours.matches(destination.name()),
        }
    }

    /// Whether all of what `destination` stands for is meant.
    fn covers(&self, destination: &Destination) -> bool {
        match (self, destination) {
            (Self::Pattern(ours), Destination::Pattern(theirs)) => ours.contains(theirs),
            _ => self.touches(destination),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Kind(DestinationKind::App) => f.write_str("handlers"),
            Self::Kind(DestinationKind::Broker) => f.write_str("broker destinations"),
            Self::Kind(DestinationKind::User) => f.write_str("user destinations"),
            Self::Pattern(pattern) => fmt::Display::fmt(pattern, f),
        }
    }
}

/// What follows when a rule applies.
#[derive(Clone)]
pub(super) enum Effect {
    Allow,
    Deny,
    Check(Arc<dyn AccessCheck>),
}

/// One rule: who, which action, what, and what follows.
#[derive(Clone)]
pub struct AccessRule {
    who: Who,
    /// Both if `None`.
    action: Option<Action>,
    target: Target,
    shape: Shape,
    pub(super) effect: Effect,
}

impl AccessRule {
    /// Allows both actions with the target.
    pub fn allow(who: Who, target: Target) -> Self {
        Self {
            who,
            action: None,
            target,
            shape: Shape::Any,
            effect: Effect::Allow,
        }
    }

    /// Denies both actions with the target.
    pub fn deny(who: Who, target: Target) -> Self {
        Self {
            effect: Effect::Deny,
            ..Self::allow(who, target)
        }
    }

    /// Lets a check decide about both actions with the target.
    pub fn check(who: Who, target: Target, check: Arc<dyn AccessCheck>) -> Self {
        Self {
            effect: Effect::Check(check),
            ..Self::allow(who, target)
        }
    }

    /// For one action only. Default: both.
    pub fn on(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    /// For plain names or for patterns only. Default: both.
    pub fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// Whether the rule has a say in the request.
    pub(super) fn concerns(&self, request: AccessRequest<'_>) -> bool {
        let is_pattern = matches!(request.destination, Destination::Pattern(_));
        let shape_fits = match self.shape {
            Shape::Any => true,
            Shape::Plain => !is_pattern,
            Shape::Pattern => is_pattern,
        };
        shape_fits
            && self.action.is_none_or(|action| action == request.action)
            && self.who.includes(request.principal)
            && self.target.touches(request.destination)
    }

    /// Whether the rule is about all that is asked for, so that it may allow it.
    pub(super) fn covers(&self, request: AccessRequest<'_>) -> bool {
        self.target.covers(request.destination)
    }
}

impl fmt::Display for AccessRule {
    /// The rule as one line: `allow type agent SUBSCRIBE /topic/queue.*/**`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
            Effect::Check(_) => "check",
        };
        write!(f, "{effect} {} ", self.who)?;
        match self.action {
            Some(action) => write!(f, "{action} ")?,
            None => f.write_str("SEND, SUBSCRIBE ")?,
        }
        fmt::Display::fmt(&self.target, f)?;
        match self.shape {
            Shape::Any => Ok(()),
            Shape::Plain => f.write_str(" (plain names)"),
            Shape::Pattern => f.write_str(" (patterns)"),
        }
    }
}

impl fmt::Debug for AccessRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessRule({self})")
    }
}
