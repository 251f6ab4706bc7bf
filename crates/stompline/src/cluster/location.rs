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

    /// As [`learn`](Self::learn), also for a user who is not in the cache yet.
    pub(super) fn keep(&self, user: &UserKey, version: u64, nodes: Vec<NodeId>, now: Instant) {
        self.find(user, Duration::ZERO, now);
        self.learn(user, version, nodes, now);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserKey, Location>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
