//! How fast people may write, by person: their sessions share it, and two people behind one address do not.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use stompline::rate::{Rate, TokenBucket};

use super::ChatSettings;
use crate::{
    error::Error,
    person::{Role, UserRef},
};

/// People whose rate is remembered. Beyond it all start anew, which lets through a burst more each.
const PEOPLE_MAX: usize = 100_000;

pub(super) struct Rates {
    settings: ChatSettings,
    buckets: Mutex<HashMap<UserRef, TokenBucket>>,
}

impl Rates {
    pub(super) fn new(settings: ChatSettings) -> Self {
        Self {
            settings,
            buckets: Mutex::default(),
        }
    }

    /// Lets a message of `who` pass, or says when to try again.
    pub(super) fn admit(&self, who: &UserRef) -> Result<(), Error> {
        let rate = self.rate(who.role);
        if rate.is_off() {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= PEOPLE_MAX && !buckets.contains_key(who) {
            buckets.clear();
        }
        buckets
            .entry(who.clone())
            .or_insert_with(|| TokenBucket::new(rate))
            .try_take(Instant::now())
            .map_err(|retry_after| Error::RateLimited { retry_after })
    }

    fn rate(&self, role: Role) -> Rate {
        match role {
            Role::Customer => self.settings.customer_rate,
            Role::Agent => self.settings.agent_rate,
        }
    }
}
