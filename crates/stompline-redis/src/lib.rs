//! Connects the nodes of Stompline through Redis: messages, the directory of users and sessions, presence.
//!
//! ```no_run
//! use stompline::Stompline;
//! use stompline_redis::{RedisBackplane, RedisSettings};
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = RedisSettings::new("redis://127.0.0.1:6379")?;
//! let app = Stompline::builder::<()>()
//!     .backplane(RedisBackplane::connect(settings).await?)
//!     .build()?;
//! # drop(app); Ok(())
//! # }
//! ```
//!
//! # What it needs
//!
//! Redis 6.2 or newer with RESP3, one server (or one behind a name that moves with a failover); `rediss://` for TLS. An eviction policy that
//! can drop keys without a time to live is refused, since it would drop users.
//!
//! # How it works
//!
//! Two connections: one carries commands, in the order of the calls, many in one write; the other receives. Interests are channels, spread
//! over 128 partitions by name; each node has an inbox. Each connection is dialled again for ever, with pauses of a quarter of a second to two
//! seconds, and the receiving one joins everything again. Every call has a deadline ([`RedisSettings::deadline`]); while there is no
//! connection, calls fail at once. An echo goes round every second: through a PUBLISH like any other back to the receiving
//! connection, which is replaced if it does not come.

mod backplane;
mod command;
mod directory;
mod key;
mod script;
mod settings;
mod subscription;

pub use backplane::{ConnectError, RedisBackplane};
pub use settings::{RedisSettings, SettingsError};
