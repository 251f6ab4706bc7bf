//! How fast people may write, by person: their sessions share it, and two people behind one address do not.

use std::time::Instant;

use stompline::rate::KeyedBuckets;

use super::ChatSettings;
use crate::{
    error::Error,
    person::{Role, UserRef},
};

/// People of one role whose rate is remembered: some ten megabytes at the most.
const PEOPLE_MAX: usize = 100_000;

pub(super) struct Rates {
    customers: KeyedBuckets<UserRef>,
    agents: KeyedBuckets<UserRef>,
}

impl Rates {
    pub(super) fn new(settings: ChatSettings) -> Self {
        Self {
            customers: KeyedBuckets::new(settings.customer_rate, PEOPLE_MAX),
            agents: KeyedBuckets::new(settings.agent_rate, PEOPLE_MAX),
        }
    }

    /// Lets a message of `who` pass, or says when to try again.
    pub(super) fn admit(&self, who: &UserRef) -> Result<(), Error> {
        let buckets = match who.role {
            Role::Customer => &self.customers,
            Role::Agent => &self.agents,
        };
        buckets
            .try_take(who.clone(), Instant::now())
            .map_err(|retry_after| Error::RateLimited { retry_after })
    }
}
