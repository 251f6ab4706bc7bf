//! What all listeners of a run count together, and each for itself.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::room::Room;
use crate::receipt::{latencies, record};
use crate::report::Point;
use crate::sequence::Sequence;
use crate::template::{is_last, number_of};

/// The length of one part of the series.
pub(super) const PART: Duration = Duration::from_millis(100);

/// Counts of the measured stretch.
#[derive(Debug)]
pub(super) struct Tally {
    start: Instant,
    /// Messages sent from then on count, since the start of the run; none while it is `None`.
    since: Cell<Option<Duration>>,
    pub deliveries: Cell<u64>,
    pub latency: RefCell<Histogram<u64>>,
    /// Latencies by when the message was sent, if they are wanted.
    parts: Option<RefCell<Vec<Histogram<u64>>>>,
    pub stopping: Cell<bool>,
}

/// One subscriber.
#[derive(Debug)]
pub(super) struct Listener {
    pub room: Rc<Room>,
    tally: Rc<Tally>,
    pub sequence: RefCell<Sequence>,
    /// Whether its latency counts, and others wait for it.
    counts: bool,
    /// The last message has come.
    pub over: Cell<bool>,
}

impl Tally {
    pub(super) fn new(start: Instant, series: bool) -> Self {
        Self {
            start,
            since: Cell::new(None),
            deliveries: Cell::new(0),
            latency: RefCell::new(latencies()),
            parts: series.then(RefCell::default),
            stopping: Cell::new(false),
        }
    }

    /// Begins to measure.
    pub(super) fn begin(&self) {
        self.since.set(Some(self.start.elapsed()));
    }

    /// Measures no more.
    pub(super) fn end(&self) {
        self.since.set(None);
    }

    /// The series so far.
    pub(super) fn points(&self) -> Vec<Point> {
        let Some(parts) = &self.parts else {
            return Vec::new();
        };
        let mut at = Duration::ZERO;
        parts
            .borrow()
            .iter()
            .map(|part| {
                at += PART;
                Point::new(at, part)
            })
            .collect()
    }

    fn count(&self, sent: Duration, took: Duration) {
        let Some(since) = self.since.get() else {
            return;
        };
        self.deliveries.set(self.deliveries.get() + 1);
        let Some(after) = sent.checked_sub(since) else {
            return;
        };
        record(&mut self.latency.borrow_mut(), took);
        if let Some(parts) = &self.parts {
            let place = usize::try_from(after.as_micros() / PART.as_micros()).unwrap_or(0);
            let mut parts = parts.borrow_mut();
            while parts.len() <= place {
                parts.push(latencies());
            }
            record(&mut parts[place], took);
        }
    }
}

impl Listener {
    pub(super) fn new(room: Rc<Room>, tally: Rc<Tally>) -> Self {
        Self {
            room,
            tally,
            sequence: RefCell::default(),
            counts: true,
            over: Cell::new(false),
        }
    }

    /// One that reads only now and then: what it gets is checked, but when is its own affair.
    pub(super) fn apart(room: Rc<Room>, tally: Rc<Tally>) -> Self {
        Self {
            counts: false,
            ..Self::new(room, tally)
        }
    }

    /// A body came at `now`.
    pub(super) fn hear(&self, body: &[u8], now: Instant) {
        let number = number_of(body);
        self.sequence.borrow_mut().arrive(number);
        let arrived = number
            .filter(|_| self.counts)
            .and_then(|number| self.room.arrive(number, now));
        if let Some((sent, took)) = arrived {
            self.tally.count(sent, took);
        }
        if is_last(body) {
            self.over.set(true);
        }
    }
}
