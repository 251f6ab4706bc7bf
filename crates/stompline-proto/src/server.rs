//! The session machine of a server.
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//!
//! use stompline_proto::{
//!     Command, Frame,
//!     server::{Accept, Config, Request, Session},
//! };
//!
//! let now = Instant::now();
//! let mut session: Session<()> = Session::new(Arc::new(Config::default()), now);
//!
//! let connect = Frame::new(Command::Connect).header("accept-version", "1.2");
//! let Some(Request::Connect(_)) = session.receive(connect, now)? else { panic!() };
//! // Here the application checks who it is.
//! let accept = Accept { session: "s1", server: "example/1", user_name: Some("ann") };
//! let connected = session.accept(accept, now);
//! assert_eq!(connected.headers.find("version"), Some("1.2"));
//!
//! let send = Frame::new(Command::Send).header("destination", "/app/send").body("hello");
//! let Some(Request::Send(send)) = session.receive(send, now)? else { panic!() };
//! assert_eq!(send.destination, "/app/send");
//! # Ok::<(), stompline_proto::ProtocolError>(())
//! ```

mod config;
mod request;
mod session;
mod state;
mod table;
mod transaction;

pub use config::Config;
pub use request::{Connect, Request, Send, Settle, Staged, Subscribe};
pub use session::{Accept, Session, Wake};
