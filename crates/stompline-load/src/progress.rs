//! A bar on the terminal while something lasts.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Signs of a full bar.
const BAR_WIDTH: u64 = 30;

/// Between two drawings.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows how far something has come, on stderr if that is a terminal. Gone when dropped.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Nothing of `total` is done.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self {
            what,
            total,
            done: 0,
            drawn: None,
            shown: std::io::stderr().is_terminal(),
        }
    }

    /// So many more are done.
    pub fn advance(&mut self, count: u64) {
        self.set(self.done.saturating_add(count));
    }

    /// So many are done.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        if self.shown && self.drawn.is_none_or(|at| at.elapsed() >= PAUSE) {
            self.drawn = Some(Instant::now());
            // A bar that cannot be drawn is no reason to stop.
            let _ = write!(std::io::stderr(), "\r{}\x1b[K", self.line());
        }
    }

    fn line(&self) -> String {
        let total = self.total.max(1);
        let done = self.done.min(total);
        let full = usize::try_from(done * BAR_WIDTH / total).unwrap_or(0);
        let bar = "#".repeat(full);
        let width = usize::try_from(BAR_WIDTH).unwrap_or(0);
        format!(
            "{:<18} [{bar:<width$}] {}/{}",
            self.what, self.done, self.total
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_grows_with_what_is_done() {
        let mut progress = Progress::new("opening", 4);
        progress.set(2);
        let half = format!(
            "opening            [{}{}] 2/4",
            "#".repeat(15),
            " ".repeat(15)
        );
        assert_eq!(progress.line(), half);
        progress.advance(9);
        assert!(progress.line().ends_with("] 11/4"), "{}", progress.line());
    }
}
