//! The subscribers of one destination.
//!
//! One alone is held in place. Several stand in slices of 256. A publish takes the slices as they are (one reference count each) and then works without a lock; a join
//! or leave meanwhile copies the one slice that it changes. So neither a large topic nor a flood of joins makes the
//! other slow.

use std::sync::Arc;

use crate::{subscription::Subscription, table::Keyed};

/// Subscribers in one slice: 2 KiB to copy at most.
const SLICE_LEN: usize = 256;

/// Some subscribers of a topic at one moment.
pub(crate) type Slice = Arc<Vec<Arc<Subscription>>>;

/// Everybody who is subscribed to one destination.
pub(super) enum Topic {
    One(Arc<Subscription>),
    Many(Box<Slices>),
}

/// Never empty, nor is any slice; all but the last are full.
pub(super) struct Slices(Vec<Slice>);

/// Who was subscribed to a destination when a publish asked.
pub(crate) enum Subscribers {
    None,
    One(Arc<Subscription>),
    Many(Vec<Slice>),
}

impl Keyed for Topic {
    type Key = str;

    fn table_key(&self) -> &str {
        self.name()
    }
}

impl Topic {
    pub(super) fn name(&self) -> &Arc<str> {
        match self {
            Self::One(subscription) => subscription.destination(),
            Self::Many(slices) => slices.0[0][0].destination(),
        }
    }

    pub(super) fn of(first: Arc<Subscription>) -> Self {
        first.set_place(0);
        Self::One(first)
    }

    pub(super) fn subscribers(&self) -> Subscribers {
        match self {
            Self::One(subscription) => Subscribers::One(Arc::clone(subscription)),
            Self::Many(slices) => Subscribers::Many(slices.0.clone()),
        }
    }

    pub(super) fn join(&mut self, subscription: Arc<Subscription>) {
        match self {
            Self::One(first) => {
                subscription.set_place(1);
                let slice = vec![Arc::clone(first), subscription];
                *self = Self::Many(Box::new(Slices(vec![Arc::new(slice)])));
            }
            Self::Many(slices) => slices.join(subscription),
        }
    }

    /// Removes `subscription`. False if that would leave nobody: then this topic is to go.
    #[must_use]
    pub(super) fn leave(&mut self, subscription: &Arc<Subscription>) -> bool {
        match self {
            Self::One(only) => !Arc::ptr_eq(only, subscription),
            Self::Many(slices) if slices.len() == 1 => !slices.holds(subscription),
            Self::Many(slices) => {
                slices.leave(subscription);
                true
            }
        }
    }
}

impl Slices {
    fn len(&self) -> usize {
        let last = self.0.last().map_or(0, |slice| slice.len());
        self.0.len().saturating_sub(1) * SLICE_LEN + last
    }

    fn join(&mut self, subscription: Arc<Subscription>) {
        let place = u32::try_from(self.len()).unwrap_or(u32::MAX);
        subscription.set_place(place);
        match self.0.last_mut() {
            Some(last) if last.len() < SLICE_LEN => Arc::make_mut(last).push(subscription),
            _ => self.0.push(Arc::new(vec![subscription])),
        }
    }

    fn holds(&self, subscription: &Arc<Subscription>) -> bool {
        let (slice, index) = place(subscription);
        let present = self.0.get(slice).and_then(|list| list.get(index));
        present.is_some_and(|found| Arc::ptr_eq(found, subscription))
    }

    /// Removes `subscription` by filling its place with the last one.
    fn leave(&mut self, subscription: &Arc<Subscription>) {
        if !self.holds(subscription) {
            return;
        }
        let Some(last) = self.pop() else {
            return;
        };
        if !Arc::ptr_eq(&last, subscription) {
            let (slice, index) = place(subscription);
            last.set_place(u32::try_from(subscription.place()).unwrap_or(u32::MAX));
            Arc::make_mut(&mut self.0[slice])[index] = last;
        }
    }

    fn pop(&mut self) -> Option<Arc<Subscription>> {
        let list = self.0.last_mut()?;
        let last = Arc::make_mut(list).pop();
        if list.is_empty() {
            self.0.pop();
        }
        last
    }
}

/// In which slice a subscription stands, and where.
fn place(subscription: &Subscription) -> (usize, usize) {
    let place = subscription.place();
    (place / SLICE_LEN, place % SLICE_LEN)
}
