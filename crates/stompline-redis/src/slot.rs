//! Slots of Redis Cluster: which of the 16,384 a key or a channel belongs to.

/// How many there are.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of `key`: a hash of what stands between its first `{` and the next `}`, or of the whole if there is nothing between them.
pub(crate) fn slot(key: &[u8]) -> u16 {
    crc16(hashed(key)) % SLOTS
}

fn hashed(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|b| *b == b'{') else {
        return key;
    };
    let inside = &key[open + 1..];
    match inside.iter().position(|b| *b == b'}') {
        Some(len) if len > 0 => &inside[..len],
        _ => key,
    }
}

/// CRC-16/XMODEM: polynomial 0x1021, nothing reflected, beginning with 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            let carried = crc & 0x8000 != 0;
            (crc << 1) ^ if carried { 0x1021 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // The check value of the checksum, and what CLUSTER KEYSLOT of Redis 7.0 says.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, expected) in [
            ("foo", 12_182),
            ("{d}", 11_298),
            ("stompline:{d}:nodes", 11_298),
            ("{}x", slot(b"{}x")),
            ("a{b}{c}", slot(b"b")),
            ("a{b", slot(b"a{b")),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_ne!(slot(b"{}x"), slot(b"{}y"), "an empty tag is none");
    }
}
