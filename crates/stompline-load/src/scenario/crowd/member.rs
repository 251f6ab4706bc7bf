//! What publishers and listeners do.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Pace;
use super::room::Room;
use super::tally::{Listener, Tally};
use crate::client::{Client, ClientError};
use crate::template::Template;

/// Receives until the last message has come.
pub(super) async fn listen(
    mut client: Client,
    listener: Rc<Listener>,
) -> Result<Client, ClientError> {
    while !listener.over.get() {
        client
            .turn_bodies(|body, now| listener.hear(body, now))
            .await?;
    }
    Ok(client)
}

/// Who publishes to a room, and at what pace.
pub(super) struct Publisher {
    pub client: Client,
    pub template: Template,
    pub room: Rc<Room>,
    pub tally: Rc<Tally>,
    /// What it hears itself, if it subscribed.
    pub listener: Option<Rc<Listener>>,
    pub pace: Pace,
    /// With a rate: between two messages, and before the first.
    pub pause: Duration,
    pub delay: Duration,
}

impl Publisher {
    /// Publishes until it is told to stop, then sends the last message and receives what is owed.
    pub(super) async fn run(mut self) -> Result<Client, ClientError> {
        let mut due = Instant::now() + self.delay;
        while !self.tally.stopping.get() {
            self.send_due(&mut due)?;
            let Self {
                client,
                room,
                listener,
                pace,
                ..
            } = &mut self;
            tokio::select! {
                turned = client.turn_bodies(|body, now| hear(listener.as_deref(), body, now)) => turned?,
                () = room.progress.notified() => {}
                () = sleep_until(due), if matches!(pace, Pace::Rate(_)) => {}
            }
        }
        let number = self.room.send();
        self.client.queue_encoded(self.template.last(number))?;
        while self.client.queued_bytes() > 0 || self.is_owed() {
            let listener = self.listener.as_deref();
            self.client
                .turn_bodies(|body, now| hear(listener, body, now))
                .await?;
        }
        Ok(self.client)
    }

    fn send_due(&mut self, due: &mut Instant) -> Result<(), ClientError> {
        match self.pace {
            Pace::Outstanding(most) => {
                while self.room.outstanding() < u64::from(most.max(1)) {
                    self.send()?;
                }
            }
            Pace::Rate(_) => {
                let now = Instant::now();
                while *due <= now {
                    self.send()?;
                    *due += self.pause;
                }
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), ClientError> {
        let number = self.room.send();
        self.client.queue_encoded(self.template.numbered(number))
    }

    fn is_owed(&self) -> bool {
        self.listener
            .as_ref()
            .is_some_and(|listener| !listener.over.get())
    }
}

fn hear(listener: Option<&Listener>, body: &[u8], now: std::time::Instant) {
    if let Some(listener) = listener {
        listener.hear(body, now);
    }
}
