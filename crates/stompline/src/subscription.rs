//! One live subscription of one session.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use stompline_proto::{AckMode, SubscriptionId, Unacked, write_header};
use stompline_sockjs::{Form, Outbox, Overflow, Push, json};

use crate::{close::CloseReason, delivery::Delivery, render::Rendering, session::Session};

/// Most deliveries of one subscription that wait for their ACK; a client that falls further behind is too slow.
pub(crate) const UNACKED_MAX: usize = 1_000;

/// One live subscription. It is shared by its session, the registry and the deliveries under way.
pub(crate) struct Subscription {
    session: Arc<Session>,
    destination: Arc<str>,
    ack: AckMode,
    overflow: Overflow,
    /// Read and written under the outbox's lock, so that nothing is appended after UNSUBSCRIBE was confirmed.
    live: AtomicBool,
    /// The place in the registry's list, kept there so that leaving costs the same however long the list is.
    place: AtomicU32,
    /// `subscription` and the start of `message-id`, ready to be copied.
    head: Box<[u8]>,
    unacked: Option<Box<Mutex<Unacked>>>,
}

const COMMAND: &[u8] = b"MESSAGE\n";

impl Subscription {
    pub(crate) fn new(
        session: &Arc<Session>,
        id: &SubscriptionId,
        destination: Arc<str>,
        ack: AckMode,
        overflow: Overflow,
    ) -> Arc<Self> {
        let version = session.version();
        let mut head = Vec::with_capacity(80);
        head.extend_from_slice(COMMAND);
        if !id.is_implicit() {
            write_header(&mut head, version, "subscription", id.as_ref());
        }
        head.extend_from_slice(b"message-id:");
        head.extend_from_slice(session.id().as_bytes());
        head.push(b'-');
        Arc::new(Self {
            session: Arc::clone(session),
            destination,
            ack,
            overflow,
            live: AtomicBool::new(true),
            place: AtomicU32::new(0),
            head: head.into(),
            unacked: (ack != AckMode::Auto)
                .then(|| Box::new(Mutex::new(Unacked::new(UNACKED_MAX)))),
        })
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn destination(&self) -> &Arc<str> {
        &self.destination
    }

    pub(crate) fn ack(&self) -> AckMode {
        self.ack
    }

    /// Appends a delivery of `rendering` to the session's outbox, if the subscription is still live.
    pub(crate) fn deliver(self: &Arc<Self>, rendering: &Rendering<'_>) -> Push {
        let Some(tail) = rendering.tail_for(&self.session) else {
            return Push::Skipped;
        };
        let outbox = self.session.outbox();
        if outbox.form() == Form::Escaped && !tail.is_utf8() {
            self.session.note_undeliverable();
            return Push::Skipped;
        }
        let mut behind = false;
        let push = outbox.push_with(self.overflow, |number| {
            if !self.live.load(Ordering::Relaxed) {
                return None;
            }
            behind = self.expect_ack(number).is_err();
            (!behind).then(|| Delivery::Message {
                subscription: Arc::clone(self),
                number,
                tail: Arc::clone(&tail),
            })
        });
        if behind || push == Push::Full {
            self.session.end(CloseReason::SlowConsumer);
            return Push::Full;
        }
        push
    }

    /// Settles a delivery by its number. `None` if it does not wait for an ACK.
    pub(crate) fn settle(&self, number: u64) -> Option<usize> {
        let mut unacked = self
            .unacked
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unacked.settle(self.ack, number)
    }

    /// Ends it: after this returns nothing more is appended for it.
    pub(crate) fn end(&self) {
        self.session
            .outbox()
            .exclusively(|| self.live.store(false, Ordering::Relaxed));
    }

    pub(crate) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed) as usize
    }

    pub(crate) fn set_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(crate) fn head_len(&self, number: u64, form: Form) -> usize {
        let newline = if form == Form::Plain { 1 } else { 2 };
        let digits = decimal_len(number) + newline;
        let head = match form {
            Form::Plain => self.head.len(),
            Form::Escaped => json::escaped_len(&self.head),
        };
        let ack = if self.ack == AckMode::Auto {
            0
        } else {
            "ack:".len() + self.session.id().len() + 1 + digits
        };
        head + digits + ack
    }

    pub(crate) fn write_head(&self, number: u64, form: Form, out: &mut Vec<u8>) {
        let newline: &[u8] = if form == Form::Plain { b"\n" } else { b"\\n" };
        match form {
            Form::Plain => out.extend_from_slice(&self.head),
            Form::Escaped => json::escape(&self.head, out),
        }
        write_decimal(number, out);
        out.extend_from_slice(newline);
        if self.ack != AckMode::Auto {
            out.extend_from_slice(b"ack:");
            out.extend_from_slice(self.session.id().as_bytes());
            out.push(b'-');
            write_decimal(number, out);
            out.extend_from_slice(newline);
        }
    }

    fn expect_ack(&self, number: u64) -> Result<(), stompline_proto::Full> {
        match &self.unacked {
            Some(unacked) => unacked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(number),
            None => Ok(()),
        }
    }
}

fn decimal_len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn write_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The outbox type of this crate.
pub(crate) type SessionOutbox = Outbox<Delivery>;
