//! Who a session belongs to.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::name::{Realm, UserKey, UserName};

use super::error::AuthError;

/// An authenticated user: a realm and a name, which route, and what else is known of them.
///
/// A clone shares everything. `Debug` shows no values of claims, which may be confidential.
#[derive(Clone, PartialEq)]
pub struct Principal(Arc<Inner>);

#[derive(Clone, PartialEq)]
struct Inner {
    key: UserKey,
    display: Option<Box<str>>,
    roles: Box<[Box<str>]>,
    claims: Claims,
    expires_at: Option<SystemTime>,
}

/// Claims by name, in the order of their names. A map would hold room for eleven as soon as it had held one: 632 bytes for each session.
#[derive(Clone, Default, PartialEq)]
struct Claims(Box<[(Box<str>, Value)]>);

impl Claims {
    fn new(claims: Map<String, Value>) -> Self {
        Self(
            claims
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl Principal {
    /// A user of whom nothing else is known and who never expires.
    pub fn new(realm: Realm, name: UserName) -> Self {
        Self(Arc::new(Inner {
            key: UserKey::new(realm, name),
            display: None,
            roles: Box::default(),
            claims: Claims::default(),
            expires_at: None,
        }))
    }

    /// With a name to be shown to people. Default: none, then the user name is shown.
    pub fn with_display(mut self, display: impl Into<Box<str>>) -> Self {
        self.inner_mut().display = Some(display.into());
        self
    }

    /// With these roles instead of the ones before. Default: none.
    pub fn with_roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.inner_mut().roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// With one more claim. Default: none.
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut claims = self.claims_map();
        claims.insert(name.into(), value.into());
        self.inner_mut().claims = Claims::new(claims);
        self
    }

    /// With these claims instead of the ones before.
    pub fn with_claims(mut self, claims: Map<String, Value>) -> Self {
        self.inner_mut().claims = Claims::new(claims);
        self
    }

    /// Valid until then. Default: for ever.
    pub fn with_expiry(mut self, expires_at: SystemTime) -> Self {
        self.inner_mut().expires_at = Some(expires_at);
        self
    }

    /// Realm and name: the key under which this user's sessions are found.
    pub fn key(&self) -> &UserKey {
        &self.0.key
    }

    /// The population the user belongs to.
    pub fn realm(&self) -> &Realm {
        self.key().realm()
    }

    /// The same as [`realm`](Self::realm), by the name of the claim it comes from.
    pub fn user_type(&self) -> &str {
        self.realm().as_str()
    }

    /// The user's name, unique in the realm.
    pub fn name(&self) -> &UserName {
        self.key().name()
    }

    /// The name to show to people: the display name, or else the user name.
    pub fn display(&self) -> &str {
        self.0.display.as_deref().unwrap_or(self.name().as_str())
    }

    /// The display name, if there is one.
    pub fn display_if_given(&self) -> Option<&str> {
        self.0.display.as_deref()
    }

    /// The roles, in no particular order.
    pub fn roles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.roles.iter().map(|role| &**role)
    }

    /// Whether the user has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|own| own == role)
    }

    /// The claim called `name`, if there is one.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// All claims, by name, but those that are something else here: user, realm, roles, times, issuer, audience.
    pub fn claims(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.claims.0.iter().map(|(name, value)| (&**name, value))
    }

    /// A copy of all claims, to be built on.
    pub(crate) fn claims_map(&self) -> Map<String, Value> {
        self.claims()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// When this stops being valid, if it does. No leeway is included.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// Checks that the user is of the given population, as an endpoint for agents demands.
    ///
    /// # Errors
    ///
    /// [`AuthError::WrongUserType`].
    pub fn require_type(&self, expected: &str) -> Result<(), AuthError> {
        if self.user_type() == expected {
            return Ok(());
        }
        Err(AuthError::WrongUserType {
            expected: expected.into(),
            found: self.user_type().into(),
        })
    }

    /// Somebody who was not asked who they are: a user of their own, named by the session.
    ///
    /// # Panics
    ///
    /// If `session` cannot be a user's name; a session's id always can.
    pub(crate) fn anonymous(session: &str) -> Self {
        let realm = Realm::new(ANONYMOUS).expect("a plain word is a realm");
        let name = UserName::new(session).expect("a session's id is letters and digits");
        Self::new(realm, name)
    }

    /// Whether nobody asked who this is.
    pub fn is_anonymous(&self) -> bool {
        self.user_type() == ANONYMOUS
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Vec<_> = self.claims().map(|(name, _)| name).collect();
        f.debug_struct("Principal")
            .field("key", self.key())
            .field("roles", &self.0.roles)
            .field("claims", &claims)
            .field("expires_at", &self.0.expires_at)
            .finish_non_exhaustive()
    }
}

/// The realm of those who were not asked who they are.
const ANONYMOUS: &str = "anonymous";

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Principal {
        Principal::new(Realm::new("agent").unwrap(), UserName::new("7").unwrap())
    }

    #[test]
    fn claims_are_listed_by_name() {
        let user = anna()
            .with_claim("site", "s1")
            .with_claim("a", 1)
            .with_claim("site", "s2");
        let claims: Vec<_> = user.claims_map().into_iter().collect();
        assert_eq!(
            claims,
            [("a".to_owned(), 1.into()), ("site".to_owned(), "s2".into())]
        );
    }

    #[test]
    fn display_falls_back_to_name() {
        assert_eq!(anna().display(), "7");
        let named = anna().with_display("Anna");
        assert_eq!((named.display(), named.name().as_str()), ("Anna", "7"));
    }

    #[test]
    fn clone_is_not_changed_by_building_on() {
        let plain = anna();
        let lead = plain.clone().with_roles(["lead"]).with_claim("site", "s1");
        assert!(lead.has_role("lead") && !plain.has_role("lead"));
        assert_eq!(lead.claim("site"), Some(&Value::from("s1")));
        assert_eq!(plain.claim("site"), None);
    }

    #[test]
    fn debug_shows_no_claim_values() {
        let shown = format!("{:?}", anna().with_claim("iban", "DE02120300000000202051"));
        assert!(shown.contains("iban") && !shown.contains("DE02"), "{shown}");
    }

    #[test]
    fn wrong_user_type_names_both() {
        assert!(anna().require_type("agent").is_ok());
        let error = anna().require_type("customer").unwrap_err();
        assert_eq!(
            error.to_string(),
            "user type \"agent\" where \"customer\" is required"
        );
    }
}
