//! What comes on a link, on the connection's own task: handed over without waiting.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use redis::{PushInfo, PushKind, Value};
use stompline::backplane::{Inlet, NodeId, Route};
use tokio::sync::Notify;

use super::{Shared, lock};
use crate::key::Tag;

/// What the reader of a connection says to the link's task.
#[derive(Default)]
pub(super) struct Pulse {
    /// The number of the last echo that came.
    pub(super) echo: AtomicU64,
    /// Something below has changed.
    pub(super) news: Notify,
    pub(super) is_lost: AtomicBool,
    /// A command is under way: what Redis says unasked is then taken for its answer.
    pub(super) is_busy: AtomicBool,
    /// Answers and commands do not belong together any more.
    pub(super) is_tangled: AtomicBool,
    /// Channels that are being left.
    pub(super) leaving: Mutex<HashSet<Vec<u8>>>,
    /// What Redis has unsubscribed this node from unasked, because it went to another server.
    pub(super) gone: Mutex<BTreeSet<Tag>>,
}

pub(super) struct Reader {
    shared: Arc<Shared>,
    link: u64,
    inlet: Inlet,
    pulse: Arc<Pulse>,
    /// What the names of this node's echoes end with.
    echo: Vec<u8>,
    direct: [Vec<u8>; 2],
}

impl Reader {
    pub(super) fn new(
        shared: &Arc<Shared>,
        link: u64,
        (node, inlet): (&NodeId, &Inlet),
        pulse: &Arc<Pulse>,
    ) -> Self {
        let names = &shared.names;
        Self {
            shared: Arc::clone(shared),
            link,
            inlet: inlet.clone(),
            pulse: Arc::clone(pulse),
            echo: names.echo(node, Tag::NODES).into_bytes(),
            direct: [
                names.inbox(node).into_bytes(),
                names.everyone().into_bytes(),
            ],
        }
    }

    pub(super) fn take(&self, info: PushInfo) {
        let mut data = info.data.into_iter();
        match info.kind {
            PushKind::Message => {
                if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
                    (data.next(), data.next())
                {
                    self.deliver(&channel, payload);
                }
            }
            PushKind::SMessage => {
                if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
                    (data.next(), data.next())
                {
                    self.deliver_shard(&channel, payload);
                }
            }
            PushKind::PMessage => {
                // Pattern, channel, payload.
                if let Some(Value::BulkString(payload)) = data.nth(2) {
                    self.inlet.offer(Route::Everything, payload.into());
                }
            }
            PushKind::SUnsubscribe => {
                if let Some(Value::BulkString(channel)) = data.next() {
                    self.left(&channel);
                }
            }
            PushKind::Disconnection => {
                self.pulse.is_lost.store(true, Ordering::Release);
                self.pulse.news.notify_one();
            }
            _ => {}
        }
    }

    fn deliver(&self, channel: &[u8], payload: Vec<u8>) {
        if *channel == *self.echo {
            self.hear(&payload);
        } else if self.direct.iter().any(|one| one == channel) {
            self.inlet.offer(Route::Direct, payload.into());
        } else {
            self.inlet.offer(Route::Destination, payload.into());
        }
    }

    fn deliver_shard(&self, channel: &[u8], payload: Vec<u8>) {
        let Some(tag) = Tag::find(channel) else {
            return;
        };
        if !self.shared.owners.is(tag, self.link) {
            return;
        }
        let brace = channel.iter().position(|b| *b == b'}');
        let name = brace.map_or(channel, |brace| &channel[brace + 1..]);
        if name == b"all" {
            self.inlet.offer(Route::Everything, payload.into());
        } else if name.starts_with(b"echo:") {
            self.hear(&payload);
        } else {
            self.deliver(channel, payload);
        }
    }

    fn hear(&self, payload: &[u8]) {
        let number = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| text.parse().ok());
        self.pulse
            .echo
            .fetch_max(number.unwrap_or(0), Ordering::Relaxed);
    }

    /// An answer to a command that leaves the channel, or a word that it is on another server now.
    fn left(&self, channel: &[u8]) {
        if lock(&self.pulse.leaving).remove(channel) {
            return;
        }
        if self.pulse.is_busy.load(Ordering::Acquire) {
            self.pulse.is_tangled.store(true, Ordering::Release);
        }
        if let Some(tag) = Tag::find(channel) {
            lock(&self.pulse.gone).insert(tag);
        }
        self.pulse.news.notify_one();
    }
}
