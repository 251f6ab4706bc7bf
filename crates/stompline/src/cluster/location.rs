//! On which nodes users are: a cache that other nodes keep fresh.
//!
//! A node that holds an entry is told of every change ([`Letter::Moved`](super::envelope::Letter)), so an entry is as old as the link is slow. Should such a letter be
//! lost, an entry of a user without a session here is believed for [`ClusterSettings::staleness_max`](super::ClusterSettings) at most.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{backplane::NodeId, name::UserKey};

/// Users in the cache. Beyond that it begins anew: a lookup costs one round trip.
const LOCATIONS_MAX: usize = 65_536;

#[derive(Default)]
pub(super) struct Locations {
    table: Mutex<HashMap<UserKey, Location>>,
}

struct Location {
    version: u64,
    /// `None` while the first lookup is under way: changes meanwhile are not missed.
    nodes: Option<Vec<NodeId>>,
    checked: Instant,
}

impl Locations {
    /// Where `user` is, if that is known and, unless `kept` says that the directory tells us of every change, fresh. Otherwise the place
    /// for the answer is prepared.
    pub(super) fn find(
        &self,
        user: &UserKey,
        fresh: Duration,
        now: Instant,
    ) -> Option<Vec<NodeId>> {
        let mut table = self.lock();
        if let Some(location) = table.get_mut(user) {
            if now.duration_since(location.checked) < fresh
                && let Some(nodes) = &location.nodes
            {
                return Some(nodes.clone());
            }
            return None;
        }
        if table.len() >= LOCATIONS_MAX {
            table.clear();
        }
        let unknown = Location {
            version: 0,
            nodes: None,
            checked: now,
        };
        table.insert(user.clone(), unknown);
        None
    }

    /// Takes note of a state from the directory. An older one than is known changes nothing.
    pub(super) fn learn(&self, user: &UserKey, version: u64, nodes: Vec<NodeId>, now: Instant) {
        let mut table = self.lock();
        let Some(location) = table.get_mut(user) else {
            return;
        };
        if version >= location.version {
            *location = Location {
                version,
                nodes: Some(nodes),
                checked: now,
            };
        }
    }

    /// Prepares the place for what is about to be asked of the directory. The news of a later change may overtake the answer, and would
    /// be nobody's otherwise: the answer would be taken for the last word.
    pub(super) fn expect(&self, user: &UserKey, now: Instant) {
        self.find(user, Duration::ZERO, now);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserKey, Location>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Realm, UserName};

    fn fixture() -> (Locations, UserKey, [NodeId; 2]) {
        let user = UserKey::new(
            Realm::new("customer").unwrap(),
            UserName::new("joe").unwrap(),
        );
        let nodes = ["a", "b"].map(|name| NodeId::new(name).unwrap());
        (Locations::default(), user, nodes)
    }

    #[test]
    fn news_that_overtake_an_answer_count() {
        let (locations, joe, [a, b]) = fixture();
        let now = Instant::now();
        locations.expect(&joe, now);
        let both = vec![a.clone(), b];
        locations.learn(&joe, 6, both.clone(), now);
        locations.learn(&joe, 5, vec![a], now);
        assert_eq!(locations.find(&joe, Duration::MAX, now), Some(both));
    }

    #[test]
    fn answer_from_before_a_loss_is_not_believed() {
        let (locations, joe, [a, b]) = fixture();
        let now = Instant::now();
        locations.expect(&joe, now);
        locations.clear();
        locations.learn(&joe, 6, vec![a.clone(), b], now);
        locations.learn(&joe, 5, vec![a], now);
        assert_eq!(locations.find(&joe, Duration::MAX, now), None);
    }
}
