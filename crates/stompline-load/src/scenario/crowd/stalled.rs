//! Readers that stop reading, and what becomes of them.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::tally::Listener;
use crate::client::{Client, ClientError};
use crate::report::Report;
use crate::scenario::CLOSING_TIME;

/// What the kernel may hold for a reader that has stopped: so little that the server feels it soon.
pub(super) const RECEIVE_BUFFER_BYTES: u32 = 16 * 1024;

/// Reads nothing for `pause`, then all that waits, and so on until the last message has come.
pub(super) async fn doze(
    mut client: Client,
    listener: Rc<Listener>,
    pause: Duration,
) -> Result<Client, ClientError> {
    while !listener.over.get() {
        sleep(pause).await;
        let sent = listener.room.sent();
        let waiting = sent.saturating_sub(listener.sequence.borrow().arrived());
        listener.room.note_backlog(waiting);
        while !listener.over.get() && listener.sequence.borrow().arrived() < sent {
            client
                .turn_bodies(|body, now| listener.hear(body, now))
                .await?;
        }
    }
    Ok(client)
}

/// How readers that had stopped fared.
#[derive(Debug, Default)]
pub(super) struct Fates {
    closed: u64,
    reached_end: u64,
    arrived: u64,
    reason: Option<String>,
    faults: Vec<String>,
}

impl Fates {
    /// One of them reads on until the server's close or the last message.
    pub(super) async fn follow(&mut self, mut client: Client, listener: &Rc<Listener>) {
        let reading = async {
            while !listener.over.get() {
                client
                    .turn_bodies(|body, now| listener.hear(body, now))
                    .await?;
            }
            Ok::<(), ClientError>(())
        };
        match timeout(CLOSING_TIME, reading).await {
            Ok(Ok(())) => self.reached_end += 1,
            Ok(Err(error)) => {
                self.closed += 1;
                self.reason.get_or_insert(error.to_string());
            }
            Err(_) => self
                .faults
                .push("a reader that had stopped was neither served nor closed".to_owned()),
        }
        let sequence = listener.sequence.borrow();
        self.arrived += sequence.arrived();
        // Behind a gap nothing may come: what arrived is the beginning of what was sent.
        self.faults.extend(sequence.faults(sequence.arrived()));
    }

    pub(super) fn tell(self, report: &mut Report) {
        report.count("stalled_closed", self.closed);
        report.count("stalled_reached_end", self.reached_end);
        report.count("stalled_deliveries", self.arrived);
        if let Some(reason) = self.reason {
            report.text("stalled_reason", reason);
        }
        report.faults(self.faults);
    }
}
