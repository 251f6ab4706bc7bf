//! STOMP 1.0, 1.1 and 1.2 without I/O, without a clock and without a runtime.
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//!
//! use stompline_proto::{
//!     DecodeLimits, Decoded, Decoder, Side, encode,
//!     server::{Accept, Config, Request, Session},
//! };
//!
//! let now = Instant::now();
//! let mut decoder = Decoder::new(Side::Server, DecodeLimits::default());
//! let mut session: Session<()> = Session::new(Arc::new(Config::default()), now);
//! let mut output = Vec::new();
//!
//! let mut input: &[u8] = b"CONNECT\naccept-version:1.1,1.2\nhost:example.org\n\n\0";
//! while let Some(decoded) = decoder.decode(&mut input)? {
//!     let Decoded::Frame(frame) = decoded else { continue };
//!     if let Some(Request::Connect(_)) = session.receive(frame, now)? {
//!         let accept = Accept { session: "s1", server: "example/1", user_name: None };
//!         let connected = session.accept(accept, now);
//!         encode(&connected, session.version(), &mut output);
//!     }
//! }
//! assert!(output.starts_with(b"CONNECTED\nversion:1.2\nheart-beat:20000,45000\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! - [`Decoder`] turns octets into [`Frame`]s, however the stream is cut, and refuses what passes
//!   its [`DecodeLimits`] before it is held; [`encode`](encode()) does the reverse for a [`Version`].
//! - [`server::Session`] takes a client's frames and turns each into a [`server::Request`]; it keeps
//!   subscriptions, transactions and heart-beats. [`client::Session`] is its counterpart.
//! - [`SubscriptionId`], [`Heartbeat`], [`AckMode`] and [`Unacked`] are the values they share.
//!
//! # The rules
//!
//! Nothing here reads a clock: whoever owns the connection passes `now`, asks
//! [`wake_at`](server::Session::wake_at) how long it may sleep and calls
//! [`wake`](server::Session::wake) then. Nothing is sent: calls return what to send.
//!
//! # Errors
//!
//! They are divided by what was wrong: [`DecodeError`] for octets that are no frame,
//! [`ProtocolError`] for a frame out of place. Both are the peer's fault, have a stable `code`, and
//! make the ERROR frame that says so. Neither text repeats what the peer sent.

mod command;
mod decode;
mod encode;
mod error;
mod frame;
mod header;
mod heartbeat;
mod pulse;
mod subscription;
mod unacked;
mod version;

pub mod client;
pub mod server;

pub use command::Command;
pub use decode::{DecodeError, DecodeLimits, Decoded, Decoder, Side};
pub use encode::{encode, needs_escape, write_header};
pub use error::{Fault, ProtocolError};
pub use frame::Frame;
pub use header::{Headers, Iter};
pub use heartbeat::{Agreed, BadHeartbeat, Heartbeat};
pub use subscription::{AckMode, BadSubscriptionId, SubscriptionId};
pub use unacked::{Full, Unacked};
pub use version::{UnknownVersion, Version};
