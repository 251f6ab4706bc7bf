//! One connection of a link: joins and leaves, each answer checked against what was asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use redis::{Pipeline, PushKind, ServerError, Value, aio::MultiplexedConnection};
use stompline::backplane::BackplaneError;

use super::{echo::Echo, lock, reader::Pulse};
use crate::{
    dial::unreachable,
    key::{Channel, Tag},
};

/// Channels in one write.
const BATCH: usize = 512;

/// Errors that are about one slot, and leave the link as good as it was.
const SLOT_ERRORS: [&str; 5] = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN"];

/// One connection of a link.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    pub(super) pulse: Arc<Pulse>,
    /// The tags that were joined, heard or not.
    pub(super) joined: BTreeSet<Tag>,
    pub(super) echo: Echo,
}

impl Connected {
    /// Joins or leaves, and says which tags the server would not.
    pub(super) async fn switch_all(
        &mut self,
        channels: &[(Tag, Channel)],
        joins: bool,
    ) -> Result<BTreeMap<Tag, ServerError>, BackplaneError> {
        let mut refused = BTreeMap::new();
        for some in channels.chunks(BATCH) {
            self.switch(some, joins, &mut refused).await?;
        }
        Ok(refused)
    }

    async fn switch(
        &mut self,
        channels: &[(Tag, Channel)],
        joins: bool,
        refused: &mut BTreeMap<Tag, ServerError>,
    ) -> Result<(), BackplaneError> {
        let mut pipeline = Pipeline::with_capacity(channels.len());
        for (_, channel) in channels {
            pipeline.add_command(channel.command(joins));
        }
        if !joins {
            let names = channels.iter().map(|one| one.1.name().as_bytes().to_vec());
            lock(&self.pulse.leaving).extend(names);
        }
        self.pulse.is_busy.store(true, Ordering::Release);
        let sent = self
            .connection
            .send_packed_commands(&pipeline, 0, channels.len())
            .await;
        self.pulse.is_busy.store(false, Ordering::Release);
        lock(&self.pulse.leaving).clear();
        let answers = sent.map_err(|error| unreachable(&error))?;
        self.untangled()?;
        if answers.len() != channels.len() {
            return Err(tangled());
        }
        for ((tag, channel), answer) in channels.iter().zip(answers) {
            match answer {
                Value::Push { kind, data } if is_answer(&kind, &data, channel, joins) => {}
                Value::ServerError(error) if SLOT_ERRORS.contains(&error.code()) => {
                    check_slot(&error, *tag)?;
                    // Whoever leaves what is elsewhere has left it.
                    if joins {
                        refused.insert(*tag, error);
                    }
                }
                Value::ServerError(error) => {
                    return Err(BackplaneError::Refused(error.to_string().into()));
                }
                _ => return Err(tangled()),
            }
        }
        Ok(())
    }

    pub(super) fn untangled(&self) -> Result<(), BackplaneError> {
        if self.pulse.is_tangled.load(Ordering::Acquire) {
            return Err(tangled());
        }
        Ok(())
    }
}

/// The server spoke unasked while it was asked, so that an answer was taken for another's. Only a new connection is sure of itself.
fn tangled() -> BackplaneError {
    BackplaneError::Unreachable("slots moved while channels were joined".into())
}

/// Whether it is about this channel and not about the one before.
fn is_answer(kind: &PushKind, data: &[Value], channel: &Channel, joins: bool) -> bool {
    let fits = match channel {
        Channel::Name(_) if joins => PushKind::Subscribe,
        Channel::Name(_) => PushKind::Unsubscribe,
        Channel::Glob(_) if joins => PushKind::PSubscribe,
        Channel::Glob(_) => PushKind::PUnsubscribe,
        Channel::Shard(_) if joins => PushKind::SSubscribe,
        Channel::Shard(_) => PushKind::SUnsubscribe,
    };
    let named =
        matches!(data.first(), Some(Value::BulkString(name)) if name == channel.name().as_bytes());
    *kind == fits && named
}

fn check_slot(error: &ServerError, tag: Tag) -> Result<(), BackplaneError> {
    let named = error
        .details()
        .and_then(|details| details.split(' ').next());
    let named = named.and_then(|slot| slot.parse::<u16>().ok());
    match (error.code(), named) {
        ("MOVED" | "ASK", slot) if slot != Some(tag.slot()) => Err(tangled()),
        _ => Ok(()),
    }
}
