//! Sessions that do nothing: what each costs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::{CLOSING_TIME, ScenarioError, Setup, per_second};
use crate::client::ClientError;
use crate::process::Memory;
use crate::report::Report;

/// Sessions that are being opened at a time, so that one core is enough for both sides.
const OPENING_MAX: u32 = 64;

/// The scenario `idle`.
#[derive(Clone, Debug)]
pub struct Idle {
    /// How many sessions, each of a user of its own.
    pub sessions: u32,
    /// How many are opened in a second at most; servers limit it.
    pub connects_per_s: u32,
    /// How long nothing is done before memory is measured.
    pub quiet: Duration,
    /// What each subscribes to.
    pub destination: String,
}

/// Between the last opening and the quiet that is measured.
const SETTLING: Duration = Duration::from_millis(500);

type Opened = Result<(), ScenarioError>;

impl Idle {
    /// Opens all sessions, waits, measures, and closes them.
    ///
    /// # Errors
    ///
    /// A session could not be opened, or the server's process cannot be looked at. A session that
    /// ends before it should is a fault in the report.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        setup.check_descriptors(self.sessions)?;
        let before = setup.memory()?;
        let (stop, stopped) = watch::channel(false);
        let mut holding = JoinSet::new();
        let started = Instant::now();
        self.open_all(setup, &stopped, &mut holding).await?;
        let opening = started.elapsed();

        sleep(SETTLING).await;
        let cpu_before = setup.cpu()?;
        sleep(self.quiet).await;
        let cpu = setup.cpu()?.saturating_sub(cpu_before);
        let after = setup.memory()?;

        let mut report = Report::new("idle");
        report.count("sessions", self.sessions.into());
        let connects = per_second(self.sessions.into(), opening);
        report.number("connects_per_s", connects);
        self.measure(&mut report, before, after);
        let share = cpu.as_secs_f64() / self.quiet.as_secs_f64().max(f64::EPSILON);
        report.number("quiet_s", self.quiet.as_secs_f64());
        report.number("server_cpu_percent_of_core", share * 100.0);

        // The tasks look at the channel; if none is left, there is nobody to tell.
        stop.send_replace(true);
        report.faults(end_all(holding).await);
        Ok(report)
    }

    fn measure(&self, report: &mut Report, before: Memory, after: Memory) {
        let each = |after: u64, before: u64| {
            let grown = u32::try_from(after.saturating_sub(before) / 1024).unwrap_or(u32::MAX);
            f64::from(grown) * 1024.0 / f64::from(self.sessions.max(1))
        };
        report.count("resident_bytes_before", before.resident_bytes);
        report.count("resident_bytes_after", after.resident_bytes);
        let resident = each(after.resident_bytes, before.resident_bytes);
        report.number("resident_bytes_per_session", resident.round());
        let anonymous = each(after.anonymous_bytes, before.anonymous_bytes);
        report.number("anonymous_bytes_per_session", anonymous.round());
    }

    async fn open_all(
        &self,
        setup: &Rc<Setup>,
        stopped: &watch::Receiver<bool>,
        holding: &mut JoinSet<Result<(), ClientError>>,
    ) -> Result<(), ScenarioError> {
        let (opened, mut openings) = mpsc::channel(1);
        let pause = Duration::from_secs(1) / self.connects_per_s.max(1);
        let start = tokio::time::Instant::now();
        let mut under_way = 0;
        for number in 0..self.sessions {
            sleep_until(start + pause * number).await;
            if under_way == OPENING_MAX {
                next(setup, &mut openings).await?;
                under_way -= 1;
            }
            holding.spawn_local(hold(
                Rc::clone(setup),
                number,
                self.destination.clone(),
                opened.clone(),
                stopped.clone(),
            ));
            under_way += 1;
        }
        for _ in 0..under_way {
            next(setup, &mut openings).await?;
        }
        Ok(())
    }
}

async fn next(setup: &Setup, openings: &mut mpsc::Receiver<Opened>) -> Result<(), ScenarioError> {
    match timeout(setup.time_max, openings.recv()).await {
        Ok(Some(opened)) => opened,
        Ok(None) | Err(_) => Err(ScenarioError::Time(setup.time_max)),
    }
}

/// Opens one session, says so, and keeps it until all are told to stop.
async fn hold(
    setup: Rc<Setup>,
    number: u32,
    destination: String,
    opened: mpsc::Sender<Opened>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ClientError> {
    let opening = async {
        let mut client = setup.customer(number).await?;
        client.subscribe("s", &destination).await?;
        Ok(client)
    };
    let (mut client, outcome) = match opening.await {
        Ok(client) => (client, Ok(())),
        Err(error) => {
            // Nobody listens any more when another session has failed before this one.
            let _ = opened.send(Err(error)).await;
            return Ok(());
        }
    };
    let _ = opened.send(outcome).await;
    drop(opened);
    while !*stopped.borrow() {
        tokio::select! {
            turn = client.turn(|_| Ok(())) => turn?,
            _ = stopped.changed() => {}
        }
    }
    client.close(|_| Ok(())).await
}

/// Waits for all sessions to close. Gives one fault for all that did not live so long.
async fn end_all(mut holding: JoinSet<Result<(), ClientError>>) -> Option<String> {
    let mut ended = 0_u32;
    let mut first = None;
    let closing = async {
        while let Some(held) = holding.join_next().await {
            let error = match held {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            ended += 1;
            first.get_or_insert(error);
        }
    };
    if timeout(CLOSING_TIME, closing).await.is_err() {
        return Some(format!("sessions did not close within {CLOSING_TIME:?}"));
    }
    first.map(|error| format!("{ended} sessions ended too early, the first with: {error}"))
}
