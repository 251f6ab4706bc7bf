//! Messages that do not lie whole in the input.

use std::mem;

use crate::Error;
use crate::frame::Opcode;

/// The beginning of a message, put together from parts of frames. Without heap memory between
/// messages.
pub(super) struct Assembly {
    /// `Text` or `Binary`; `None` between messages.
    kind: Option<Opcode>,
    bytes: Vec<u8>,
    /// How many bytes at the end of a text are the beginning of a character, 3 at most.
    pending: u8,
}

impl Assembly {
    pub(super) const EMPTY: Self = Self {
        kind: None,
        bytes: Vec::new(),
        pending: 0,
    };

    pub(super) const fn kind(&self) -> Option<Opcode> {
        self.kind
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) const fn begin(&mut self, kind: Opcode) {
        self.kind = Some(kind);
    }

    /// Adds a part. Room is made by doubling what really came, but never more than `ceiling`,
    /// which is not under the length with this part.
    pub(super) fn append(&mut self, part: &[u8], ceiling: usize) {
        let len = self.bytes.len() + part.len();
        if len > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2);
            let room = doubled.clamp(len, ceiling);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
    }

    /// Checks the last `len` bytes of a text, which were just added. A character that is not
    /// complete waits, unless the message is `done`.
    pub(super) fn check(&mut self, len: usize, ascii: bool, done: bool) -> Result<(), Error> {
        if self.kind != Some(Opcode::Text) || ascii && self.pending == 0 {
            return Ok(());
        }
        let start = self.bytes.len() - len - usize::from(self.pending);
        let unchecked = &self.bytes[start..];
        self.pending = match simdutf8::compat::from_utf8(unchecked) {
            Ok(_) => 0,
            Err(fault) if done || fault.error_len().is_some() => return Err(Error::InvalidUtf8),
            Err(fault) => u8::try_from(unchecked.len() - fault.valid_up_to())
                .expect("the beginning of a character has at most 3 bytes"),
        };
        Ok(())
    }

    /// Hands out the message and forgets it.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        mem::replace(self, Self::EMPTY).bytes
    }
}
