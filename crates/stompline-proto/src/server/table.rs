use std::{collections::VecDeque, mem};

use crate::SubscriptionId;

/// How many removed ids are remembered: ACK frames cross with an UNSUBSCRIBE for one round trip.
const REMOVED_MAX: usize = 16;

/// The live subscriptions of a session, in the order of their start, and the ids removed lately.
///
/// A session has few, so they are searched one by one.
#[derive(Debug)]
pub(super) struct Table<T> {
    live: Vec<Entry<T>>,
    #[allow(
        clippy::box_collection,
        reason = "one word in each session, and rarely there"
    )]
    removed: Option<Box<VecDeque<SubscriptionId>>>,
}

#[derive(Debug)]
struct Entry<T> {
    id: SubscriptionId,
    /// For UNSUBSCRIBE by destination, which only STOMP 1.0 has.
    destination: Option<Box<str>>,
    value: T,
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self {
            live: Vec::new(),
            removed: None,
        }
    }

    /// Adds a subscription. If the id is in use, its value is replaced and returned.
    pub(super) fn insert(
        &mut self,
        id: SubscriptionId,
        destination: Option<&str>,
        value: T,
    ) -> Option<T> {
        if let Some(entry) = self.live.iter_mut().find(|entry| entry.id == id) {
            entry.destination = destination.map(Into::into);
            return Some(mem::replace(&mut entry.value, value));
        }
        // Most sessions have one or two; doubling from four would cost more than it saves.
        if self.live.len() == self.live.capacity() {
            self.live.reserve_exact(self.live.len().max(1));
        }
        self.live.push(Entry {
            id,
            destination: destination.map(Into::into),
            value,
        });
        None
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<(SubscriptionId, T)> {
        let at = self.live.iter().position(|entry| entry.id.as_str() == id)?;
        Some(self.remove_at(at))
    }

    /// Removes the first subscription to this destination, one without id before others.
    pub(super) fn remove_destination(&mut self, destination: &str) -> Option<(SubscriptionId, T)> {
        let implicit =
            |entry: &Entry<T>| entry.id.is_implicit() && entry.id.as_str() == destination;
        let named = |entry: &Entry<T>| entry.destination.as_deref() == Some(destination);
        let at = self
            .live
            .iter()
            .position(implicit)
            .or_else(|| self.live.iter().position(named))?;
        Some(self.remove_at(at))
    }

    pub(super) fn remember(&mut self, id: SubscriptionId) {
        let removed = self.removed.get_or_insert_default();
        if removed.contains(&id) {
            return;
        }
        if removed.len() == REMOVED_MAX {
            removed.pop_front();
        }
        removed.push_back(id);
    }

    pub(super) fn take(&mut self) -> Vec<(SubscriptionId, T)> {
        mem::take(&mut self.live)
            .into_iter()
            .map(|entry| (entry.id, entry.value))
            .collect()
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut T> {
        self.live
            .iter_mut()
            .find(|entry| entry.id.as_str() == id)
            .map(|entry| &mut entry.value)
    }

    pub(super) fn find(&self, id: &str) -> Option<&T> {
        self.live
            .iter()
            .find(|entry| entry.id.as_str() == id)
            .map(|entry| &entry.value)
    }

    pub(super) fn was_removed(&self, id: &str) -> bool {
        let mut removed = self.removed.iter().flat_map(|removed| removed.iter());
        self.find(id).is_none() && removed.any(|removed| removed.as_str() == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SubscriptionId, &T)> {
        self.live.iter().map(|entry| (&entry.id, &entry.value))
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    fn remove_at(&mut self, at: usize) -> (SubscriptionId, T) {
        let entry = self.live.remove(at);
        self.remember(entry.id.clone());
        (entry.id, entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SubscriptionId {
        SubscriptionId::new(text).unwrap()
    }

    #[test]
    fn removed_ids_are_remembered_for_a_while() {
        let mut table = Table::new();
        for n in 0..=REMOVED_MAX {
            table.insert(id(&n.to_string()), None, n);
            assert!(!table.was_removed(&n.to_string()));
            assert_eq!(table.remove(&n.to_string()), Some((id(&n.to_string()), n)));
        }
        assert!(!table.was_removed("0"));
        assert!(table.was_removed("1") && table.was_removed("16"));
        table.insert(id("16"), None, 0);
        assert!(!table.was_removed("16"));
        // One id that comes and goes does not push out the others.
        for _ in 0..REMOVED_MAX {
            table.remove("16");
            table.insert(id("16"), None, 0);
        }
        assert!(table.was_removed("1"));
    }

    #[test]
    fn insert_replaces_an_id_in_use() {
        let mut table = Table::new();
        assert_eq!(table.insert(id("a"), None, 1), None);
        assert_eq!(table.insert(id("a"), None, 2), Some(1));
        assert_eq!(table.len(), 1);
        assert_eq!(table.find("a"), Some(&2));
    }

    #[test]
    fn implicit_subscription_goes_first_by_destination() {
        let mut table = Table::new();
        table.insert(id("x"), Some("/topic/a"), 1);
        table.insert(SubscriptionId::implicit("/topic/a").unwrap(), None, 2);
        assert_eq!(
            table.remove_destination("/topic/a").map(|(_, value)| value),
            Some(2)
        );
        assert_eq!(
            table.remove_destination("/topic/a").map(|(_, value)| value),
            Some(1)
        );
        assert_eq!(table.remove_destination("/topic/a"), None);
    }

    #[test]
    fn take_keeps_the_order() {
        let mut table = Table::new();
        for name in ["c", "a", "b"] {
            table.insert(id(name), None, ());
        }
        let taken: Vec<_> = table
            .take()
            .into_iter()
            .map(|(id, ())| id.to_string())
            .collect();
        assert_eq!(taken, ["c", "a", "b"]);
        assert_eq!(table.len(), 0);
    }
}
