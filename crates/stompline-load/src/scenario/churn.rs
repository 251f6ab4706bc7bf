//! Sessions that come and go: connect, subscribe, leave, again and again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::measured::Meter;
use super::{CLOSING_TIME, ScenarioError, Setup};
use crate::receipt::{latencies, record};
use crate::report::Report;

/// Users of each coming and going session, one after another.
const NUMBERS: u32 = 1000;

/// The scenario `churn`.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// Sessions at a time.
    pub at_once: u32,
    /// How long they come and go.
    pub duration: Duration,
}

/// What all of them count together.
#[derive(Debug)]
struct Turnover {
    end: Instant,
    next: Cell<u32>,
    cycles: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
}

impl Churn {
    /// Counts whole cycles, each with a new TCP connection, a handshake, CONNECT, SUBSCRIBE and
    /// DISCONNECT with their receipts.
    ///
    /// # Errors
    ///
    /// The server's process cannot be looked at. A cycle that fails is a fault in the report.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        setup.check_descriptors(self.at_once)?;
        let turnover = Rc::new(Turnover {
            end: Instant::now() + self.duration,
            next: Cell::new(0),
            cycles: Cell::new(0),
            latency: RefCell::new(latencies()),
        });
        let meter = Meter::start(setup)?;
        let mut cycling = JoinSet::new();
        for _ in 0..self.at_once.max(1) {
            cycling.spawn_local(cycle(Rc::clone(setup), Rc::clone(&turnover)));
        }
        let mut report = Report::new("churn");
        let all = async {
            while let Some(cycled) = cycling.join_next().await {
                cycled??;
            }
            Ok::<_, ScenarioError>(())
        };
        match timeout(self.duration + CLOSING_TIME, all).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => report.faults([error.to_string()]),
            Err(_) => {
                report.faults([ScenarioError::Time(self.duration + CLOSING_TIME).to_string()]);
            }
        }
        let spent = meter.stop(setup)?;
        report.count("at_once", self.at_once.into());
        spent.tell(&mut report, setup, "cycles", turnover.cycles.get());
        report.latency("cycle", &turnover.latency.borrow());
        Ok(report)
    }
}

/// Sessions of this many numbers come and go until the time is over. Their users are others than
/// those of the scenario that has as many sessions as `above`.
pub(super) struct Comings {
    end: Instant,
    above: u32,
    setup: Rc<Setup>,
}

impl Comings {
    pub(super) fn new(setup: &Rc<Setup>, above: u32, lasting: Duration) -> Self {
        Self {
            end: Instant::now() + lasting,
            above,
            setup: Rc::clone(setup),
        }
    }

    /// Lets `at_once` sessions come and go. Gives how many did.
    pub(super) async fn run(&self, at_once: u32) -> Result<u64, ScenarioError> {
        let one = async |place: u32| {
            let mut count = 0;
            while Instant::now() < self.end {
                let number = self.above + place + at_once * (count % NUMBERS);
                visit(&self.setup, number).await?;
                count += 1;
            }
            Ok::<_, ScenarioError>(u64::from(count))
        };
        let counts = try_join_all((0..at_once).map(one)).await?;
        Ok(counts.iter().sum())
    }
}

/// Connects, subscribes and leaves.
async fn visit(setup: &Setup, number: u32) -> Result<(), ScenarioError> {
    let mut client = setup.customer(number).await?;
    let topic = setup.topic(&format!("churn.{number}"));
    client.subscribe("s", &topic).await?;
    client.close(|_| Ok(())).await?;
    Ok(())
}

async fn cycle(setup: Rc<Setup>, turnover: Rc<Turnover>) -> Result<(), ScenarioError> {
    while Instant::now() < turnover.end {
        let number = turnover.next.get();
        turnover.next.set(number.wrapping_add(1));
        let started = Instant::now();
        visit(&setup, number).await?;
        turnover.cycles.set(turnover.cycles.get() + 1);
        record(&mut turnover.latency.borrow_mut(), started.elapsed());
    }
    Ok(())
}
