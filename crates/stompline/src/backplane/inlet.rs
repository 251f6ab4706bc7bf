//! Where a backplane puts what arrives: bounded, and never in its way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Envelopes that may wait to be delivered: a second's worth at a rate that no node of two cores delivers.
const ARRIVALS_MAX: usize = 65_536;

/// Bytes that may wait.
const ARRIVAL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How an envelope came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// By the interest in its destination.
    Destination,
    /// By the interest in everything.
    Everything,
    /// To the inbox, or to everyone.
    Direct,
}

pub(crate) struct Arrival {
    pub(crate) route: Route,
    pub(crate) envelope: Bytes,
}

/// The receiving end of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inlet {
    arrivals: mpsc::Sender<Arrival>,
    level: Arc<Level>,
}

#[derive(Debug, Default)]
struct Level {
    bytes: AtomicUsize,
    dropped: AtomicU64,
    /// Something was lost since the node last asked.
    lossy: AtomicBool,
}

impl Inlet {
    pub(crate) fn pair() -> (Self, Outlet) {
        let (arrivals, queue) = mpsc::channel(ARRIVALS_MAX);
        let level = Arc::new(Level::default());
        let outlet = Outlet {
            queue,
            level: Arc::clone(&level),
        };
        (Self { arrivals, level }, outlet)
    }

    /// Hands over an envelope without waiting. If the node is too far behind it is dropped and counted: whoever reads the link must
    /// never be held up. False if it was dropped.
    pub fn offer(&self, route: Route, envelope: Bytes) -> bool {
        let len = envelope.len();
        let fits = self.level.bytes.load(Ordering::Relaxed) + len <= ARRIVAL_BYTES_MAX;
        self.level.bytes.fetch_add(len, Ordering::Relaxed);
        if fits && self.arrivals.try_send(Arrival { route, envelope }).is_ok() {
            return true;
        }
        self.level.bytes.fetch_sub(len, Ordering::Relaxed);
        self.level.dropped.fetch_add(1, Ordering::Relaxed);
        self.note_loss();
        false
    }

    /// Says that something may have been missed, after a break of a link for example: what the node has cached about others is
    /// forgotten.
    pub fn note_loss(&self) {
        self.level.lossy.store(true, Ordering::Release);
    }
}

/// The node's end.
pub(crate) struct Outlet {
    queue: mpsc::Receiver<Arrival>,
    level: Arc<Level>,
}

impl Outlet {
    pub(crate) async fn next(&mut self) -> Option<Arrival> {
        let arrival = self.queue.recv().await?;
        self.level
            .bytes
            .fetch_sub(arrival.envelope.len(), Ordering::Relaxed);
        Some(arrival)
    }

    /// What has come already.
    pub(crate) fn next_ready(&mut self) -> Option<Arrival> {
        let arrival = self.queue.try_recv().ok()?;
        self.level
            .bytes
            .fetch_sub(arrival.envelope.len(), Ordering::Relaxed);
        Some(arrival)
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge(Arc::clone(&self.level))
    }
}

/// What is known about the losses of an inlet.
pub(crate) struct Gauge(Arc<Level>);

impl Gauge {
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Whether something was lost since the last call.
    pub(crate) fn take_loss(&self) -> bool {
        self.0.lossy.load(Ordering::Relaxed) && self.0.lossy.swap(false, Ordering::Acquire)
    }
}
