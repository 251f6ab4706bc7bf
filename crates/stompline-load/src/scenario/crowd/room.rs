//! One topic: what was sent to it, and who has yet to receive it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A topic with one publisher.
#[derive(Debug)]
pub(super) struct Room {
    pub topic: String,
    /// When each message was sent, since the start of the run.
    sent: RefCell<Vec<Duration>>,
    /// Listeners that the messages from `complete` on have yet to reach.
    missing: RefCell<VecDeque<u32>>,
    complete: Cell<u64>,
    listeners: u32,
    /// The most messages that a reader which reads now and then had before it.
    backlog: Cell<u64>,
    start: Instant,
    /// Some message has reached everybody, or the publisher is to stop.
    pub progress: Notify,
}

impl Room {
    pub(super) fn new(topic: String, listeners: u32, start: Instant) -> Self {
        Self {
            topic,
            sent: RefCell::default(),
            missing: RefCell::default(),
            complete: Cell::new(0),
            listeners,
            backlog: Cell::new(0),
            start,
            progress: Notify::new(),
        }
    }

    /// How many messages were sent.
    pub(super) fn sent(&self) -> u64 {
        u64::try_from(self.sent.borrow().len()).unwrap_or(u64::MAX)
    }

    pub(super) fn note_backlog(&self, messages: u64) {
        self.backlog.set(self.backlog.get().max(messages));
    }

    pub(super) fn backlog(&self) -> u64 {
        self.backlog.get()
    }

    /// How many have not reached everybody.
    pub(super) fn outstanding(&self) -> u64 {
        self.sent() - self.complete.get()
    }

    /// The number of the next message, which is sent now.
    pub(super) fn send(&self) -> u64 {
        let number = self.sent();
        self.sent.borrow_mut().push(self.start.elapsed());
        self.missing.borrow_mut().push_back(self.listeners);
        number
    }

    /// One listener received this message at `now`. Returns when it was sent, and how long it took;
    /// `None` if it was not.
    pub(super) fn arrive(&self, number: u64, now: Instant) -> Option<(Duration, Duration)> {
        let sent = *self.sent.borrow().get(usize::try_from(number).ok()?)?;
        let took = now
            .saturating_duration_since(self.start)
            .saturating_sub(sent);
        let mut missing = self.missing.borrow_mut();
        let place = number.checked_sub(self.complete.get());
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(count) = place.and_then(|place| missing.get_mut(place)) {
            *count = count.saturating_sub(1);
        }
        let before = self.complete.get();
        while missing.front() == Some(&0) {
            missing.pop_front();
            self.complete.set(self.complete.get() + 1);
        }
        if self.complete.get() > before {
            self.progress.notify_one();
        }
        Some((sent, took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_outstanding_until_all_have_it() {
        let now = Instant::now();
        let room = Room::new("/topic/a".to_owned(), 2, now);
        assert_eq!((room.send(), room.send()), (0, 1));
        let later = now + Duration::from_secs(1);
        for (number, outstanding) in [(0, 2), (1, 2), (1, 2), (0, 0)] {
            assert!(room.arrive(number, later).is_some());
            assert_eq!(room.outstanding(), outstanding, "after {number}");
        }
        assert_eq!(room.arrive(2, later), None);
    }
}
