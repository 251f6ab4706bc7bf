//! WebSocket frames ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)), server and client side,
//! without I/O.
//!
//! Bytes go into a [`Decoder`], [`Event`]s come out; the `write_*` functions append frames to a
//! `Vec<u8>`. Sockets, timers and buffers belong to the caller. This is all that a server does
//! with what one read brought:
//!
//! ```
//! use stompline_ws::{Decoder, Event, Opcode};
//!
//! /// Answers every message with itself. What has to be sent is appended to `out`.
//! fn echo(decoder: &mut Decoder, mut input: &mut [u8], out: &mut Vec<u8>) {
//!     loop {
//!         match decoder.decode(&mut input) {
//!             Ok(None) => return, // Everything is consumed; read more.
//!             Ok(Some(Event::Text(text))) => {
//!                 stompline_ws::write_header(out, Opcode::Text, text.len());
//!                 out.extend_from_slice(&text);
//!             }
//!             Ok(Some(Event::Binary(bytes))) => {
//!                 stompline_ws::write_header(out, Opcode::Binary, bytes.len());
//!                 out.extend_from_slice(&bytes);
//!             }
//!             Ok(Some(Event::Ping(payload))) => stompline_ws::write_pong(out, &payload),
//!             Ok(Some(Event::Pong(_))) => {}
//!             Ok(Some(Event::Close(close))) => {
//!                 stompline_ws::write_close_reply(out, close.as_ref());
//!             }
//!             Err(error) => {
//!                 stompline_ws::write_close(out, error.close_code(), &error.to_string());
//!             }
//!         }
//!     }
//! }
//! #
//! # let mut decoder = Decoder::new(stompline_ws::Role::Server, stompline_ws::Limits::default());
//! # let (mut input, mut out) = (Vec::new(), Vec::new());
//! # stompline_ws::write_masked(&mut input, Opcode::Text, b"hi", [1, 2, 3, 4]);
//! # stompline_ws::write_masked(&mut input, Opcode::Ping, b"", [1, 2, 3, 4]);
//! # stompline_ws::write_masked_close(&mut input, 1000, "bye", [1, 2, 3, 4]);
//! # echo(&mut decoder, &mut input, &mut out);
//! # assert_eq!(out, b"\x81\x02hi\x8a\x00\x88\x02\x03\xe8");
//! # assert!(decoder.is_ended());
//! ```
//!
//! # What it promises
//!
//! - **An idle connection costs a [`Decoder`] and nothing else**: under 96 bytes and no heap
//!   memory. There is no input buffer; one buffer for each thread serves all its connections.
//! - **No copy in the common case.** A message that lies whole in the input is unmasked in place
//!   and borrowed from it. Only cut and fragmented messages are put together on the heap.
//! - **Limits before memory.** What is over a [limit](Limits) is refused from its header. What is
//!   under it takes memory as it arrives, not as it is announced.
//! - **Strict reading.** Every MUST of §5 is checked, and text that is not UTF-8 is refused at the
//!   first bad byte, also in the middle of a frame. Each [`Error`] knows its close code.
//! - **Any cut of the stream gives the same events.**
//!
//! # The opening handshake
//!
//! A server leaves HTTP to its HTTP library and takes [`handshake::is_valid_key`] and
//! [`handshake::accept_key`]. A client has the whole of it:
//!
//! ```
//! use stompline_ws::handshake::{ClientRequest, accept_key, new_key};
//!
//! let key = new_key()?;
//! let request = ClientRequest {
//!     host: "127.0.0.1:8080",
//!     path: "/ws/chat",
//!     key: &key,
//!     protocols: &["v12.stomp"],
//!     headers: &[("Authorization", "Bearer eyJ...")],
//! };
//! let mut out = Vec::new();
//! request.write(&mut out)?;
//!
//! // `out` is sent, and this comes back:
//! let answer = format!(
//!     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!      Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n",
//!     accept_key(&key),
//! );
//! let (response, consumed) = request.read_response(answer.as_bytes())?.expect("it is whole");
//! assert_eq!((response.status, response.protocol.as_deref()), (101, Some("v12.stomp")));
//! assert_eq!(consumed, answer.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Extensions
//!
//! None is offered or accepted yet, so every reserved bit is an error. permessage-deflate
//! (RFC 7692) would come in where [`Error::ReservedBits`] is raised, and its *decompressed* bytes
//! would count against [`Limits::message_bytes_max`].

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
