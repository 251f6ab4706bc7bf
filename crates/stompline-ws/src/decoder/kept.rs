//! A few bytes that wait for those behind them.

/// The beginning of something that has at most `N` bytes, `N` under 256. Who pushes has seen to it
/// that no more come.
#[derive(Clone, Copy)]
pub(super) struct Kept<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Kept<N> {
    pub(super) const EMPTY: Self = Self {
        bytes: [0; N],
        len: 0,
    };

    pub(super) fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        let end = start + part.len();
        self.bytes[start..end].copy_from_slice(part);
        self.len = u8::try_from(end).expect("N is under 256");
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
