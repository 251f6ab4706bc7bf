//! Tokens that were checked already.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::auth::principal::Principal;

use super::claims::Times;
use super::key_set::HeldKey;

/// What a check found out, apart from whether it is the right time.
#[derive(Clone)]
pub(super) struct Verified {
    principal: Principal,
    not_before: Option<SystemTime>,
    /// The key that it was checked with, if that may be withdrawn.
    key: Option<Arc<HeldKey>>,
}

impl Verified {
    /// The end of `times` is the principal's.
    pub(super) fn new(principal: Principal, times: Times, key: Option<Arc<HeldKey>>) -> Self {
        Self {
            principal,
            not_before: times.not_before,
            key,
        }
    }

    /// Whether the key that it was checked with is still accepted.
    pub(super) fn is_current(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.is_current())
    }

    pub(super) fn times(&self) -> Times {
        Times {
            not_before: self.not_before,
            expires_at: self.principal.expires_at(),
        }
    }

    pub(super) fn into_principal(self) -> Principal {
        self.principal
    }
}

/// 128 bits in a form that leaves no gap in the table.
type Key = [u64; 2];

/// A bounded map from tokens to what they say.
///
/// Keys are 128 bits of a hash with random keys, so nobody can make two tokens collide. There are two
/// generations: what is used moves to the young one; when that is full, the old one is dropped. So the
/// entries used last survive, without a list to maintain.
pub(super) struct Cache {
    hashers: [RandomState; 2],
    generations: Mutex<Generations>,
    generation_entries_max: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Key, Verified>,
    old: HashMap<Key, Verified>,
}

impl Cache {
    /// A cache of at most `entries_max` tokens; none at all if it is 0.
    pub(super) fn new(entries_max: usize) -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            generations: Mutex::default(),
            generation_entries_max: entries_max / 2,
        }
    }

    pub(super) fn insert(&self, token: &str, verified: Verified) {
        if self.generation_entries_max > 0 {
            let key = self.key(token);
            self.lock()
                .insert(key, verified, self.generation_entries_max);
        }
    }

    /// What was found out about the token, unless the key that it was checked with is gone by now.
    pub(super) fn find(&self, token: &str) -> Option<Verified> {
        self.remembered(token).filter(Verified::is_current)
    }

    fn remembered(&self, token: &str) -> Option<Verified> {
        if self.generation_entries_max == 0 {
            return None;
        }
        let key = self.key(token);
        let mut generations = self.lock();
        if let Some(verified) = generations.young.get(&key) {
            return Some(verified.clone());
        }
        let verified = generations.old.remove(&key)?;
        generations.insert(key, verified.clone(), self.generation_entries_max);
        Some(verified)
    }

    fn key(&self, token: &str) -> Key {
        let [high, low] = &self.hashers;
        [high.hash_one(token), low.hash_one(token)]
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // At worst a panic loses an entry, which costs one more check.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn insert(&mut self, key: Key, verified: Verified, entries_max: usize) {
        if self.young.len() >= entries_max {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Realm, UserName};

    fn verified(name: &str) -> Verified {
        let (realm, name) = (Realm::new("agent").unwrap(), UserName::new(name).unwrap());
        Verified::new(Principal::new(realm, name), Times::default(), None)
    }

    #[test]
    fn used_entries_outlive_unused_ones() {
        let cache = Cache::new(20);
        cache.insert("kept", verified("kept"));
        cache.insert("unused", verified("unused"));
        for n in 0..100 {
            cache.insert(&n.to_string(), verified("x"));
            assert!(cache.find("kept").is_some(), "after {n} others");
            let generations = cache.lock();
            assert!(generations.young.len() + generations.old.len() <= 20);
        }
        assert!(cache.find("unused").is_none());
        assert_eq!(cache.find("99").unwrap().principal.name(), &"x");
    }

    #[test]
    fn cache_of_size_zero_keeps_nothing() {
        let cache = Cache::new(0);
        cache.insert("a", verified("a"));
        assert!(cache.find("a").is_none());
    }
}
