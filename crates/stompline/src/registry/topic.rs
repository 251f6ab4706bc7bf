//! The subscribers of one destination.
//!
//! They stand in slices of 256. A publish takes the slices as they are (one reference count each) and then works without a lock; a join
//! or leave meanwhile copies the one slice that it changes. So neither a large topic nor a flood of joins makes the
//! other slow.

use std::sync::Arc;

use crate::subscription::Subscription;

/// Subscribers in one slice: 2 KiB to copy at most.
const SLICE_LEN: usize = 256;

/// Some subscribers of a topic at one moment.
pub(crate) type Slice = Arc<Vec<Arc<Subscription>>>;

#[derive(Default)]
pub(super) struct Topic {
    slices: Vec<Slice>,
}

impl Topic {
    pub(super) fn len(&self) -> usize {
        match self.slices.last() {
            Some(last) => (self.slices.len() - 1) * SLICE_LEN + last.len(),
            None => 0,
        }
    }

    pub(super) fn slices(&self) -> Vec<Slice> {
        self.slices.clone()
    }

    pub(super) fn join(&mut self, subscription: Arc<Subscription>) {
        let place = u32::try_from(self.len()).unwrap_or(u32::MAX);
        subscription.set_place(place);
        match self.slices.last_mut() {
            Some(last) if last.len() < SLICE_LEN => Arc::make_mut(last).push(subscription),
            _ => self.slices.push(Arc::new(vec![subscription])),
        }
    }

    /// Removes `subscription` by filling its place with the last one.
    pub(super) fn leave(&mut self, subscription: &Arc<Subscription>) {
        let place = subscription.place();
        let (slice, index) = (place / SLICE_LEN, place % SLICE_LEN);
        let present = self.slices.get(slice).and_then(|list| list.get(index));
        if !present.is_some_and(|found| Arc::ptr_eq(found, subscription)) {
            return;
        }
        let Some(last) = self.pop() else {
            return;
        };
        if !Arc::ptr_eq(&last, subscription) {
            last.set_place(u32::try_from(place).unwrap_or(u32::MAX));
            Arc::make_mut(&mut self.slices[slice])[index] = last;
        }
    }

    fn pop(&mut self) -> Option<Arc<Subscription>> {
        let list = self.slices.last_mut()?;
        let last = Arc::make_mut(list).pop();
        if list.is_empty() {
            self.slices.pop();
        }
        last
    }
}
