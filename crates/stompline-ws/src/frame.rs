//! Frame headers (RFC 6455 §5.2).

use crate::{Error, Role};

/// The longest payload of a control frame in bytes (§5.5).
pub(crate) const CONTROL_BYTES_MAX: usize = 125;

/// Two bytes, a 64-bit length and a masking key.
pub(crate) const HEADER_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASK: u8 = 0x80;
/// In place of a length: it follows in 16 bits.
const LEN_16: u8 = 0x7e;
/// In place of a length: it follows in 64 bits.
const LEN_64: u8 = 0x7f;

/// What a frame is (§5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of a text or binary message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The sender sends nothing more.
    Close = 0x8,
    /// Asks for a Pong.
    Ping = 0x9,
    /// Answers a Ping, or says unasked that the sender lives.
    Pong = 0xa,
}

impl Opcode {
    /// Whether this is Close, Ping or Pong (§5.5).
    pub const fn is_control(self) -> bool {
        self as u8 >= 0x8
    }

    fn parse(first: u8) -> Result<Self, Error> {
        match first & 0x0f {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xa => Ok(Self::Pong),
            reserved => Err(Error::ReservedOpcode(reserved)),
        }
    }
}

/// A header up to its length; the masking key, if the role wants one, follows behind `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    pub(crate) len: u64,
    /// Bytes of the header itself, without the masking key.
    pub(crate) size: usize,
}

impl Header {
    /// Reads a header from the beginning of `bytes`; `None` when the length is not complete. Each
    /// byte is judged as soon as it is there, so that a bad beginning is refused at once.
    #[expect(
        clippy::inline_always,
        reason = "on the path of `Decoder::parse_header`"
    )]
    #[inline(always)]
    pub(crate) fn parse(bytes: &[u8], role: Role) -> Result<Option<Self>, Error> {
        let [first, rest @ ..] = bytes else {
            return Ok(None);
        };
        // An agreed extension would allow its own bits here: RSV1 on the first frame of a
        // message means permessage-deflate (RFC 7692 §6). None is agreed yet.
        if first & RESERVED != 0 {
            return Err(Error::ReservedBits(first & RESERVED));
        }
        let opcode = Opcode::parse(*first)?;
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(Error::FragmentedControl);
        }
        let [second, extended @ ..] = rest else {
            return Ok(None);
        };
        check_mask(*second & MASK != 0, role)?;
        let short = second & !MASK;
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
            return Err(Error::ControlTooLong);
        }
        if opcode == Opcode::Close && short == 1 {
            return Err(Error::CloseLength);
        }
        Ok(parse_len(short, extended)?.map(|(len, size)| Self {
            opcode,
            fin,
            len,
            size,
        }))
    }
}

fn check_mask(masked: bool, role: Role) -> Result<(), Error> {
    match (role, masked) {
        (Role::Server, false) => Err(Error::UnmaskedFrame),
        (Role::Client, true) => Err(Error::MaskedFrame),
        _ => Ok(()),
    }
}

/// The payload length and the size of the header so far; `None` when bytes are missing.
fn parse_len(short: u8, extended: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    let (len, size, least) = match short {
        LEN_16 => match extended.first_chunk() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4, 126),
            None => return Ok(None),
        },
        LEN_64 => match extended.first_chunk() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 10, 1 << 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 2, 0),
    };
    if len >> 63 != 0 {
        return Err(Error::LengthTopBit);
    }
    if len < least {
        return Err(Error::LengthNotMinimal(len));
    }
    Ok(Some((len, size)))
}

/// Bytes of a server's frame header for a payload of `len` bytes: 2, 4 or 10. A client's header
/// has 4 more for the masking key.
pub const fn header_len(len: usize) -> usize {
    match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Appends a header with FIN set; `mask` is the mask bit or 0.
pub(crate) fn write(out: &mut Vec<u8>, opcode: Opcode, mask: bool, len: usize) {
    debug_assert!(
        !opcode.is_control() || len <= CONTROL_BYTES_MAX,
        "a control frame carries at most 125 bytes"
    );
    let first = FIN | opcode as u8;
    let mask = if mask { MASK } else { 0 };
    match u16::try_from(len) {
        Ok(len @ 0..=125) => out.extend_from_slice(&[first, mask | len.to_be_bytes()[1]]),
        Ok(len) => {
            let [high, low] = len.to_be_bytes();
            out.extend_from_slice(&[first, mask | LEN_16, high, low]);
        }
        Err(_) => {
            let mut header = [0; 10];
            header[..2].copy_from_slice(&[first, mask | LEN_64]);
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            out.extend_from_slice(&header);
        }
    }
}
