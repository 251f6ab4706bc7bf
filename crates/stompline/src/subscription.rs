//! One live subscription of one session.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use stompline_proto::{AckMode, SubscriptionId, Unacked, write_header};
use stompline_sockjs::{Form, Outbox, Overflow, Push, json};

use crate::{close::CloseReason, delivery::Delivery, render::Rendering, session::Session};

/// Most deliveries of one subscription that wait for their ACK; a client that falls further behind is closed.
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
    /// The text of the `subscription` header, shared with the session's table.
    id: Arc<str>,
    label: Label,
    unacked: Option<Box<Mutex<Unacked>>>,
}

/// How the `subscription` header is written.
#[derive(Clone, Copy)]
enum Label {
    /// There is none: STOMP 1.0, subscribed without an id.
    None,
    /// The id as it is, in every form and version.
    Plain,
    /// With escapes: clients that choose such ids pay for them.
    Escaped,
}

impl Label {
    fn of(id: &SubscriptionId) -> Self {
        let is_plain =
            |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b':' | b'"' | b'\\');
        match id.is_implicit() {
            true => Self::None,
            false if id.as_str().bytes().all(is_plain) => Self::Plain,
            false => Self::Escaped,
        }
    }
}

impl Subscription {
    pub(crate) fn new(
        session: &Arc<Session>,
        id: &SubscriptionId,
        destination: Arc<str>,
        ack: AckMode,
        overflow: Overflow,
    ) -> Arc<Self> {
        Arc::new(Self {
            session: Arc::clone(session),
            destination,
            ack,
            overflow,
            live: AtomicBool::new(true),
            place: AtomicU32::new(0),
            id: Arc::clone(id.shared()),
            label: Label::of(id),
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

    /// Whether what waits for it may make room for something newer.
    pub(crate) fn may_be_dropped(&self) -> bool {
        self.overflow == Overflow::DropOldest
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
        let mut unacknowledged = false;
        let push = outbox.push_with(self.overflow, |number| {
            if !self.live.load(Ordering::Relaxed) {
                return None;
            }
            unacknowledged = self.expect_ack(number).is_err();
            (!unacknowledged).then(|| Delivery::Message {
                subscription: Arc::clone(self),
                number,
                tail: Arc::clone(&tail),
            })
        });
        if unacknowledged {
            self.session.end(CloseReason::Unacknowledged);
            return Push::Full;
        }
        if push == Push::Full {
            self.session.end(CloseReason::SlowConsumer);
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

    /// Octets that [`write_head`](Self::write_head) appends.
    pub(crate) fn head_len(&self, number: u64, form: Form) -> usize {
        let newline = newline(form).len();
        let id = self.session.id_bytes().len() + 1 + decimal_len(number) + newline;
        let label = match self.label {
            Label::None => 0,
            Label::Plain => "subscription:".len() + self.id.len() + newline,
            Label::Escaped => self.escaped_label(form).len(),
        };
        let ack = if self.ack == AckMode::Auto {
            0
        } else {
            "ack:".len() + id
        };
        "MESSAGE".len() + newline + label + "message-id:".len() + id + ack
    }

    /// Appends the command and the headers that are this delivery's own.
    pub(crate) fn write_head(&self, number: u64, form: Form, out: &mut Vec<u8>) {
        if form == Form::Plain && self.is_simple() {
            return self.write_simple_head(number, out);
        }
        let newline = newline(form);
        out.extend_from_slice(b"MESSAGE");
        out.extend_from_slice(newline);
        match self.label {
            Label::None => {}
            Label::Plain => {
                out.extend_from_slice(b"subscription:");
                out.extend_from_slice(self.id.as_bytes());
                out.extend_from_slice(newline);
            }
            Label::Escaped => out.extend_from_slice(&self.escaped_label(form)),
        }
        out.extend_from_slice(b"message-id:");
        self.write_id(number, newline, out);
        if self.ack != AckMode::Auto {
            out.extend_from_slice(b"ack:");
            self.write_id(number, newline, out);
        }
    }

    /// Whether it is like almost all: an ordinary id, no acknowledgement.
    fn is_simple(&self) -> bool {
        matches!(self.label, Label::Plain) && self.ack == AckMode::Auto
    }

    fn write_simple_head(&self, number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(b"MESSAGE\nsubscription:");
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(self.session.id_line());
        write_decimal(number, out);
        out.push(b'\n');
    }

    fn write_id(&self, number: u64, newline: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.session.id_bytes());
        out.push(b'-');
        write_decimal(number, out);
        out.extend_from_slice(newline);
    }

    fn escaped_label(&self, form: Form) -> Vec<u8> {
        let mut plain = Vec::new();
        write_header(&mut plain, self.session.version(), "subscription", &self.id);
        if form == Form::Plain {
            return plain;
        }
        let mut escaped = Vec::new();
        json::escape(&plain, &mut escaped);
        escaped
    }

    fn expect_ack(&self, number: u64) -> Result<(), stompline_proto::Full> {
        let Some(unacked) = &self.unacked else {
            return Ok(());
        };
        let mut unacked = unacked.lock().unwrap_or_else(PoisonError::into_inner);
        match self.overflow {
            Overflow::Refuse => unacked.push(number),
            Overflow::DropOldest | Overflow::Conflate => {
                unacked.push_newest(number);
                Ok(())
            }
        }
    }
}

fn newline(form: Form) -> &'static [u8] {
    match form {
        Form::Plain => b"\n",
        Form::Escaped => b"\\n",
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
