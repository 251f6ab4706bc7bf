//! What a stretch of a run cost: time, and CPU on both sides.

use std::time::{Duration, Instant};

use super::{ScenarioError, Setup, per_second, us_each};
use crate::process::Process;
use crate::report::Report;

/// The beginning of a stretch.
#[derive(Debug)]
pub(super) struct Meter {
    at: Instant,
    server: Duration,
    own: Duration,
    waited: Duration,
}

/// A stretch that is over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub elapsed: Duration,
    pub server: Duration,
    own: Duration,
    waited: Duration,
}

impl Meter {
    pub(super) fn start(setup: &Setup) -> Result<Self, ScenarioError> {
        Ok(Self {
            server: setup.cpu()?,
            own: own().cpu()?,
            waited: own().waited()?,
            at: Instant::now(),
        })
    }

    pub(super) fn stop(&self, setup: &Setup) -> Result<Spent, ScenarioError> {
        Ok(Spent {
            elapsed: self.at.elapsed(),
            server: setup.cpu()?.saturating_sub(self.server),
            own: own().cpu()?.saturating_sub(self.own),
            waited: own().waited()?.saturating_sub(self.waited),
        })
    }
}

impl Spent {
    /// Adds how many of `what` came in a second, and what each cost the server if its process is
    /// known. The tool's own share of a core tells whether it was the bottleneck,
    /// and how long it waited for that core whether the machine was quiet.
    pub(super) fn tell(self, report: &mut Report, setup: &Setup, what: &str, count: u64) {
        report.count(what, count);
        report.number("elapsed_s", self.elapsed.as_secs_f64());
        report.number(format!("{what}_per_s"), per_second(count, self.elapsed));
        if setup.process.is_some() {
            report.number("server_cpu_us_each", us_each(self.server, count));
            report.number("server_cpu_percent", self.percent(self.server));
        }
        report.number("tool_cpu_percent", self.percent(self.own));
        report.number("tool_waited_percent", self.percent(self.waited));
    }

    fn percent(self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

/// This process.
fn own() -> Process {
    Process::new(std::process::id())
}
