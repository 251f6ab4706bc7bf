//! One agent who keeps many sends outstanding in one conversation: confirmed messages in a second.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::chatter::{Chatter, Log};
use super::flat::measure_cpu;
use super::{CLOSING_TIME, ScenarioError, Setup, per_second};
use crate::report::Report;

/// The scenario `chat-agent`.
#[derive(Clone, Copy, Debug)]
pub struct Agent {
    /// Sends without a receipt at any time.
    pub outstanding: usize,
    /// How long the agent writes.
    pub duration: Duration,
}

impl Agent {
    /// A customer asks, the agent takes the conversation and writes; the customer must hear it all,
    /// in order.
    ///
    /// # Errors
    ///
    /// A session could not be opened or ended early, or a message was refused.
    pub async fn run(self, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
        let (mut agent, customer, conversation) = begin(setup).await?;
        let asked_before = agent.log.receipts.settled();
        let mut listening = JoinSet::new();
        let (sent, told) = tokio::sync::oneshot::channel();
        listening.spawn_local(listen(customer, told));

        let cpu_before = setup.cpu()?;
        let started = Instant::now();
        let (mut confirmed, mut elapsed) = (0, Duration::ZERO);
        loop {
            let over = started.elapsed() >= self.duration;
            while !over && agent.log.receipts.owed() < self.outstanding.max(1) {
                agent.say("It is on its way.", Some(&conversation))?;
            }
            if over && elapsed.is_zero() {
                // What was confirmed in time counts; the rest must come all the same.
                elapsed = started.elapsed();
                confirmed = agent.log.receipts.settled() - asked_before;
            }
            if over && agent.log.receipts.owed() == 0 {
                break;
            }
            let turn = timeout(CLOSING_TIME, agent.turn()).await;
            turn.map_err(|_| ScenarioError::Time(CLOSING_TIME))??;
        }
        let cpu = setup.cpu()?.saturating_sub(cpu_before);
        let written = agent.log.receipts.settled() - asked_before;

        let mut report = Report::new("chat-agent");
        // The customer's own message is the first of the conversation.
        let _ = sent.send(written + 1);
        let heard = hear_all(&mut listening).await?;
        if heard.seq != written + 1 {
            report.faults([format!(
                "the customer heard {} of {written}",
                heard.seq.saturating_sub(1)
            )]);
        }
        report.faults(heard.faults());
        report.faults(agent.log.faults());
        report.count("outstanding", self.outstanding as u64);
        report.count("receipts", confirmed);
        report.number("elapsed_s", elapsed.as_secs_f64());
        report.number("receipts_per_s", per_second(confirmed, elapsed));
        report.latency("receipt", agent.log.receipts.latency());
        measure_cpu(&mut report, setup, cpu, written);
        let Chatter { client, mut log } = agent;
        client.close(|frame| log.note(&frame)).await?;
        Ok(report)
    }
}

/// A customer whose conversation an agent has taken, and its id.
async fn begin(setup: &Setup) -> Result<(Chatter, Chatter, String), ScenarioError> {
    let mut customer = Chatter::begin(setup.customer(0).await?).await?;
    customer.say("Is anybody there?", None)?;
    let ack = customer.settle().await?;
    let conversation = ack["conversationId"].as_str().ok_or_else(|| {
        ScenarioError::Unexpected("the ack of a message names no conversation".to_owned())
    })?;
    let mut agent = Chatter::begin(setup.agent(0).await?).await?;
    agent.command(
        "/app/agent.take",
        &json!({ "conversationId": conversation }),
    )?;
    agent.settle().await?;
    agent.log.ack = None;
    // The agent hears only what comes after the take, so its events begin behind the customer's.
    agent.log.seq = customer_seq(&ack);
    Ok((agent, customer, conversation.to_owned()))
}

fn customer_seq(ack: &serde_json::Value) -> u64 {
    ack["seq"].as_u64().unwrap_or(1)
}

/// The customer listens until the last message has come, whose `seq` is told when it is known.
async fn listen(
    mut customer: Chatter,
    mut told: tokio::sync::oneshot::Receiver<u64>,
) -> Result<Log, ScenarioError> {
    let mut last = None;
    while last.is_none_or(|last| customer.log.seq < last) {
        tokio::select! {
            turn = customer.turn() => turn?,
            // A sender that is gone means that the run has failed elsewhere.
            sent = &mut told, if last.is_none() => last = Some(sent.unwrap_or(0)),
        }
    }
    let Chatter { client, mut log } = customer;
    client.close(|frame| log.note(&frame)).await?;
    Ok(log)
}

async fn hear_all(
    listening: &mut JoinSet<Result<Log, ScenarioError>>,
) -> Result<Log, ScenarioError> {
    match timeout(CLOSING_TIME, listening.join_next()).await {
        Ok(Some(heard)) => heard?,
        Ok(None) | Err(_) => Err(ScenarioError::Unexpected(
            "the customer did not hear all messages".to_owned(),
        )),
    }
}
