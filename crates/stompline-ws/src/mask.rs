//! Masking (RFC 6455 §5.3).

use std::io;

/// Bytes of randomness drawn from the system at once: enough for 64 frames a system call.
const POOL_BYTES: usize = 256;

/// Set in a byte that is not ASCII, eight times.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A masking key as a number whose lowest byte comes first, so that a whole word of payload is
/// masked at once. The zero key changes nothing and stands for "not masked".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u32);

impl Key {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    /// XORs `bytes` with this key over and over, in place; masking and unmasking are the same.
    /// Says whether the outcome is all ASCII, which costs next to nothing in this pass.
    pub(crate) fn apply(self, bytes: &mut [u8]) -> bool {
        let word = u64::from(self.0) << 32 | u64::from(self.0);
        let mut seen = 0;
        let (words, rest) = bytes.as_chunks_mut();
        for chunk in words {
            let plain = u64::from_le_bytes(*chunk) ^ word;
            seen |= plain;
            *chunk = plain.to_le_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(word.to_le_bytes()) {
            *byte ^= key;
            seen |= u64::from(*byte);
        }
        seen & HIGH_BITS == 0
    }

    /// The key for what follows `consumed` bytes of a payload.
    pub(crate) const fn after(self, consumed: usize) -> Self {
        match consumed % 4 {
            0 => self,
            1 => Self(self.0.rotate_right(8)),
            2 => Self(self.0.rotate_right(16)),
            _ => Self(self.0.rotate_right(24)),
        }
    }
}

/// Fresh masking keys for a client.
///
/// A page must not be able to foresee the bytes on the wire, or it could plant requests in the
/// caches of proxies (RFC 6455 §10.3). So keys come from the system's generator, 64 at a time
/// because a system call costs more than a small frame.
pub struct Masker {
    pool: [u8; POOL_BYTES],
    used: usize,
}

impl Masker {
    /// A masker that draws its first keys when the first is asked for.
    pub const fn new() -> Self {
        Self {
            pool: [0; POOL_BYTES],
            used: POOL_BYTES,
        }
    }

    /// The next key. Fails only when the system has no randomness to give.
    pub fn key(&mut self) -> io::Result<[u8; 4]> {
        if self.used == POOL_BYTES {
            getrandom::fill(&mut self.pool).map_err(io::Error::other)?;
            self.used = 0;
        }
        let mut key = [0; 4];
        key.copy_from_slice(&self.pool[self.used..self.used + 4]);
        self.used += 4;
        Ok(key)
    }
}

impl Default for Masker {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    const BYTES: [u8; 4] = [0x9a, 0x01, 0xff, 0x70];

    #[test]
    fn words_are_masked_like_bytes() {
        for start in 0..9 {
            for len in 0..80 {
                let plain: Vec<u8> = (0..=255).cycle().skip(7).take(start + len).collect();
                let mut masked = plain.clone();
                Key::new(BYTES).apply(&mut masked[start..]);
                assert_eq!(masked[..start], plain[..start]);
                for (place, byte) in masked[start..].iter().enumerate() {
                    assert_eq!(*byte, plain[start + place] ^ BYTES[place % 4]);
                }
            }
        }
    }

    #[test]
    fn key_goes_on_behind_a_cut() {
        let plain = [5; 40];
        let mut whole = plain;
        Key::new(BYTES).apply(&mut whole);
        for place in 0..40 {
            let mut cut = plain;
            let (front, back) = cut.split_at_mut(place);
            Key::new(BYTES).apply(front);
            Key::new(BYTES).after(place).apply(back);
            assert_eq!(cut, whole, "cut at {place}");
        }
    }

    #[test]
    fn one_byte_ends_ascii() {
        for len in 1..40 {
            for place in 0..len {
                let mut bytes = vec![0x7f; len];
                Key::new(BYTES).apply(&mut bytes);
                assert!(Key::new(BYTES).apply(&mut bytes), "{len}");
                bytes[place] = 0x80;
                assert!(!Key::NONE.apply(&mut bytes), "{place} of {len}");
            }
        }
    }
}
