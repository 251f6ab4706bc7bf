//! The part of an outbox that its lock guards. Nothing here waits or writes.

use std::{
    collections::VecDeque,
    task::Waker,
    time::{Duration, Instant},
};

use stompline_ws::Opcode;

use super::{Framing, TURN_BYTES};
use crate::{
    close::Close,
    now,
    outgoing::{Form, Outgoing, Overflow},
};

/// What a queued message costs besides its bytes: its place in the queue.
const ENTRY_BYTES: usize = 48;

/// Most senders that wait for one outbox to be relieved; more are let through at once.
const RELIEF_WAITERS_MAX: usize = 1024;

#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts, each with its own name"
)]
pub(super) struct State<M> {
    framing: Framing,
    /// See [`Settings::outbox_bytes_max`](crate::Settings::outbox_bytes_max).
    bytes_max: usize,
    queue: VecDeque<M>,
    /// Finished frames that go between messages.
    pub(super) control: Vec<u8>,
    /// Bytes of all queued messages, with framing and [`ENTRY_BYTES`] each.
    pub(super) bytes: usize,
    /// Bytes of the first message that the socket has taken already.
    partial: usize,
    /// Messages at the front that the present flusher is writing.
    in_flight: u32,
    /// Messages ever queued.
    pub(super) number: u64,
    pub(super) closing: Option<Box<Close>>,
    /// The close is told by the WebSocket alone, without a frame of SockJS: to a peer that has closed itself, or broken the protocol
    /// (SockJS protocol, "WebSocket protocols").
    pub(super) closes_below: bool,
    #[allow(
        clippy::box_collection,
        reason = "one word in each outbox, and rarely there"
    )]
    relief: Option<Box<Vec<Waker>>>,
    pub(super) last_write: Instant,
    /// How long before `last_write` bytes of a message were written. A second moment would cost every connection four times as much.
    message_lag_ms: u32,
    pub(super) flushing: bool,
    pub(super) scheduled: bool,
    pub(super) blocked: bool,
    pub(super) close_written: bool,
    pub(super) broken: bool,
}

impl<M: Outgoing> State<M> {
    pub(super) fn new(framing: Framing, bytes_max: usize) -> Self {
        Self {
            framing,
            bytes_max,
            queue: VecDeque::new(),
            control: Vec::new(),
            bytes: 0,
            partial: 0,
            in_flight: 0,
            number: 0,
            closing: None,
            closes_below: false,
            relief: None,
            last_write: now(),
            message_lag_ms: 0,
            flushing: false,
            scheduled: false,
            blocked: false,
            close_written: false,
            broken: false,
        }
    }

    /// Queues `message` if there is room or room can be made.
    pub(super) fn append(&mut self, message: M, overflow: Overflow) -> bool {
        let cost = self.cost(&message);
        if overflow == Overflow::Conflate
            && self.bytes + cost > self.bytes_max / 2
            && let Some(at) = self.position_replaced_by(&message)
        {
            let rest = self.bytes - self.cost(&self.queue[at]);
            if rest > 0 && rest + cost > self.bytes_max {
                return false;
            }
            self.bytes = rest + cost;
            self.queue[at] = message;
            return true;
        }
        if self.bytes + cost > self.bytes_max && overflow == Overflow::DropOldest {
            self.drop_oldest(cost);
        }
        // A message larger than the whole outbox may still go out alone: the frame limit bounds it.
        if self.bytes + cost > self.bytes_max && !self.queue.is_empty() {
            return false;
        }
        if self.bytes == 0 {
            self.note_progress(false);
        }
        self.bytes += cost;
        self.queue.push_back(message);
        true
    }

    /// Whether senders should slow down.
    pub(super) fn is_over_half(&self) -> bool {
        self.bytes > self.bytes_max / 2
    }

    /// Drops what waits, except what is being written.
    pub(super) fn discard(&mut self) {
        self.queue.truncate(self.untouchable());
        self.bytes = self.queue.iter().map(|message| self.cost(message)).sum();
    }

    pub(super) fn close(&mut self, close: Close) -> bool {
        let first = self.closing.is_none();
        if first {
            self.closing = Some(Box::new(close));
        }
        first
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some() || self.broken
    }

    pub(super) fn has_output(&self) -> bool {
        !self.queue.is_empty()
            || !self.control.is_empty()
            || self.closing.is_some() && !self.close_written
    }

    pub(super) fn wait_for_relief(&mut self, waker: &Waker) {
        let waiting = self.relief.get_or_insert_default();
        if waiting.iter().any(|known| known.will_wake(waker)) {
            return;
        }
        if waiting.len() < RELIEF_WAITERS_MAX {
            waiting.push(waker.clone());
        } else {
            waker.wake_by_ref();
        }
    }

    /// Once everything before it has been taken, the close frame is the last thing written.
    pub(super) fn write_close_if_drained(&mut self) {
        if self.close_written || !self.queue.is_empty() {
            return;
        }
        if let Some(close) = &self.closing {
            let framing = if self.closes_below {
                Framing::Plain
            } else {
                self.framing
            };
            close.write(framing, &mut self.control);
            self.close_written = true;
        }
    }

    /// Renders what comes next: the rest of a partly written message, control frames, then whole messages up to one turn's share.
    /// Returns how many of the bytes are control frames.
    pub(super) fn render(&mut self, buffer: &mut Vec<u8>) -> usize {
        let mut messages = self.queue.iter();
        if self.partial > 0
            && let Some(first) = messages.next()
        {
            write_message(first, self.framing, buffer);
            buffer.drain(..self.partial);
        }
        buffer.extend_from_slice(&self.control);
        let control = self.control.len();
        let mut in_flight = u32::from(self.partial > 0);
        for message in messages {
            if !buffer.is_empty() && buffer.len() + wire_len(message, self.framing) > TURN_BYTES {
                break;
            }
            write_message(message, self.framing, buffer);
            in_flight += 1;
        }
        self.in_flight = in_flight;
        control
    }

    /// Accounts for `written` bytes of what [`render`](Self::render) made.
    pub(super) fn settle(&mut self, mut written: usize, control: usize) {
        self.in_flight = 0;
        if written == 0 || self.broken {
            return;
        }
        self.note_progress(self.partial > 0 || written > control);
        if self.partial > 0 {
            written = self.settle_front(written);
            if self.partial > 0 {
                return;
            }
        }
        let control = control.min(written).min(self.control.len());
        self.control.drain(..control);
        written -= control;
        while written > 0 && !self.queue.is_empty() {
            written = self.settle_front(written);
        }
        self.release();
    }

    /// Moves what waits into one `a` frame: at least one message, and no more once the frame has `bytes_max` bytes. `false` if nothing
    /// waits.
    pub(super) fn take_messages(&mut self, bytes_max: usize, frame: &mut Vec<u8>) -> bool {
        let mut separator: &[u8] = b"a[\"";
        let begin = frame.len();
        frame.reserve(self.bytes.min(bytes_max) + r#"a[""]"#.len());
        while let Some(message) = self.queue.front() {
            let len = message.len(Form::Escaped);
            let taken = frame.len() - begin;
            if taken > 0 && taken + len + r#"","""#.len() > bytes_max {
                break;
            }
            frame.extend_from_slice(separator);
            message.write(Form::Escaped, frame);
            separator = b"\",\"";
            let cost = self.cost(message);
            self.bytes -= cost;
            self.queue.pop_front();
        }
        if frame.len() == begin {
            return false;
        }
        frame.extend_from_slice(b"\"]");
        self.note_progress(true);
        self.release();
        true
    }

    /// The peer has come to take what waits: its time begins now.
    pub(super) fn expect_progress(&mut self) {
        if self.has_output() {
            self.note_progress(false);
        }
    }

    /// When the socket last took bytes of a message.
    pub(super) fn last_message(&self) -> Instant {
        let lag = Duration::from_millis(self.message_lag_ms.into());
        self.last_write.checked_sub(lag).unwrap_or(self.last_write)
    }

    fn note_progress(&mut self, is_message: bool) {
        let now = now();
        self.message_lag_ms = if is_message {
            0
        } else {
            let more = now.saturating_duration_since(self.last_write).as_millis();
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.message_lag_ms.saturating_add(more)
        };
        self.last_write = now;
    }

    /// Takes `written` bytes off the first message; returns what is left of them.
    fn settle_front(&mut self, written: usize) -> usize {
        let Some(front) = self.queue.front() else {
            return 0;
        };
        let len = wire_len(front, self.framing);
        if self.partial + written < len {
            self.partial += written;
            return 0;
        }
        let left = written - (len - self.partial);
        self.partial = 0;
        self.bytes -= len + ENTRY_BYTES;
        self.queue.pop_front();
        left
    }

    /// An idle connection keeps no buffers.
    fn release(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
        if self.control.is_empty() && self.control.capacity() > 0 {
            self.control = Vec::new();
        }
    }

    /// What `message` counts while it waits.
    fn cost(&self, message: &M) -> usize {
        wire_len(message, self.framing) + ENTRY_BYTES
    }

    fn untouchable(&self) -> usize {
        (self.in_flight as usize).max(usize::from(self.partial > 0))
    }

    fn position_replaced_by(&self, newer: &M) -> Option<usize> {
        let from = self.untouchable();
        self.queue
            .iter()
            .skip(from)
            .position(|m| m.is_replaced_by(newer))
            .map(|at| at + from)
    }

    fn drop_oldest(&mut self, cost: usize) {
        let mut at = self.untouchable();
        while self.bytes + cost > self.bytes_max && at < self.queue.len() {
            if self.queue[at].is_droppable() {
                self.bytes -= self.cost(&self.queue[at]);
                self.queue.remove(at);
            } else {
                at += 1;
            }
        }
    }
}

impl<M> State<M> {
    pub(super) fn end(&mut self) -> Vec<Waker> {
        self.broken = true;
        self.blocked = false;
        self.queue = VecDeque::new();
        self.control = Vec::new();
        self.bytes = 0;
        self.partial = 0;
        self.relieve()
    }

    pub(super) fn relieve(&mut self) -> Vec<Waker> {
        self.relief.take().map_or_else(Vec::new, |waiting| *waiting)
    }
}

fn write_message<M: Outgoing>(message: &M, framing: Framing, buffer: &mut Vec<u8>) {
    match framing {
        Framing::Plain => {
            let opcode = if message.is_text() {
                Opcode::Text
            } else {
                Opcode::Binary
            };
            stompline_ws::write_header(buffer, opcode, message.len(Form::Plain));
            message.write(Form::Plain, buffer);
        }
        Framing::SockJs => {
            let len = message.len(Form::Escaped) + r#"a[""]"#.len();
            stompline_ws::write_header(buffer, Opcode::Text, len);
            buffer.extend_from_slice(br#"a[""#);
            message.write(Form::Escaped, buffer);
            buffer.extend_from_slice(br#""]"#);
        }
    }
}

/// Length in bytes of a message with its WebSocket and SockJS framing.
fn wire_len<M: Outgoing>(message: &M, framing: Framing) -> usize {
    let payload = match framing {
        Framing::Plain => message.len(Form::Plain),
        Framing::SockJs => message.len(Form::Escaped) + r#"a[""]"#.len(),
    };
    stompline_ws::header_len(payload) + payload
}

#[cfg(test)]
mod tests {
    use super::{Framing, State};
    use crate::outgoing::{Form, Outgoing, Overflow};

    /// A message of so many bytes under a key.
    struct Keyed(u32, usize);

    impl Outgoing for Keyed {
        fn len(&self, _: Form) -> usize {
            self.1
        }

        fn write(&self, _: Form, out: &mut Vec<u8>) {
            out.resize(out.len() + self.1, b'x');
        }

        fn is_text(&self) -> bool {
            true
        }

        fn is_replaced_by(&self, newer: &Self) -> bool {
            self.0 == newer.0
        }
    }

    #[test]
    fn newer_messages_of_a_key_keep_the_bound() {
        let bytes_max = 10_000;
        let mut state = State::new(Framing::Plain, bytes_max);
        let mut key = 0;
        while !state.is_over_half() {
            assert!(state.append(Keyed(key, 10), Overflow::Conflate));
            key += 1;
        }
        let all = |state: &mut State<Keyed>, bytes| {
            (0..key).all(|key| state.append(Keyed(key, bytes), Overflow::Conflate))
        };
        assert!(
            all(&mut state, 20),
            "there is room for slightly larger ones"
        );
        assert!(!all(&mut state, 1_000), "but not for so many large ones");
        assert!(state.bytes <= bytes_max, "{} bytes", state.bytes);
    }
}
