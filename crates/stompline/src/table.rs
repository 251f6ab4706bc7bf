//! Hash tables of values that know their own keys, so that no key is stored twice.

use std::hash::{BuildHasher, Hash, RandomState};

use hashbrown::{HashTable, hash_table};

use crate::few::Few;

/// Something that can be found by a part of itself, which does not change while it is in a table.
pub(crate) trait Keyed {
    type Key: Hash + Eq + ?Sized;

    fn table_key(&self) -> &Self::Key;
}

/// Values by key. An entry takes what the value takes, and one byte.
pub(crate) struct Table<V> {
    hasher: RandomState,
    values: HashTable<V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            values: HashTable::new(),
        }
    }
}

impl<V: Keyed> Table<V> {
    pub(crate) fn get(&self, key: &V::Key) -> Option<&V> {
        let hash = self.hasher.hash_one(key);
        self.values.find(hash, |value| value.table_key() == key)
    }

    pub(crate) fn remove(&mut self, key: &V::Key) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let entry = self
            .values
            .find_entry(hash, |value| value.table_key() == key);
        entry.ok().map(|entry| entry.remove().0)
    }

    pub(crate) fn entry(&mut self, key: &V::Key) -> hash_table::Entry<'_, V> {
        let Self { hasher, values } = self;
        values.entry(
            hasher.hash_one(key),
            |value| value.table_key() == key,
            |value| hasher.hash_one(value.table_key()),
        )
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// Lists by key; none is ever empty.
impl<T> Table<Few<T>>
where
    Few<T>: Keyed,
{
    /// Adds `item` to the list with `key`, and gives the list.
    pub(crate) fn add(&mut self, key: &<Few<T> as Keyed>::Key, item: T) -> &[T] {
        let list = match self.entry(key) {
            hash_table::Entry::Occupied(mut list) => {
                list.get_mut().push(item);
                list
            }
            hash_table::Entry::Vacant(place) => place.insert(Few::One(item)),
        };
        list.into_mut().as_slice()
    }

    /// Keeps of the list with `key` what `keep` says. True if there was one of which nothing is left.
    pub(crate) fn retain(
        &mut self,
        key: &<Few<T> as Keyed>::Key,
        keep: impl FnMut(&T) -> bool,
    ) -> bool {
        let hash_table::Entry::Occupied(mut list) = self.entry(key) else {
            return false;
        };
        list.get_mut().retain(keep);
        let is_over = list.get().is_empty();
        if is_over {
            list.remove();
        }
        is_over
    }
}
