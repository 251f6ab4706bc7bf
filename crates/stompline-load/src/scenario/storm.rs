//! All sessions are cut off at once and come back at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use hdrhistogram::Histogram;
use tokio::time::{sleep, timeout};

use super::measured::Meter;
use super::rush::{close_all, open_all};
use super::{ScenarioError, Setup};
use crate::client::{Client, ClientError};
use crate::progress::Progress;
use crate::receipt::{latencies, record};
use crate::report::Report;

/// How long a session waits that was told to come back later.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The status of a server that takes nobody for the moment.
const UNAVAILABLE: u16 = 503;

/// The scenario `storm`.
#[derive(Clone, Debug)]
pub struct Storm {
    /// How many sessions.
    pub sessions: u32,
    /// Connections under way at a time, when they come back.
    pub at_once: usize,
    /// Connections opened in a second at most, before the storm.
    pub connects_per_s: u32,
    /// What each subscribes to.
    pub destination: String,
}

/// What the returning sessions count together.
#[derive(Debug)]
struct Return {
    refused: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
}

impl Storm {
    /// Measures from the cut until the last session is connected and subscribed again.
    ///
    /// # Errors
    ///
    /// A session could not be opened, at first or again, or the time was over.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        setup.check_descriptors(self.sessions)?;
        let start = tokio::time::Instant::now();
        let pause = Duration::from_secs(1) / self.connects_per_s.max(1);
        let destination = &*self.destination;
        let first = open_all(self.sessions, |number| async move {
            tokio::time::sleep_until(start + pause * number).await;
            session(setup, number, destination).await
        });
        drop(first.await?);
        let counts = Return {
            refused: Cell::new(0),
            latency: RefCell::new(latencies()),
        };
        let meter = Meter::start(setup)?;
        let mut progress = Progress::new("coming back", self.sessions.into());
        let returning =
            stream::iter((0..self.sessions).map(|number| counts.one(setup, number, destination)))
                .buffer_unordered(self.at_once.max(1))
                .inspect_ok(|_| progress.advance(1))
                .try_collect::<Vec<_>>();
        let returned = timeout(setup.time_max, returning).await;
        let spent = meter.stop(setup)?;
        drop(progress);

        let mut report = Report::new("storm");
        spent.tell(&mut report, setup, "sessions", self.sessions.into());
        report.count("refused_and_retried", counts.refused.get());
        report.latency("return", &counts.latency.borrow());
        match returned {
            Ok(clients) => {
                close_all(
                    clients?
                        .into_iter()
                        .map(|client| (client, |_: &[u8]| {}))
                        .collect(),
                )
                .await?;
            }
            Err(_) => report.faults([ScenarioError::Time(setup.time_max).to_string()]),
        }
        Ok(report)
    }
}

impl Return {
    /// Brings one session back, however often it is told to wait.
    async fn one(
        &self,
        setup: &Setup,
        number: u32,
        destination: &str,
    ) -> Result<Client, ScenarioError> {
        let started = Instant::now();
        loop {
            match session(setup, number, destination).await {
                Err(ScenarioError::Client(ClientError::Refused { status, .. }))
                    if status == UNAVAILABLE =>
                {
                    self.refused.set(self.refused.get() + 1);
                    sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(client) => {
                    record(&mut self.latency.borrow_mut(), started.elapsed());
                    return Ok(client);
                }
            }
        }
    }
}

async fn session(setup: &Setup, number: u32, destination: &str) -> Result<Client, ScenarioError> {
    let mut client = setup.customer(number).await?;
    client.subscribe("s", destination).await?;
    Ok(client)
}
