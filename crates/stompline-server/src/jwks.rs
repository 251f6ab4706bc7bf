//! The keys of an identity provider: fetched at start, then again and again beside everything else.
//!
//! No handshake waits for a fetch. A fetch that fails changes nothing: the keys that are there stay, and the log,
//! the metrics and `/readyz` say so.

mod address;
mod schedule;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stompline::auth::{JwkError, JwkSet, JwkSetError, JwtKeySet, SkippedJwk};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::address::Address;
use self::schedule::Schedule;
use crate::client::fault::Fault;
use crate::client::http::{Visit, fetch as request};
use crate::config::Auth;

/// How long a fetch may take, from the name's look-up to the last byte.
const FETCH_TIME: Duration = Duration::from_secs(10);

/// Keys that are kept as they are published.
#[derive(Clone)]
pub(crate) struct Jwks(Arc<Inner>);

struct Inner {
    address: Address,
    keys: JwtKeySet,
    refresh: Duration,
    progress: Mutex<Progress>,
}

/// What came of the fetches so far.
struct Progress {
    /// When the keys were fetched that are there.
    fetched_at: Instant,
    /// Why the last fetch brought none, if it did not.
    fault: Option<String>,
    skipped: Vec<SkippedJwk>,
    fetches: u64,
    failures: u64,
}

/// What the metrics tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub keys: usize,
    /// How long ago they were fetched, in seconds.
    pub age_s: u64,
    pub fetches: u64,
    pub failures: u64,
}

/// The keys could not be had.
#[derive(Debug, thiserror::Error)]
#[error("`auth.jwks_url`: no keys from {address}: {why}")]
pub(crate) struct Unfetched {
    address: Address,
    why: FetchError,
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("status {0}; redirects are not followed, name the address that it leads to")]
    Redirect(u16),
    #[error("status {0}")]
    Status(u16),
    #[error(transparent)]
    Set(#[from] JwkSetError),
}

impl Jwks {
    /// Fetches the keys of `address` into `keys` for the first time.
    ///
    /// # Errors
    ///
    /// There are none within [`FETCH_TIME`]. It is not tried again: a server without keys would refuse everybody, and
    /// whoever starts it should see why.
    pub(crate) async fn start(
        address: Address,
        keys: JwtKeySet,
        auth: &Auth,
    ) -> Result<Self, Unfetched> {
        let set = match fetch(&address, Instant::now() + FETCH_TIME).await {
            Ok(set) => set,
            Err(why) => return Err(Unfetched { address, why }),
        };
        let jwks = Self(Arc::new(Inner {
            address,
            keys,
            refresh: Duration::from_secs(auth.jwks_refresh_s.into()),
            progress: Mutex::new(Progress {
                fetched_at: Instant::now(),
                fault: None,
                skipped: Vec::new(),
                fetches: 0,
                failures: 0,
            }),
        }));
        jwks.take(Ok(set));
        Ok(jwks)
    }

    /// Fetches them again until told to stop.
    pub(crate) async fn keep_current(self, stop: CancellationToken) {
        let Inner {
            address,
            keys,
            refresh,
            ..
        } = &*self.0;
        let mut schedule = Schedule::new(*refresh, Instant::now(), fraction());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(schedule.due()) => {}
                () = keys.missed() => {
                    schedule.missed(Instant::now());
                    continue;
                }
            }
            let fetched = tokio::select! {
                () = stop.cancelled() => return,
                fetched = fetch(address, Instant::now() + FETCH_TIME) => fetched,
            };
            let succeeded = self.take(fetched);
            schedule.ended(Instant::now(), succeeded, fraction());
        }
    }

    /// Why the last fetch failed, if it did.
    pub(crate) fn fault(&self) -> Option<String> {
        self.progress().fault.clone()
    }

    pub(crate) fn figures(&self) -> Figures {
        let progress = self.progress();
        Figures {
            keys: self.0.keys.len(),
            age_s: progress.fetched_at.elapsed().as_secs(),
            fetches: progress.fetches,
            failures: progress.failures,
        }
    }

    /// Takes what a fetch brought, and logs what is new about it. Returns whether it brought keys.
    fn take(&self, fetched: Result<JwkSet, FetchError>) -> bool {
        let address = &self.0.address;
        let mut progress = self.progress();
        progress.fetches += 1;
        let set = match fetched {
            Ok(set) => set,
            Err(why) => {
                progress.failures += 1;
                let why = why.to_string();
                if progress.fault.as_ref() != Some(&why) {
                    warn!(%address, why, "the keys cannot be fetched; those that are there stay");
                    progress.fault = Some(why);
                }
                return false;
            }
        };
        if progress.fault.take().is_some() {
            info!(%address, "the keys can be fetched again");
        }
        if progress.skipped != set.skipped() {
            tell_skipped(set.skipped());
            progress.skipped = set.skipped().to_vec();
        }
        progress.fetched_at = Instant::now();
        let change = self.0.keys.replace(set.into_keys());
        let (added, withdrawn) = (change.added, change.withdrawn);
        if added + withdrawn > 0 {
            let keys = self.0.keys.len();
            info!(%address, keys, added, withdrawn, "the keys have changed");
        }
        true
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // Each field is right by itself.
        self.0
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jwks").field(&self.0.address).finish()
    }
}

/// Names the keys that cannot be used. That one is for encryption is usual; that a secret is public is not.
fn tell_skipped(skipped: &[SkippedJwk]) {
    for SkippedJwk { id, reason } in skipped {
        match reason {
            JwkError::Symmetric | JwkError::PrivateMember { .. } => {
                warn!(?id, %reason, "a key must not be used");
            }
            _ => info!(?id, %reason, "a key is not used"),
        }
    }
}

async fn fetch(address: &Address, until: Instant) -> Result<JwkSet, FetchError> {
    let visit = Visit {
        target: &address.target,
        token: None,
        origin: None,
        agent: concat!("stompline/", env!("CARGO_PKG_VERSION")),
        until,
    };
    let answer = request(&visit, "GET", &address.path, None).await?;
    match answer.status {
        200 => Ok(JwkSet::parse(&answer.body)?),
        status @ 300..=399 => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

/// A random number from 0 to 1.
fn fraction() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness all nodes may well ask at once.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
