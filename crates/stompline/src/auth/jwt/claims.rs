//! What claims mean, and which are accepted.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::auth::error::{AuthError, excerpt};
use crate::auth::principal::Principal;
use crate::name::{Realm, UserName};

/// The last second of the year 9999: what a time beyond means, and one that every clock can hold.
const TIME_MAX_S: f64 = 253_402_300_799.0;

/// Which claims hold the user's name, realm, display name and roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// The user name, a string or an integer. Default: `sub` (RFC 7519, section 4.1.2).
    pub user: Box<str>,
    /// The realm, a string. Default: `userType`.
    pub realm: Box<str>,
    /// The display name, a string. Default: `name`, as in OpenID Connect.
    pub display: Box<str>,
    /// The roles, a string or a list of strings. Default: `roles`.
    pub roles: Box<str>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let [user, realm, display, roles] = ["sub", "userType", "name", "roles"].map(Box::from);
        Self {
            user,
            realm,
            display,
            roles,
        }
    }
}

/// When a token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    pub(super) not_before: Option<SystemTime>,
    pub(super) expires_at: Option<SystemTime>,
}

impl Times {
    pub(super) fn of(claims: &Map<String, Value>) -> Result<Self, AuthError> {
        Ok(Self {
            not_before: time(claims, "nbf")?,
            expires_at: time(claims, "exp")?,
        })
    }
}

/// A NumericDate: seconds since 1970, possibly with a fraction (RFC 7519, section 2).
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<SystemTime>, AuthError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    match value.as_f64() {
        Some(seconds) if seconds >= 0.0 => {
            let since = Duration::from_secs_f64(seconds.min(TIME_MAX_S));
            Ok(Some(SystemTime::UNIX_EPOCH + since))
        }
        _ => Err(AuthError::MissingClaim { claim: name.into() }),
    }
}

/// What a token must say, and where it says it.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Any if empty.
    pub(super) issuers: Vec<Box<str>>,
    /// Any if empty.
    pub(super) audiences: Vec<Box<str>>,
    pub(super) realms: Vec<Realm>,
    pub(super) default_realm: Option<Realm>,
    pub(super) names: ClaimNames,
}

impl Default for Expected {
    fn default() -> Self {
        let realm = |name| Realm::new(name).expect("a plain word is a realm");
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            realms: vec![realm("customer"), realm("agent")],
            default_realm: None,
            names: ClaimNames::default(),
        }
    }
}

impl Expected {
    /// Whether the token comes from the right place and is meant for us.
    pub(super) fn check_source(&self, claims: &Map<String, Value>) -> Result<(), AuthError> {
        if !self.issuers.is_empty() {
            let issuer = claims.get("iss").and_then(Value::as_str);
            let issuer = issuer.ok_or(AuthError::MissingClaim {
                claim: "iss".into(),
            })?;
            if !self.issuers.iter().any(|known| **known == *issuer) {
                return Err(AuthError::WrongIssuer);
            }
        }
        if !self.audiences.is_empty() {
            let audience = claims.get("aud").map(strings).unwrap_or_default();
            if audience.is_empty() {
                return Err(AuthError::MissingClaim {
                    claim: "aud".into(),
                });
            }
            if !self
                .audiences
                .iter()
                .any(|known| audience.contains(&&**known))
            {
                return Err(AuthError::WrongAudience);
            }
        }
        Ok(())
    }

    /// The user that the claims describe.
    pub(super) fn principal(
        &self,
        mut claims: Map<String, Value>,
        times: Times,
    ) -> Result<Principal, AuthError> {
        let names = &self.names;
        let name = match claims.remove(&*names.user) {
            Some(Value::String(name)) => UserName::new(name).ok(),
            Some(Value::Number(name)) if !name.is_f64() => UserName::new(name.to_string()).ok(),
            _ => None,
        };
        let name = name.ok_or_else(|| AuthError::MissingClaim {
            claim: names.user.to_string().into(),
        })?;
        let realm = self.realm(claims.remove(&*names.realm))?;
        let mut principal = Principal::new(realm, name);
        if let Some(Value::String(display)) = claims.remove(&*names.display) {
            principal = principal.with_display(display);
        }
        if let Some(roles) = claims.remove(&*names.roles) {
            principal = principal.with_roles(strings(&roles));
        }
        if let Some(at) = times.expires_at {
            principal = principal.with_expiry(at);
        }
        for spent in ["iss", "aud", "exp", "nbf", "iat"] {
            claims.remove(spent);
        }
        Ok(principal.with_claims(claims))
    }

    fn realm(&self, claim: Option<Value>) -> Result<Realm, AuthError> {
        let missing = || AuthError::MissingClaim {
            claim: self.names.realm.to_string().into(),
        };
        let found = match claim {
            None => return self.default_realm.clone().ok_or_else(missing),
            Some(Value::String(found)) => found,
            Some(_) => return Err(missing()),
        };
        let allowed = self.realms.iter().chain(&self.default_realm);
        // A clone of the one we hold, so that all principals share it.
        allowed
            .clone()
            .find(|realm| **realm == *found)
            .cloned()
            .ok_or_else(|| {
                let expected: Vec<_> = allowed.map(Realm::as_str).collect();
                let (expected, found) = (expected.join("|").into(), excerpt(&found, 32));
                AuthError::WrongUserType { expected, found }
            })
    }
}

/// A string, or the strings in a list; anything else is none.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
