//! Why a peer's bytes were refused.

/// A fault in what the peer sent. The connection must be failed (RFC 6455 §7.1.7): send a Close
/// with [`close_code`](Self::close_code) and drop the TCP connection. Every variant is the
/// peer's fault; this crate has no errors of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// RSV bits are set and no extension that gives them a meaning was agreed (§5.2). The value
    /// holds the bits in place (`0x40` is RSV1).
    #[error("reserved bits {0:#04x} are set, but no extension was agreed")]
    ReservedBits(u8),
    /// Opcodes 3 to 7 and 11 to 15 mean nothing yet (§5.2).
    #[error("opcode {0:#x} is reserved; allowed are 0x0 to 0x2 and 0x8 to 0xa")]
    ReservedOpcode(u8),
    /// A client must mask every frame (§5.1).
    #[error("the client sent an unmasked frame; every client frame must be masked")]
    UnmaskedFrame,
    /// A server must not mask any frame (§5.1).
    #[error("the server sent a masked frame; no server frame may be masked")]
    MaskedFrame,
    /// Close, Ping and Pong come in one frame (§5.5).
    #[error("a control frame is fragmented; control frames must have FIN set")]
    FragmentedControl,
    /// Close, Ping and Pong carry at most 125 bytes (§5.5).
    #[error("a control frame announces more than 125 bytes")]
    ControlTooLong,
    /// The length was written in more bytes than it needs (§5.2).
    #[error("the payload length {0} is not written in the fewest bytes")]
    LengthNotMinimal(u64),
    /// The most significant bit of a 64-bit length must be 0 (§5.2).
    #[error("the 64-bit payload length has its top bit set")]
    LengthTopBit,
    /// A continuation frame came while no message was open (§5.4).
    #[error("a continuation frame came, but no fragmented message is open")]
    UnexpectedContinuation,
    /// A new data frame came before the fragmented message was finished (§5.4).
    #[error("a new data frame came inside a fragmented message; only continuations may")]
    UnfinishedMessage,
    /// A Close body is empty or starts with a code of two bytes (§5.5.1).
    #[error("a Close body has one byte; allowed are none, or two and a reason")]
    CloseLength,
    /// The code may not be sent in a Close (§7.4).
    #[error("close code {0} may not be sent; allowed are 1000-1003, 1007-1014 and 3000-4999")]
    CloseCode(u16),
    /// Text messages and close reasons are UTF-8 (§8.1).
    #[error("a text message or a close reason is not UTF-8")]
    InvalidUtf8,
    /// One frame announces more than [`Limits::frame_bytes_max`](crate::Limits::frame_bytes_max).
    #[error("a frame announces {len} bytes; allowed are {max}")]
    FrameTooBig {
        /// Payload bytes that the header announces.
        len: u64,
        /// The limit in bytes.
        max: usize,
    },
    /// All fragments together are more than
    /// [`Limits::message_bytes_max`](crate::Limits::message_bytes_max).
    #[error("a message grows to {len} bytes; allowed are {max}")]
    MessageTooBig {
        /// Bytes of the fragments so far and those that the refused header announces.
        len: u64,
        /// The limit in bytes.
        max: usize,
    },
}

impl Error {
    /// The close code to answer with (§7.4.1): 1007 for text that is not UTF-8, 1009 for what is
    /// over a limit, 1002 for everything else.
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::InvalidUtf8 => 1007,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => 1009,
            _ => 1002,
        }
    }
}
