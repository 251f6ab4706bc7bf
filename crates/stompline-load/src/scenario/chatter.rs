//! What people of the chat have in common: three queues, and messages that are confirmed.

use std::time::Instant;

use serde_json::{Value, json};
use stompline_proto::{Command, Frame};

use super::ScenarioError;
use crate::client::{Client, ClientError, receipt_of};
use crate::receipt::Receipts;

/// Subscriptions, whose ids are the last words.
const QUEUES: [&str; 3] = ["messages", "acks", "errors"];

/// A person's session with what it expects.
#[derive(Debug)]
pub(super) struct Chatter {
    pub client: Client,
    pub log: Log,
}

/// What a person has been told.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub receipts: Receipts,
    /// The last ack.
    pub ack: Option<Value>,
    /// The greatest `seq` of a message event.
    pub seq: u64,
    /// Events whose `seq` was not one more than the last.
    gaps: u64,
}

impl Chatter {
    /// Subscribes to what a person needs.
    pub(super) async fn begin(mut client: Client) -> Result<Self, ClientError> {
        for queue in QUEUES {
            let destination = format!("/user/queue/{queue}");
            client.subscribe(queue, &destination).await?;
        }
        let log = Log::default();
        Ok(Self { client, log })
    }

    /// Queues a command that asks for a receipt.
    pub(super) fn command(&mut self, destination: &str, body: &Value) -> Result<(), ClientError> {
        let number = self.log.receipts.ask(Instant::now());
        let frame = self.client.session().send(destination, body.to_string());
        let frame = frame
            .header("content-type", "application/json")
            .header("receipt", &number.to_string());
        self.client.queue(&frame)
    }

    /// Queues a message to the person's own or the named conversation.
    pub(super) fn say(
        &mut self,
        text: &str,
        conversation: Option<&str>,
    ) -> Result<(), ClientError> {
        let body = match conversation {
            None => json!({ "content": text }),
            Some(id) => json!({ "content": text, "conversationId": id }),
        };
        self.command("/app/send", &body)
    }

    /// One turn of the session.
    pub(super) async fn turn(&mut self) -> Result<(), ClientError> {
        let log = &mut self.log;
        self.client.turn(|frame| log.note(&frame)).await
    }

    /// Waits until nothing is owed. Returns the last ack.
    pub(super) async fn settle(&mut self) -> Result<Value, ScenarioError> {
        while self.log.receipts.owed() > 0 {
            self.turn().await?;
        }
        let ack = self.log.ack.take();
        ack.ok_or_else(|| ScenarioError::Unexpected("a receipt came without an ack".to_owned()))
    }
}

impl Log {
    /// Takes a frame. A refusal ends the session: nothing that is measured may be refused.
    pub(super) fn note(&mut self, frame: &Frame) -> Result<(), ClientError> {
        if let Some(id) = receipt_of(frame) {
            self.receipts.settle(id, Instant::now());
            return Ok(());
        }
        if frame.command != Command::Message {
            return Ok(());
        }
        match frame.headers.find("subscription") {
            Some("acks") => self.acknowledge(frame),
            Some("messages") => {
                self.hear(frame.headers.find("seq"));
                Ok(())
            }
            _ => Err(refusal(frame)),
        }
    }

    /// What was wrong, in words; empty if nothing was.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.receipts.faults();
        if self.gaps > 0 {
            faults.push(format!("{} events were out of order", self.gaps));
        }
        faults
    }

    fn acknowledge(&mut self, frame: &Frame) -> Result<(), ClientError> {
        let ack: Value = serde_json::from_slice(&frame.body).unwrap_or_default();
        if ack["ok"] != true {
            return Err(refusal(frame));
        }
        self.ack = Some(ack);
        Ok(())
    }

    /// Events of messages bear their place; those of the conversation do not.
    fn hear(&mut self, seq: Option<&str>) {
        let Some(seq) = seq.and_then(|seq| seq.parse().ok()) else {
            return;
        };
        if seq != self.seq + 1 {
            self.gaps += 1;
        }
        self.seq = self.seq.max(seq);
    }
}

fn refusal(frame: &Frame) -> ClientError {
    ClientError::Refusal(String::from_utf8_lossy(&frame.body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subscription: &str, body: &'static str) -> Frame {
        Frame::new(Command::Message)
            .header("subscription", subscription)
            .body(body)
    }

    #[test]
    fn refused_command_ends_the_session() {
        let mut log = Log::default();
        assert!(log.note(&message("acks", r#"{"ok":true}"#)).is_ok());
        for (queue, body) in [("acks", r#"{"ok":false}"#), ("acks", "?"), ("errors", "{}")] {
            let refused = log.note(&message(queue, body)).unwrap_err();
            assert!(refused.to_string().contains(body), "{refused}");
        }
    }

    #[test]
    fn events_are_dense() {
        let mut log = Log::default();
        for seq in [Some("1"), None, Some("2")] {
            log.hear(seq);
        }
        assert!(log.faults().is_empty());
        log.hear(Some("4"));
        assert_eq!(log.faults(), ["1 events were out of order"]);
    }
}
