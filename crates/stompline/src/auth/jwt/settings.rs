//! How tokens are checked.

use std::time::Duration;

use crate::name::Realm;

use super::JwtAuthenticator;
use super::claims::{ClaimNames, Expected};
use super::key::JwtKey;
use super::key_set::JwtKeySet;
use super::signer::{HmacAlgorithm, JwtSigner};

/// Clocks further apart than this are broken, and adding it to any time is safe.
const LEEWAY_MAX: Duration = Duration::from_mins(10);

/// Why [`JwtSettings`] cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Without a key no token can be checked.
    #[error("at least one key is needed to check tokens")]
    NoKeys,
    /// Every token would be refused.
    #[error("at least one user type must be allowed")]
    NoRealms,
    /// So much leeway would be a second lifetime.
    #[error("the leeway is at most {} s", LEEWAY_MAX.as_secs())]
    LeewayTooLong,
    /// Two keys have the same id, so only one could be meant.
    #[error("two keys have the id {id:?}; each key needs its own")]
    RepeatedKeyId {
        /// The id.
        id: Box<str>,
    },
}

/// How tokens are checked. Start from [`JwtSettings::new`], end with [`build`](Self::build).
#[derive(Debug, Clone)]
pub struct JwtSettings {
    pub(super) keys: Vec<JwtKey>,
    pub(super) key_set: Option<JwtKeySet>,
    pub(super) expected: Expected,
    pub(super) expiry_required: bool,
    pub(super) leeway: Duration,
    pub(super) cache_entries_max: usize,
}

impl JwtSettings {
    /// Tokens signed with one of these keys; all else as the setters say.
    pub fn new(keys: impl IntoIterator<Item = JwtKey>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            key_set: None,
            expected: Expected::default(),
            expiry_required: true,
            leeway: Duration::from_secs(5),
            cache_entries_max: 10_000,
        }
    }

    /// Also accepts tokens signed with one of the keys that this set has at the time. Default: none. The keys of
    /// [`new`](Self::new) are tried first, and may be none at all.
    pub fn key_set(mut self, set: JwtKeySet) -> Self {
        self.key_set = Some(set);
        self
    }

    /// Accepts this issuer (`iss`). Default: any, also none; after the first call a token must name one
    /// of those given.
    pub fn issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.expected.issuers.push(issuer.into());
        self
    }

    /// Accepts this audience (`aud`). Default: any, also none; after the first call a token must name
    /// one of those given.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.expected.audiences.push(audience.into());
        self
    }

    /// Accepts these user types and no others. Default: `customer` and `agent`.
    pub fn realms(mut self, realms: impl IntoIterator<Item = Realm>) -> Self {
        self.expected.realms = realms.into_iter().collect();
        self
    }

    /// The user type of tokens that name none. Default: such tokens are refused, so that nobody is
    /// taken for something they are not.
    pub fn default_realm(mut self, realm: Realm) -> Self {
        self.expected.default_realm = Some(realm);
        self
    }

    /// Which claims mean what. Default: [`ClaimNames::default`].
    pub fn claim_names(mut self, names: ClaimNames) -> Self {
        self.expected.names = names;
        self
    }

    /// Also accepts tokens without `exp`, which are then valid for ever. Default: refused, because a
    /// leaked token of that kind can only be stopped by changing the key.
    pub fn allow_missing_expiry(mut self) -> Self {
        self.expiry_required = false;
        self
    }

    /// How far apart the clocks of issuer and server may be, 10 minutes at most. Default: 5 s, enough
    /// for clocks kept by NTP.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How many checked tokens are remembered, so that a storm of reconnects costs no cryptography; 0
    /// for none. Default: 10,000, some 5 MB at worst. The tokens themselves are not kept.
    pub fn cache_entries_max(mut self, entries: usize) -> Self {
        self.cache_entries_max = entries;
        self
    }

    /// A signer whose tokens pass these settings: the first secret, the first issuer and audience.
    /// `None` if all keys are public ones, which cannot sign.
    pub fn signer(&self) -> Option<JwtSigner> {
        let signer = self
            .keys
            .iter()
            .find_map(|key| JwtSigner::of_key(key, HmacAlgorithm::Hs256))?;
        let signer = signer.with_claim_names(self.expected.names.clone());
        let first = |list: &[Box<str>]| list.first().cloned();
        let signer = match first(&self.expected.issuers) {
            Some(issuer) => signer.with_issuer(issuer),
            None => signer,
        };
        Some(match first(&self.expected.audiences) {
            Some(audience) => signer.with_audience(audience),
            None => signer,
        })
    }

    /// Checks the settings and makes the authenticator.
    ///
    /// # Errors
    ///
    /// There are neither keys nor a key set, or no user types, two keys share an id, or the leeway is too long.
    pub fn build(self) -> Result<JwtAuthenticator, SettingsError> {
        if self.keys.is_empty() && self.key_set.is_none() {
            return Err(SettingsError::NoKeys);
        }
        if self.expected.realms.is_empty() && self.expected.default_realm.is_none() {
            return Err(SettingsError::NoRealms);
        }
        if self.leeway > LEEWAY_MAX {
            return Err(SettingsError::LeewayTooLong);
        }
        for (at, key) in self.keys.iter().enumerate() {
            if let Some(id) = key.id()
                && self.keys[..at].iter().any(|other| other.id() == Some(id))
            {
                return Err(SettingsError::RepeatedKeyId { id: id.into() });
            }
        }
        Ok(JwtAuthenticator::new(self))
    }
}
