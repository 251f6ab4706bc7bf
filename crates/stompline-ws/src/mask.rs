//! Masking (RFC 6455 §5.3).

use std::io;

/// Bytes of randomness drawn from the system at once: enough for 64 frames a system call.
const POOL_BYTES: usize = 256;

/// XORs `bytes` with `key` over and over, in place. Masking and unmasking are the same.
pub(crate) fn apply(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        let plain = u64::from_ne_bytes([
            chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7],
        ]) ^ word;
        chunk.copy_from_slice(&plain.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// The key for what follows `consumed` bytes of a payload masked with `key`.
pub(crate) fn advance(mut key: [u8; 4], consumed: usize) -> [u8; 4] {
    key.rotate_left(consumed % 4);
    key
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
