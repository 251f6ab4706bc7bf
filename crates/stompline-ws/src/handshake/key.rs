//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`.

use std::io;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest as _, Sha1};

/// Fixed by RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const KEY_BYTES: usize = 16;

/// Four bits of the last letter carry nothing; clients that make up the text letter by letter
/// leave them set, and the server never uses the decoded bytes.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
pub fn accept_key(sec_websocket_key: &str) -> String {
    let mut digest = Sha1::new();
    digest.update(sec_websocket_key.as_bytes());
    digest.update(GUID.as_bytes());
    STANDARD.encode(digest.finalize())
}

/// Whether a `Sec-WebSocket-Key`, without blanks around it, is Base64 of 16 bytes as RFC 6455
/// §4.2.1 asks of clients. A server answers 400 otherwise.
pub fn is_valid_key(sec_websocket_key: &str) -> bool {
    // Two bytes of slack: the decoder wants room for whole groups of three.
    let mut bytes = [0; KEY_BYTES + 2];
    sec_websocket_key.len() == 24
        && LENIENT.decode_slice(sec_websocket_key, &mut bytes) == Ok(KEY_BYTES)
}

/// A fresh random `Sec-WebSocket-Key` for a client (§4.1). Fails only when the system has no
/// randomness to give.
pub fn new_key() -> io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(STANDARD.encode(bytes))
}
