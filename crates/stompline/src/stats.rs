//! Counters of one node, cheap enough for every message.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::cluster::Traffic;

/// Running totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) connections: AtomicU64,
    pub(crate) sessions: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) overflows: AtomicU64,
    pub(crate) rejections: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) undeliverable: AtomicU64,
}

/// The counters of a node at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Snapshot {
    /// Sessions that are connected now.
    pub sessions_open: u64,
    /// Users with at least one session now.
    pub users_online: u64,
    /// Destinations with at least one subscriber now.
    pub destinations: u64,
    /// Connections accepted since the start.
    pub connections: u64,
    /// Sessions that reached CONNECTED since the start.
    pub sessions: u64,
    /// Handshakes refused.
    pub refusals: u64,
    /// Frames received.
    pub frames: u64,
    /// Messages published.
    pub published: u64,
    /// Deliveries put into outboxes.
    pub deliveries: u64,
    /// Deliveries that found a full outbox.
    pub overflows: u64,
    /// Frames refused while the connection lived on.
    pub rejections: u64,
    /// ERROR frames sent.
    pub errors: u64,
    /// Sessions that missed a message because it was not text.
    pub undeliverable: u64,
}

impl Stats {
    pub(crate) fn snapshot(&self, sessions: usize, users: usize, destinations: usize) -> Snapshot {
        let now = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            sessions_open: now(sessions),
            users_online: now(users),
            destinations: now(destinations),
            connections: total(&self.connections),
            sessions: total(&self.sessions),
            refusals: total(&self.refusals),
            frames: total(&self.frames),
            published: total(&self.published),
            deliveries: total(&self.deliveries),
            overflows: total(&self.overflows),
            rejections: total(&self.rejections),
            errors: total(&self.errors),
            undeliverable: total(&self.undeliverable),
        }
    }
}

/// What crossed between this node and others since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterSnapshot {
    /// Interests of this node: destinations with a subscriber here.
    pub interests: u64,
    /// Envelopes sent.
    pub sent: u64,
    /// Envelopes of other nodes.
    pub received: u64,
    /// Envelopes dropped because this node was too far behind.
    pub dropped: u64,
    /// Messages that could not be handed to the cluster.
    pub unavailable: u64,
    /// Users looked up in the directory; other messages found their way in the cache.
    pub lookups: u64,
    /// Requests of SockJS sessions over HTTP that are on another node.
    pub relayed: u64,
    /// The time that received envelopes were on their way, in microseconds, all together.
    pub lag_us: u64,
    /// The longest such time.
    pub lag_us_max: u64,
}

impl ClusterSnapshot {
    pub(crate) fn new(traffic: &Traffic, interests: usize) -> Self {
        let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            interests: u64::try_from(interests).unwrap_or(u64::MAX),
            sent: total(&traffic.sent),
            received: total(&traffic.received),
            dropped: total(&traffic.dropped),
            unavailable: total(&traffic.unavailable),
            lookups: total(&traffic.lookups),
            relayed: total(&traffic.relayed),
            lag_us: total(&traffic.lag_us),
            lag_us_max: total(&traffic.lag_us_max),
        }
    }
}
