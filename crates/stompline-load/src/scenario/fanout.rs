//! One publisher to many subscribers of one topic, with a number of messages outstanding.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::flat::measure_cpu;
use super::{ScenarioError, Setup, check_descriptors, per_second};
use crate::client::{Client, ClientError};
use crate::receipt::{latencies, record};
use crate::report::Report;
use crate::sequence::Sequence;
use crate::template::{Template, number_of};

/// The scenario `fanout`.
#[derive(Clone, Copy, Debug)]
pub struct Fanout {
    /// How many subscribe.
    pub subscribers: u32,
    /// How many messages each is to receive.
    pub messages: u64,
    /// Messages sent that not all have received, at any time.
    pub outstanding: u32,
    /// Bytes of each body; at least 20, which hold the number.
    pub body_bytes: usize,
}

/// What publisher and subscribers share.
#[derive(Debug)]
struct Progress {
    /// When each outstanding message was sent, and who has yet to receive it; by number modulo the
    /// length.
    outstanding: RefCell<Vec<(Instant, u32)>>,
    complete: Cell<u64>,
    completed: Notify,
    latency: RefCell<Histogram<u64>>,
}

impl Fanout {
    /// Sends all messages and checks that each came to everybody once and in order.
    ///
    /// # Errors
    ///
    /// A session could not be opened or ended early, or the time was over.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        let subscribers = self.subscribers.max(1);
        check_descriptors(subscribers.saturating_add(1))?;
        let topic = setup.topic("fanout");
        let progress = Rc::new(Progress::new(self.outstanding.max(1)));
        let mut listening = JoinSet::new();
        for number in 1..=subscribers {
            let mut client = setup.customer(number).await?;
            client.subscribe("s", &topic).await?;
            let sequence = Sequence::new(self.messages);
            listening.spawn_local(listen(client, sequence, Rc::clone(&progress)));
        }
        let mut publisher = setup.customer(0).await?;
        let template = Template::new(publisher.session().send(&topic, ""), self.body_bytes);

        let cpu_before = setup.cpu()?;
        let started = Instant::now();
        let publishing = self.publish(&mut publisher, template, &progress);
        let published = timeout(setup.time_max, publishing).await;
        let elapsed = started.elapsed();
        let cpu = setup.cpu()?.saturating_sub(cpu_before);

        let mut report = Report::new("fanout");
        match published {
            Ok(published) => published?,
            Err(_) => report.faults([ScenarioError::Time(setup.time_max).to_string()]),
        }
        let deliveries = progress.complete.get() * u64::from(subscribers);
        if report.is_valid() {
            while let Some(listened) = listening.join_next().await {
                report.faults(listened??.faults());
            }
            publisher.close(|_| Ok(())).await?;
        }
        report.count("subscribers", subscribers.into());
        report.count("outstanding", self.outstanding.into());
        report.count("deliveries", deliveries);
        report.number("elapsed_s", elapsed.as_secs_f64());
        report.number("deliveries_per_s", per_second(deliveries, elapsed));
        report.latency("delivery", &progress.latency.borrow());
        measure_cpu(&mut report, setup, cpu, deliveries);
        Ok(report)
    }

    /// Keeps as many messages outstanding as allowed until everybody has received all.
    async fn publish(
        &self,
        publisher: &mut Client,
        mut template: Template,
        progress: &Progress,
    ) -> Result<(), ClientError> {
        let mut next = 0;
        while progress.complete.get() < self.messages {
            let allowed = progress.complete.get() + u64::from(self.outstanding.max(1));
            while next < self.messages.min(allowed) {
                progress.start(next, self.subscribers.max(1));
                publisher.queue_encoded(template.numbered(next))?;
                next += 1;
            }
            tokio::select! {
                turn = publisher.turn(|_| Ok(())) => turn?,
                () = progress.completed.notified() => {}
            }
        }
        Ok(())
    }
}

impl Progress {
    fn new(outstanding: u32) -> Self {
        Self {
            outstanding: RefCell::new(vec![(Instant::now(), 0); outstanding as usize]),
            complete: Cell::new(0),
            completed: Notify::new(),
            latency: RefCell::new(latencies()),
        }
    }

    fn start(&self, number: u64, subscribers: u32) {
        let mut outstanding = self.outstanding.borrow_mut();
        let place = place(number, outstanding.len());
        outstanding[place] = (Instant::now(), subscribers);
    }

    /// One subscriber received this message.
    fn arrive(&self, number: u64) {
        let mut outstanding = self.outstanding.borrow_mut();
        let place = place(number, outstanding.len());
        let (sent, missing) = &mut outstanding[place];
        record(&mut self.latency.borrow_mut(), sent.elapsed());
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.complete.set(self.complete.get() + 1);
            self.completed.notify_one();
        }
    }
}

fn place(number: u64, len: usize) -> usize {
    usize::try_from(number % len as u64).unwrap_or(0)
}

/// Receives everything, then closes, behind which nothing comes twice any more.
async fn listen(
    mut client: Client,
    mut sequence: Sequence,
    progress: Rc<Progress>,
) -> Result<Sequence, ClientError> {
    while !sequence.is_complete() {
        client
            .turn(|frame| {
                let number = number_of(&frame.body);
                sequence.arrive(number);
                if let Some(number) = number {
                    progress.arrive(number);
                }
                Ok(())
            })
            .await?;
    }
    client
        .close(|frame| {
            sequence.arrive(number_of(&frame.body));
            Ok(())
        })
        .await?;
    Ok(sequence)
}
