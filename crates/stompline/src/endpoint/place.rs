//! Places for those whose authentication is under way.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bounds how many authentications wait at a time. One that needs no waiting, as that of a JWT, takes a place for
/// microseconds.
pub(crate) struct Places(Option<Semaphore>);

/// Every place is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Places {
    /// So many places; 0 is no bound.
    pub(crate) fn new(places: usize) -> Self {
        let places = (places > 0).then(|| Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self(places)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|places| places.available_permits() == 0)
    }

    /// A place now, or none. It is free again when what is returned is dropped.
    pub(crate) fn take(&self) -> Result<Option<SemaphorePermit<'_>>, Full> {
        match &self.0 {
            Some(places) => places.try_acquire().map(Some).map_err(|_| Full),
            None => Ok(None),
        }
    }

    /// A place as soon as there is one, first come first served. Whoever waits must bound it.
    pub(crate) async fn wait(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.0.as_ref()?.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_freed() {
        let places = Places::new(2);
        let first = places.take();
        assert!(first.is_ok() && !places.is_full());
        let second = places.take();
        assert!(second.is_ok() && places.is_full());
        assert_eq!(places.take().err(), Some(Full));
        drop(first);
        assert!(places.take().is_ok());
    }

    #[test]
    fn zero_is_no_bound() {
        let places = Places::new(0);
        let taken: Vec<_> = (0..10_000).map(|_| places.take()).collect();
        assert!(taken.iter().all(Result::is_ok) && !places.is_full());
    }
}
