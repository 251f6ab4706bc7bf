//! Writing frames. Nothing is allocated beyond the growth of `out`.

use crate::frame::{self, CONTROL_BYTES_MAX, Opcode};
use crate::mask::Key;
use crate::{Close, CloseCode};

/// Appends the header of an unmasked, unfragmented frame with `len` payload bytes (RFC 6455
/// §5.2): what a server sends. The caller appends the payload, from wherever it lies.
///
/// # Panics
///
/// In debug builds, when `len` is over 125 for a control opcode (§5.5); [`write_ping`],
/// [`write_pong`] and [`write_close`] see to it.
pub fn write_header(out: &mut Vec<u8>, opcode: Opcode, len: usize) {
    frame::write(out, opcode, false, len);
}

/// Appends an unmasked Ping (§5.5.2). Of the payload only the first 125 bytes are sent, the most
/// that a control frame carries.
pub fn write_ping(out: &mut Vec<u8>, payload: &[u8]) {
    write_control(out, Opcode::Ping, payload);
}

/// Appends an unmasked Pong (§5.5.3); the payload of a received Ping goes back unchanged. Of a
/// longer payload only the first 125 bytes are sent.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write_control(out, Opcode::Pong, payload);
}

/// Appends an unmasked Close (§5.5.1). The reason is cut to 123 bytes, between characters.
///
/// A code that must not be sent (see [`CloseCode`]) gives a Close without code and reason, which
/// the peer reports as 1005.
pub fn write_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let Some(code) = CloseCode::new(code) else {
        return write_control(out, Opcode::Close, &[]);
    };
    let reason = cut(reason);
    frame::write(out, Opcode::Close, false, 2 + reason.len());
    out.extend_from_slice(&code.as_u16().to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a received Close (§5.5.1): the same code, or none if there was none. The
/// reason was the peer's and is not sent back.
pub fn write_close_reply(out: &mut Vec<u8>, received: Option<&Close>) {
    match received {
        Some(close) => write_close(out, close.code.as_u16(), ""),
        None => write_control(out, Opcode::Close, &[]),
    }
}

/// Appends a whole unfragmented frame masked with `key`: what a client sends (§5.3). Keys come
/// from a [`Masker`](crate::Masker).
///
/// # Panics
///
/// In debug builds, when the payload of a control opcode is over 125 bytes (§5.5);
/// [`write_masked_close`] sees to it.
pub fn write_masked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], key: [u8; 4]) {
    out.reserve(frame::HEADER_BYTES_MAX + payload.len());
    frame::write(out, opcode, true, payload.len());
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    Key::new(key).apply(&mut out[start..]);
}

/// Appends a masked Close: [`write_close`] for a client.
pub fn write_masked_close(out: &mut Vec<u8>, code: u16, reason: &str, key: [u8; 4]) {
    let Some(code) = CloseCode::new(code) else {
        return write_masked(out, Opcode::Close, &[], key);
    };
    let reason = cut(reason);
    let mut body = [0; CONTROL_BYTES_MAX];
    body[..2].copy_from_slice(&code.as_u16().to_be_bytes());
    body[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
    write_masked(out, Opcode::Close, &body[..2 + reason.len()], key);
}

fn write_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
    frame::write(out, opcode, false, payload.len());
    out.extend_from_slice(payload);
}

/// The longest beginning of `reason` that fits behind the code and splits no character.
fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)]
}
