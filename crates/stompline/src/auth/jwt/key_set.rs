//! Keys that are replaced while the server runs.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::key::JwtKey;

/// Keys that an authenticator checks tokens with and that may be replaced at any time: those that an
/// identity provider publishes, say.
///
/// Hand it to [`JwtSettings::key_set`](super::JwtSettings::key_set) and keep a clone, which shares the keys, to
/// [`replace`](Self::replace) them. A check never waits for new keys. Until the first `replace`, tokens that no
/// other key is for are refused as [`AuthError::Unavailable`](crate::auth::AuthError::Unavailable).
///
/// ```
/// use stompline::auth::{JwkSet, JwtKeySet, JwtSettings};
///
/// let keys = JwtKeySet::new();
/// let jwt = JwtSettings::new([]).key_set(keys.clone()).build()?;
///
/// // Later, and again whenever the provider may have changed its keys.
/// let text = r#"{"keys": [
///     {"kty": "OKP", "crv": "Ed25519", "kid": "2026-a", "x": "m08lNKtN4-03tk9FHhCVgHd_eUvtmFvkuEY1AgnDUkE"}
/// ]}"#;
/// let change = keys.replace(JwkSet::parse(text)?.into_keys());
/// assert_eq!((change.added, change.withdrawn), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct JwtKeySet(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// `None` until there were keys.
    held: RwLock<Option<Arc<[Arc<HeldKey>]>>>,
    missed: Notify,
}

/// What [`JwtKeySet::replace`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyChange {
    /// Keys that were not there before.
    pub added: usize,
    /// Keys that were there and are no longer accepted.
    pub withdrawn: usize,
}

/// A key of the set, as those remember it who checked something with it.
pub(super) struct HeldKey {
    pub(super) key: JwtKey,
    withdrawn: AtomicBool,
}

impl HeldKey {
    /// Whether the key is still one of the set.
    pub(super) fn is_current(&self) -> bool {
        !self.withdrawn.load(Ordering::Acquire)
    }
}

impl JwtKeySet {
    /// A set without keys so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts these keys from now on, and of those before only the ones that are among them: when this
    /// returns, no check passes with a key that is gone, also not one of a token that was checked before.
    /// Keys that stay cost nothing; what was checked with them stays remembered.
    ///
    /// Sessions that are open live until their tokens end.
    pub fn replace(&self, keys: impl IntoIterator<Item = JwtKey>) -> KeyChange {
        let mut slot = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        let before = slot.take().unwrap_or_default();
        let mut change = KeyChange::default();
        let mut after: Vec<Arc<HeldKey>> = Vec::new();
        for key in keys {
            if after.iter().any(|held| held.key.is_same(&key)) {
                continue;
            }
            let held = before.iter().find(|held| held.key.is_same(&key));
            after.push(held.map_or_else(
                || {
                    change.added += 1;
                    Arc::new(HeldKey {
                        key,
                        withdrawn: AtomicBool::new(false),
                    })
                },
                Arc::clone,
            ));
        }
        for held in before.iter() {
            if !after.iter().any(|kept| Arc::ptr_eq(kept, held)) {
                held.withdrawn.store(true, Ordering::Release);
                change.withdrawn += 1;
            }
        }
        *slot = Some(after.into());
        change
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.current().map_or(0, |held| held.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns when a token could not be checked and a newer set might hold its key, at once if that
    /// happened since the last call; any number of such tokens count once. Whoever fetches keys may take
    /// it as a hint to fetch earlier, no more often than the provider likes: anybody can send such
    /// tokens. For one waiter.
    pub async fn missed(&self) {
        self.0.missed.notified().await;
    }

    pub(super) fn note_missed(&self) {
        self.0.missed.notify_one();
    }

    /// The keys as they are now; `None` if there never were any.
    pub(super) fn current(&self) -> Option<Arc<[Arc<HeldKey>]>> {
        let held = self.0.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}

impl fmt::Debug for JwtKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.current();
        let keys = held.iter().flat_map(|held| held.iter());
        f.debug_list().entries(keys.map(|held| &held.key)).finish()
    }
}
