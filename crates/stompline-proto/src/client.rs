//! The session machine of a client.
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//!
//! use stompline_proto::{
//!     AckMode, Command, Frame,
//!     client::{Config, Connect, Event, Session},
//! };
//!
//! let now = Instant::now();
//! let mut session = Session::new(Arc::new(Config::default()), now);
//! let connect = session.connect(&Connect { host: "example.org", ..Connect::default() });
//! assert_eq!(connect.headers.find("accept-version"), Some("1.0,1.1,1.2"));
//!
//! let connected = Frame::new(Command::Connected).header("version", "1.2");
//! let Some(Event::Connected(_)) = session.receive(connected, now)? else { panic!() };
//! let subscribe = session.subscribe("1", "/topic/news", AckMode::Auto);
//! assert_eq!(subscribe.headers.find("id"), Some("1"));
//! # Ok::<(), stompline_proto::ProtocolError>(())
//! ```

mod config;
mod event;
mod session;

pub use config::{Config, Connect};
pub use event::{Connected, Event, Message, Refusal};
pub use session::{Session, Wake};
