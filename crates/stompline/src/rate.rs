//! Rate limits: so many a second, with a burst.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A rate that is not a limit one could keep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// The rate is negative, infinite or not a number.
    #[error("a rate is a number from 0 (off) up, not {per_s}")]
    NotARate {
        /// The refused value.
        per_s: f64,
    },
    /// The rate lies between 0 and [`Rate::SLOWEST_PER_S`].
    #[error("a rate is 0 (off) or at least one in a day, not {per_s} a second")]
    TooSlow {
        /// The refused value.
        per_s: f64,
    },
    /// The burst is 0 while the rate is not: nothing would ever pass.
    #[error("a burst is at least 1 when the rate is not 0 (off)")]
    EmptyBurst,
}

/// So many a second on average, so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    // Single precision keeps a bucket at 24 bytes; an error of one in sixteen million is no concern.
    interval_s: f32,
    burst: u32,
}

impl Rate {
    /// No limit.
    pub const OFF: Self = Self {
        interval_s: 0.0,
        burst: 1,
    };

    /// The slowest rate that is a limit: one in a day.
    pub const SLOWEST_PER_S: f64 = 1.0 / 86_400.0;

    /// As many a second, and as many at once; 0 is no limit.
    pub(crate) fn per_s(number: u32) -> Self {
        Self::new(f64::from(number), number.max(1)).unwrap_or(Self::OFF)
    }

    /// `per_s` in a second on average and `burst` at once; a rate of 0 means [`Rate::OFF`].
    ///
    /// # Errors
    ///
    /// The rate is no number from 0 up, is slower than one a day, or the burst is 0.
    pub fn new(per_s: f64, burst: u32) -> Result<Self, RateError> {
        if !per_s.is_finite() || per_s < 0.0 {
            return Err(RateError::NotARate { per_s });
        }
        if per_s == 0.0 {
            return Ok(Self::OFF);
        }
        if per_s < Self::SLOWEST_PER_S {
            return Err(RateError::TooSlow { per_s });
        }
        if burst == 0 {
            return Err(RateError::EmptyBurst);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "in range; precision is argued above"
        )]
        let interval_s = (1.0 / per_s) as f32;
        Ok(Self { interval_s, burst })
    }

    /// Whether this is no limit.
    pub fn is_off(self) -> bool {
        self.interval_s == 0.0
    }

    fn interval(self) -> Duration {
        Duration::from_secs_f32(self.interval_s)
    }
}

/// A token bucket in 24 bytes and without a timer.
///
/// Time is handed in, never read. The state is one instant: when the bucket will be full again. It
/// starts full. An instant before an earlier one counts as that earlier one.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stompline::rate::{Rate, RateError, TokenBucket};
///
/// let start = Instant::now();
/// let mut bucket = TokenBucket::new(Rate::new(5.0, 2)?);
/// assert!(bucket.try_take(start).is_ok());
/// assert!(bucket.try_take(start).is_ok());
/// assert!(bucket.try_take(start).unwrap_err() > Duration::from_millis(199));
/// assert!(bucket.try_take(start + Duration::from_millis(201)).is_ok());
/// # Ok::<(), RateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenBucket {
    full_at: Option<Instant>,
    rate: Rate,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self {
            full_at: None,
            rate,
        }
    }

    /// Takes one token.
    ///
    /// # Errors
    ///
    /// The bucket is empty: how long until there is a token again. Nothing is taken then.
    pub fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        if self.rate.is_off() {
            return Ok(());
        }
        let interval = self.rate.interval();
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let lacking = full_at.duration_since(now);
        let lacking_max = interval.saturating_mul(self.rate.burst - 1);
        if lacking > lacking_max {
            return Err(lacking.saturating_sub(lacking_max));
        }
        // Time beyond what an `Instant` can hold is not a limit anybody waits for.
        self.full_at = full_at.checked_add(interval);
        Ok(())
    }
}

/// One bucket for each key, an address or a user for example, all with the same rate.
///
/// Shared by threads. At most `keys_max` keys are remembered; when there are more, all start anew, which lets through a burst
/// more of each and keeps memory bounded.
#[derive(Debug)]
pub struct KeyedBuckets<K> {
    rate: Rate,
    keys_max: usize,
    buckets: Mutex<HashMap<K, TokenBucket>>,
}

impl<K: Hash + Eq> KeyedBuckets<K> {
    /// Full buckets.
    pub fn new(rate: Rate, keys_max: usize) -> Self {
        Self {
            rate,
            keys_max,
            buckets: Mutex::default(),
        }
    }

    /// Takes one token of `key`.
    ///
    /// # Errors
    ///
    /// The bucket is empty: how long until there is a token again.
    pub fn try_take(&self, key: K, now: Instant) -> Result<(), Duration> {
        if self.rate.is_off() {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= self.keys_max && !buckets.contains_key(&key) {
            buckets.clear();
        }
        buckets
            .entry(key)
            .or_insert_with(|| TokenBucket::new(self.rate))
            .try_take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_have_buckets_of_their_own() {
        let now = Instant::now();
        let buckets = KeyedBuckets::new(Rate::new(1.0, 1).unwrap(), 2);
        assert!(buckets.try_take("a", now).is_ok() && buckets.try_take("b", now).is_ok());
        assert!(buckets.try_take("a", now).is_err());
        // A third key is one more than are remembered.
        assert!(buckets.try_take("c", now).is_ok() && buckets.try_take("a", now).is_ok());
    }

    #[test]
    fn burst_passes_then_rate_holds() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(5.0, 20).unwrap());
        let at_once = (0..100).filter(|_| bucket.try_take(start).is_ok()).count();
        assert_eq!(at_once, 20);
        let mut later = 0;
        for ms in 1..=10_000 {
            later += usize::from(bucket.try_take(start + Duration::from_millis(ms)).is_ok());
        }
        assert!((49..=50).contains(&later), "{later} passed in ten seconds");
    }

    #[test]
    fn waiting_as_told_gets_a_token() {
        let start = Instant::now();
        for per_s in [0.01, 0.3, 5.0, 50.0, 12_345.0] {
            let mut bucket = TokenBucket::new(Rate::new(per_s, 1).unwrap());
            bucket.try_take(start).unwrap();
            let wait = bucket.try_take(start).unwrap_err();
            assert!(wait > Duration::ZERO);
            assert!(
                bucket
                    .try_take(start + wait.saturating_sub(Duration::from_nanos(1)))
                    .is_err()
            );
            assert!(bucket.try_take(start + wait).is_ok(), "{per_s} a second");
        }
    }

    #[test]
    fn rate_zero_never_refuses() {
        let now = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(0.0, 0).unwrap());
        assert!((0..10_000).all(|_| bucket.try_take(now).is_ok()));
    }

    #[test]
    fn senseless_rates_are_refused() {
        assert_eq!(
            Rate::new(-1.0, 1).unwrap_err(),
            RateError::NotARate { per_s: -1.0 }
        );
        assert!(matches!(
            Rate::new(f64::NAN, 1),
            Err(RateError::NotARate { .. })
        ));
        assert!(matches!(
            Rate::new(f64::INFINITY, 1),
            Err(RateError::NotARate { .. })
        ));
        assert_eq!(
            Rate::new(1e-9, 1).unwrap_err(),
            RateError::TooSlow { per_s: 1e-9 }
        );
        assert_eq!(Rate::new(1.0, 0).unwrap_err(), RateError::EmptyBurst);
    }

    #[test]
    fn bucket_is_24_bytes() {
        assert_eq!(size_of::<TokenBucket>(), 24);
    }

    #[test]
    fn earlier_instant_is_harmless() {
        let earlier = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(1.0, 1).unwrap());
        bucket.try_take(earlier + Duration::from_secs(10)).unwrap();
        assert!(bucket.try_take(earlier).is_err());
    }

    proptest! {
        /// In any window, no more passes than the burst plus the rate times the window.
        #[test]
        fn never_more_than_the_rate(
            per_s in 0.5f64..500.0,
            burst in 1u32..30,
            gaps_ms in prop::collection::vec(0u64..200, 1..300),
        ) {
            let start = Instant::now();
            let mut bucket = TokenBucket::new(Rate::new(per_s, burst).unwrap());
            let mut elapsed_ms = 0;
            let mut passed = 0.0;
            for gap in gaps_ms {
                elapsed_ms += gap;
                let now = start + Duration::from_millis(elapsed_ms);
                passed += f64::from(u8::from(bucket.try_take(now).is_ok()));
                let elapsed_s = Duration::from_millis(elapsed_ms).as_secs_f64();
                let most = f64::from(burst) + per_s * elapsed_s;
                prop_assert!(passed <= most + 1e-3, "{passed} of at most {most}");
            }
        }
    }
}
