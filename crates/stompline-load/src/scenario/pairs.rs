//! Pairs of sessions that answer one another through the broker.

use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::measured::Meter;
use super::{ScenarioError, Setup};
use crate::client::{Client, ClientError};
use crate::receipt::{latencies, record};
use crate::report::Report;
use crate::template::{Template, number_of};

/// The scenario `pairs`.
#[derive(Clone, Copy, Debug)]
pub struct Pairs {
    /// By a handler and the other's own queue, not by topics.
    pub direct: bool,
    /// How many pairs.
    pub pairs: u32,
    /// How long they play.
    pub duration: Duration,
    /// Bytes of each body; at least 20, which hold the number.
    pub body_bytes: usize,
}

/// One of a pair.
#[derive(Debug)]
struct Player {
    client: Client,
    template: Template,
}

impl Pairs {
    /// Lets every pair pass one message to and fro until the time is over.
    ///
    /// # Errors
    ///
    /// A session could not be opened or ended early, or an answer was wrong.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        let pairs = self.pairs.max(1);
        setup.check_descriptors(pairs.saturating_mul(2))?;
        let ready = Rc::new(Barrier::new(pairs as usize + 1));
        let mut playing = JoinSet::new();
        for number in 0..pairs {
            playing.spawn_local(self.pair(Rc::clone(setup), number, Rc::clone(&ready)));
        }
        tokio::select! {
            _ = ready.wait() => {}
            Some(failed) = playing.join_next() => {
                failed??;
            }
        }
        let meter = Meter::start(setup)?;
        let mut round_trip = latencies();
        while let Some(played) = playing.join_next().await {
            // All histograms have the same bounds.
            round_trip += played??;
        }
        let spent = meter.stop(setup)?;
        let messages = round_trip.len() * 2;
        let mut report = Report::new(if self.direct { "direct" } else { "pairs" });
        report.count("pairs", pairs.into());
        spent.tell(&mut report, setup, "messages", messages);
        report.latency("round_trip", &round_trip);
        Ok(report)
    }

    async fn pair(
        self,
        setup: Rc<Setup>,
        number: u32,
        ready: Rc<Barrier>,
    ) -> Result<Histogram<u64>, ScenarioError> {
        let numbers = [number * 2, number * 2 + 1];
        let [a, b] = numbers.map(|number| self.way(&setup, number));
        let mut first = self.player(&setup, numbers[0], &a.0, &b.1).await?;
        let mut second = self.player(&setup, numbers[1], &b.0, &a.1).await?;
        ready.wait().await;
        let end = Instant::now() + self.duration;
        let mut latency = latencies();
        tokio::select! {
            asked = first.ask_until(end, &mut latency) => asked?,
            echoed = second.echo() => echoed?,
        }
        first.client.close(|_| Ok(())).await?;
        second.client.close(|_| Ok(())).await?;
        Ok(latency)
    }

    /// Where the session with this number listens, and where others write to it.
    fn way(&self, setup: &Setup, number: u32) -> (String, String) {
        if self.direct {
            let name = setup.user_name(number);
            return ("/user/queue/direct".to_owned(), format!("/app/to/{name}"));
        }
        let topic = setup.topic(&format!("pair.{number}"));
        (topic.clone(), topic)
    }

    async fn player(
        &self,
        setup: &Setup,
        number: u32,
        own: &str,
        other: &str,
    ) -> Result<Player, ScenarioError> {
        let mut client = setup.customer(number).await?;
        client.subscribe("s", own).await?;
        let template = Template::new(client.session().send(other, ""), self.body_bytes);
        Ok(Player { client, template })
    }
}

impl Player {
    /// Sends numbers, each when the one before has come back.
    async fn ask_until(
        &mut self,
        end: Instant,
        latency: &mut Histogram<u64>,
    ) -> Result<(), ScenarioError> {
        for number in 0.. {
            let asked = Instant::now();
            if asked >= end {
                break;
            }
            self.client.queue_encoded(self.template.numbered(number))?;
            let answer = self.hear().await?;
            if answer != Some(number) {
                let text = format!("{number} was answered with {answer:?}");
                return Err(ScenarioError::Unexpected(text));
            }
            record(latency, asked.elapsed());
        }
        Ok(())
    }

    /// Sends back whatever comes.
    async fn echo(&mut self) -> Result<(), ScenarioError> {
        loop {
            let heard = self.hear().await?;
            let number = heard.ok_or_else(|| {
                ScenarioError::Unexpected("a message came that nobody had sent".to_owned())
            })?;
            self.client.queue_encoded(self.template.numbered(number))?;
            self.client.flush(|_| Ok(())).await?;
        }
    }

    async fn hear(&mut self) -> Result<Option<u64>, ClientError> {
        let mut heard = None;
        while heard.is_none() {
            self.client
                .turn_bodies(|body, _| heard = Some(number_of(body)))
                .await?;
        }
        Ok(heard.flatten())
    }
}
