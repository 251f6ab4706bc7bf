//! Whether the store answers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// How long the store may be silent. It is asked every second, and a busy database or a fail-over within its time is no news.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// What the store said when it was asked last.
pub(super) struct Health(Mutex<State>);

struct State {
    answered: Instant,
    fault: Option<Error>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            answered: Instant::now(),
            fault: None,
        }))
    }

    pub(super) fn answered(&self) {
        *self.lock() = State {
            answered: Instant::now(),
            fault: None,
        };
    }

    pub(super) fn failed(&self, error: Error) {
        self.lock().fault = Some(error);
    }

    /// Why the store is not there, once it has been silent for too long.
    pub(super) fn fault(&self) -> Option<String> {
        let state = self.lock();
        let silence = state.answered.elapsed();
        if silence < SILENCE_MAX {
            return None;
        }
        let why = match &state.fault {
            Some(error) => error.to_string(),
            None => "it does not answer".to_owned(),
        };
        Some(format!("{why}, for {} s", silence.as_secs()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_fault_only_after_a_while() {
        let health = Health::new();
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(health.fault(), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(
            health.fault().as_deref(),
            Some("it does not answer, for 6 s")
        );
        health.failed(Error::unavailable("the database cannot be reached"));
        let fault = health.fault().unwrap();
        assert!(fault.contains("the database cannot be reached"), "{fault}");
        health.answered();
        assert_eq!(health.fault(), None);
        health.failed(Error::unavailable("one hiccup"));
        assert_eq!(health.fault(), None);
    }
}
