//! How much a peer may send at once.

/// Upper bounds for what one peer may make the decoder hold. Both are checked against the length
/// that a header announces, before a byte of the payload is kept.
///
/// Zero is not special: it allows only empty payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of a whole message, all fragments together. This is also the most heap
    /// memory that the decoder holds for a message in progress.
    pub message_bytes_max: usize,
    /// Payload bytes of one data frame. Below `message_bytes_max` it forces senders to fragment;
    /// above, it has no effect. Control frames have their own limit of 125 bytes (RFC 6455 §5.5).
    pub frame_bytes_max: usize,
}

impl Default for Limits {
    /// 64 KiB for both. A message of that size holds any chat or command traffic, and 10,000
    /// connections that stop in the middle of one pin 640 MiB at worst. Browsers do not
    /// fragment what a page sends, so a frame may be as long as a message.
    fn default() -> Self {
        Self {
            message_bytes_max: 64 * 1024,
            frame_bytes_max: 64 * 1024,
        }
    }
}
