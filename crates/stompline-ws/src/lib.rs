//! WebSocket frames (RFC 6455), server and client side, without I/O.

mod close;
mod decoder;
mod encoder;
mod error;
mod event;
mod frame;
pub mod handshake;
mod limit;
mod mask;

pub use close::{Close, CloseCode};
pub use decoder::{Decoder, Role};
pub use encoder::{
    write_close, write_close_reply, write_header, write_masked, write_masked_close, write_ping,
    write_pong,
};
pub use error::Error;
pub use event::{Event, Payload};
pub use frame::{Opcode, header_len};
pub use limit::Limits;
pub use mask::Masker;
