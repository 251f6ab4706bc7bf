//! Customers who write at a given pace: how long until a message is confirmed.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::chatter::{Chatter, Log};
use super::flat::measure_cpu;
use super::{CLOSING_TIME, ScenarioError, Setup, per_second};
use crate::receipt::latencies;
use crate::report::Report;

/// A message of the length people write.
const TEXT: &str = "Where is my order? It was to arrive on Tuesday, and the page says delivered.";

/// The scenario `chat`.
#[derive(Clone, Copy, Debug)]
pub struct Chat {
    /// How many customers, each with a conversation of its own.
    pub customers: u32,
    /// Messages in a second, of all customers together.
    pub rate: u32,
    /// How long they write.
    pub duration: Duration,
}

impl Chat {
    /// Lets all write at their pace, whether receipts have come or not, and waits for the last one.
    ///
    /// # Errors
    ///
    /// A session could not be opened or ended early, or a message was refused.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        let customers = self.customers.max(1);
        setup.check_descriptors(customers)?;
        let ready = Rc::new(Barrier::new(customers as usize + 1));
        let mut writing = JoinSet::new();
        for number in 0..customers {
            writing.spawn_local(self.customer(Rc::clone(setup), number, Rc::clone(&ready)));
        }
        tokio::select! {
            _ = ready.wait() => {}
            Some(failed) = writing.join_next() => {
                failed??;
            }
        }
        let cpu_before = setup.cpu()?;
        let started = Instant::now();
        let mut latency = latencies();
        let mut report = Report::new("chat");
        while let Some(written) = writing.join_next().await {
            let log = written??;
            let heard = log.receipts.settled();
            if log.seq != heard {
                report.faults([format!("{} of {heard} events came", log.seq)]);
            }
            report.faults(log.faults());
            // Both histograms have the same bounds.
            latency += log.receipts.latency();
        }
        let elapsed = started.elapsed();
        let cpu = setup.cpu()?.saturating_sub(cpu_before);
        report.count("customers", customers.into());
        report.count("receipts", latency.len());
        report.number("elapsed_s", elapsed.as_secs_f64());
        report.number("receipts_per_s", per_second(latency.len(), elapsed));
        report.latency("receipt", &latency);
        measure_cpu(&mut report, setup, cpu, latency.len());
        Ok(report)
    }

    /// One customer: writes every so often, each a little after the one before.
    async fn customer(
        self,
        setup: Rc<Setup>,
        number: u32,
        ready: Rc<Barrier>,
    ) -> Result<Log, ScenarioError> {
        let mut chatter = Chatter::begin(setup.customer(number).await?).await?;
        ready.wait().await;
        let pause = Duration::from_secs(1) * self.customers.max(1) / self.rate.max(1);
        let start = tokio::time::Instant::now();
        let end = start + self.duration;
        let mut due = start + pause * number / self.customers.max(1);
        while due < end {
            tokio::select! {
                biased;
                () = sleep_until(due) => {
                    chatter.say(TEXT, None)?;
                    due += pause;
                }
                turn = chatter.turn() => turn?,
            }
        }
        finish(chatter).await
    }
}

/// Waits for the receipts and events that are owed, and closes.
async fn finish(mut chatter: Chatter) -> Result<Log, ScenarioError> {
    let ending = async {
        while chatter.log.receipts.owed() > 0 || chatter.log.seq < chatter.log.receipts.settled() {
            chatter.turn().await?;
        }
        let Chatter { client, mut log } = chatter;
        client.close(|frame| log.note(&frame)).await?;
        Ok(log)
    };
    match timeout(CLOSING_TIME, ending).await {
        Ok(ended) => ended,
        Err(_) => Err(ScenarioError::Unexpected(format!(
            "receipts or events were still owed {CLOSING_TIME:?} after the last message"
        ))),
    }
}
