//! Who is subscribed to what on this node: by exact destination, by pattern, and by user.

mod topic;

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use hashbrown::hash_table::Entry;

use crate::{
    few::Few,
    name::UserKey,
    pattern::{DestinationPattern, PatternMap},
    subscription::Subscription,
    table::{Keyed, Table},
};
pub(crate) use topic::Subscribers;
use topic::Topic;

/// Locks per table. Enough that two cores rarely meet; a lock is held for a look-up only.
const SHARDS: usize = 64;

/// Names of user destinations that are shared.
const QUEUES_MAX: usize = 256;

/// A table in parts, each with a lock of its own.
type Shards<V> = Box<[Mutex<Table<V>>]>;

/// All live subscriptions of this node.
pub(crate) struct Registry {
    hasher: RandomState,
    exact: Shards<Topic>,
    users: Shards<Few<Arc<Subscription>>>,
    patterns: RwLock<PatternMap<Vec<Arc<Subscription>>>>,
    /// Names of user destinations, which everybody's subscriptions share.
    queues: Mutex<Table<Arc<str>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            exact: (0..SHARDS).map(|_| Mutex::default()).collect(),
            users: (0..SHARDS).map(|_| Mutex::default()).collect(),
            patterns: RwLock::new(PatternMap::new()),
            queues: Mutex::default(),
        }
    }

    /// Adds a subscription to one destination.
    pub(crate) fn join(&self, subscription: &Arc<Subscription>) {
        let destination = &**subscription.destination();
        let mut table = self.shard(&self.exact, destination);
        match table.entry(destination) {
            Entry::Occupied(mut topic) => topic.get_mut().join(Arc::clone(subscription)),
            Entry::Vacant(place) => {
                place.insert(Topic::of(Arc::clone(subscription)));
            }
        }
    }

    /// Removes it, and the destination's entry with its last one.
    pub(crate) fn leave(&self, subscription: &Arc<Subscription>) {
        let destination = &**subscription.destination();
        let mut table = self.shard(&self.exact, destination);
        if let Entry::Occupied(mut topic) = table.entry(destination)
            && !topic.get_mut().leave(subscription)
        {
            topic.remove();
        }
    }

    /// The text of a destination as others hold it already, so that thousands of sessions do not each keep a copy.
    pub(crate) fn shared(&self, destination: &Arc<str>) -> Arc<str> {
        let table = self.shard(&self.exact, &**destination);
        match table.get(destination) {
            Some(topic) => topic.name(),
            None => destination,
        }
        .clone()
    }

    /// The same for a user destination. Applications have few names; beyond [`QUEUES_MAX`] of them each session keeps its own.
    pub(crate) fn shared_queue(&self, destination: &Arc<str>) -> Arc<str> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = queues.len() >= QUEUES_MAX;
        match queues.entry(destination) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(_) if is_full => Arc::clone(destination),
            Entry::Vacant(place) => Arc::clone(place.insert(Arc::clone(destination)).get()),
        }
    }

    pub(crate) fn join_pattern(
        &self,
        pattern: &DestinationPattern,
        subscription: Arc<Subscription>,
    ) {
        let mut patterns = self
            .patterns
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        patterns
            .entry_or_insert_with(pattern, Vec::new)
            .push(subscription);
    }

    pub(crate) fn leave_pattern(
        &self,
        pattern: &DestinationPattern,
        subscription: &Arc<Subscription>,
    ) {
        let mut patterns = self
            .patterns
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(list) = patterns.get_mut(pattern) else {
            return;
        };
        list.retain(|other| !Arc::ptr_eq(other, subscription));
        if list.is_empty() {
            patterns.remove(pattern);
        }
    }

    /// Adds a subscription to a user destination: a key of its own, no topic that anybody could name.
    pub(crate) fn join_user(&self, user: &UserKey, subscription: Arc<Subscription>) {
        self.shard(&self.users, user).add(user, subscription);
    }

    pub(crate) fn leave_user(&self, user: &UserKey, subscription: &Arc<Subscription>) {
        self.shard(&self.users, user)
            .retain(user, |other| !Arc::ptr_eq(other, subscription));
    }

    /// Everybody subscribed to `destination` by name, as it is now.
    pub(crate) fn subscribers(&self, destination: &str) -> Subscribers {
        self.shard(&self.exact, destination)
            .get(destination)
            .map_or(Subscribers::None, Topic::subscribers)
    }

    /// Everybody whose pattern matches `destination`.
    pub(crate) fn matching(&self, destination: &str) -> Vec<Arc<Subscription>> {
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        if !patterns.is_empty() {
            patterns.for_each_match(destination, |list| found.extend(list.iter().cloned()));
        }
        found
    }

    /// The subscriptions of `user` to `destination`.
    pub(crate) fn of_user(&self, user: &UserKey, destination: &str) -> Few<Arc<Subscription>> {
        let table = self.shard(&self.users, user);
        let list = table.get(user).map_or(&[][..], Few::as_slice);
        list.iter()
            .filter(|one| &**one.destination() == destination)
            .cloned()
            .collect()
    }

    /// Number of different destinations with a subscriber.
    pub(crate) fn destinations(&self) -> usize {
        self.exact
            .iter()
            .map(|table| table.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    fn shard<'a, K: Hash + ?Sized, V>(&self, shards: &'a [Mutex<V>], key: &K) -> MutexGuard<'a, V> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subscriptions of one user; never an empty list.
impl Keyed for Few<Arc<Subscription>> {
    type Key = UserKey;

    fn table_key(&self) -> &UserKey {
        self.as_slice()[0].session().key()
    }
}

impl Keyed for Arc<str> {
    type Key = str;

    fn table_key(&self) -> &str {
        self
    }
}
