//! A list that mostly holds one.

use std::{mem, slice};

/// A list of two words in which one item needs no allocation: most users have one session, and most sessions one subscription of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    #[allow(
        clippy::box_collection,
        reason = "the rare list is one word here, so that the frequent item is no larger"
    )]
    Many(Box<Vec<T>>),
}

impl<T> Few<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::None => &[],
            Self::One(item) => slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    pub(crate) fn push(&mut self, item: T) {
        *self = match mem::take(self) {
            Self::None => Self::One(item),
            Self::One(first) => Self::Many(Box::new(vec![first, item])),
            Self::Many(mut items) => {
                items.push(item);
                Self::Many(items)
            }
        };
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        match self {
            Self::None => {}
            Self::One(item) if keep(item) => {}
            Self::One(_) => *self = Self::None,
            Self::Many(items) => items.retain(keep),
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Self::None;
        items.into_iter().for_each(|item| few.push(item));
        few
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_grows_and_shrinks_in_order() {
        let mut few: Few<u32> = (0..4).collect();
        assert_eq!(few.as_slice(), [0, 1, 2, 3]);
        few.retain(|n| n % 2 == 1);
        few.push(5);
        assert_eq!(few.as_slice(), [1, 3, 5]);
        few.retain(|_| false);
        assert!(few.is_empty());
        few.push(7);
        few.retain(|n| *n == 7);
        assert_eq!(few.as_slice(), [7]);
    }

    #[test]
    fn one_alone_is_held_in_place() {
        let mut few = Few::default();
        few.push("a");
        assert!(matches!(few, Few::One("a")));
        few.retain(|_| false);
        assert!(matches!(few, Few::None));
        assert_eq!(size_of::<Few<Box<str>>>(), 24);
        assert_eq!(size_of::<Few<Box<u8>>>(), 16);
    }
}
