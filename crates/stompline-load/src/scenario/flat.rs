//! One publisher to one subscriber through the broker, as fast as it goes.

use std::time::{Duration, Instant};

use stompline_proto::Frame;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{CLOSING_TIME, ScenarioError, Setup, per_second, us_each};
use crate::client::{Client, ClientError};
use crate::report::Report;
use crate::sequence::Sequence;
use crate::template::{Template, number_of};

/// The publisher queues this much before it writes: what the kernel takes at once by default.
const BATCH_BYTES: usize = 64 * 1024;

/// The scenario `flat`.
#[derive(Clone, Copy, Debug)]
pub struct Flat {
    /// How many messages.
    pub messages: u64,
    /// Bytes of each body; at least 20, which hold the number.
    pub body_bytes: usize,
}

impl Flat {
    /// Sends all messages and checks that each came once and in order.
    ///
    /// # Errors
    ///
    /// A session could not be opened. What goes wrong later is a fault in the report.
    pub async fn run(self, setup: &Setup) -> Result<Report, ScenarioError> {
        let topic = setup.topic("flat");
        let mut subscriber = setup.customer(0).await?;
        subscriber.subscribe("s", &topic).await?;
        let publisher = setup.customer(1).await?;
        let template = Template::new(publisher.session().send(&topic, ""), self.body_bytes);

        let cpu_before = setup.cpu()?;
        let started = Instant::now();
        let mut publishing = JoinSet::new();
        publishing.spawn_local(publish(publisher, template, self.messages));
        let mut sequence = Sequence::new();
        let receiving = receive(
            &mut subscriber,
            (&mut sequence, self.messages),
            &mut publishing,
        );
        let outcome = timeout(setup.time_max, receiving).await;
        let elapsed = started.elapsed();
        let cpu = setup.cpu()?.saturating_sub(cpu_before);

        let mut report = Report::new("flat");
        match outcome {
            Ok(Ok(())) => {
                let ending = end(subscriber, &mut sequence, publishing);
                if let Err(error) = ending.await {
                    report.faults([error.to_string()]);
                }
            }
            Ok(Err(error)) => report.faults([error.to_string()]),
            Err(_) => report.faults([ScenarioError::Time(setup.time_max).to_string()]),
        }
        report.faults(sequence.faults(self.messages));
        report.count("messages", sequence.arrived());
        report.count("body_bytes", self.body_bytes as u64);
        report.number("elapsed_s", elapsed.as_secs_f64());
        report.number("messages_per_s", per_second(sequence.arrived(), elapsed));
        measure_cpu(&mut report, setup, cpu, sequence.arrived());
        Ok(report)
    }
}

/// Adds what the server computed for each message, if its process is known.
pub(super) fn measure_cpu(report: &mut Report, setup: &Setup, cpu: Duration, messages: u64) {
    if setup.process.is_some() {
        report.number("server_cpu_us_per_message", us_each(cpu, messages));
    }
}

/// Reads until everything has come. The publisher is done by then or fails first.
async fn receive(
    subscriber: &mut Client,
    (sequence, total): (&mut Sequence, u64),
    publishing: &mut JoinSet<Result<(), ClientError>>,
) -> Result<(), ScenarioError> {
    while sequence.arrived() < total {
        tokio::select! {
            biased;
            turn = subscriber.turn_bodies(|body, _| sequence.arrive(number_of(body))) => turn?,
            Some(published) = publishing.join_next() => published??,
        }
    }
    Ok(())
}

/// Ends both sessions in good order. What came twice has come when DISCONNECT is confirmed.
async fn end(
    subscriber: Client,
    sequence: &mut Sequence,
    mut publishing: JoinSet<Result<(), ClientError>>,
) -> Result<(), ScenarioError> {
    let ending = async {
        while let Some(published) = publishing.join_next().await {
            published??;
        }
        subscriber.close(|frame| arrive(sequence, &frame)).await?;
        Ok(())
    };
    match timeout(CLOSING_TIME, ending).await {
        Ok(ended) => ended,
        Err(_) => Err(ScenarioError::Time(CLOSING_TIME)),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the form that a client's turn wants"
)]
fn arrive(sequence: &mut Sequence, frame: &Frame) -> Result<(), ClientError> {
    sequence.arrive(number_of(&frame.body));
    Ok(())
}

async fn publish(
    mut publisher: Client,
    mut template: Template,
    messages: u64,
) -> Result<(), ClientError> {
    let mut next = 0;
    while next < messages {
        while next < messages && publisher.queued_bytes() < BATCH_BYTES {
            publisher.queue_encoded(template.numbered(next))?;
            next += 1;
        }
        publisher.turn(|_| Ok(())).await?;
    }
    publisher.close(|_| Ok(())).await
}
