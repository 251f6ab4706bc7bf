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
//! Redis 6.2 or newer with RESP3: one server, or a master behind sentinels; or a Redis Cluster of 7.0 or newer. [`RedisSettings::new`] says how
//! each is named. TLS with `rediss`, with an [authority](RedisSettings::authority) and an [identity](RedisSettings::identity) of one's own if
//! need be. An eviction policy that can drop keys without a time to live is refused, since it would drop users.
//!
//! # How it works
//!
//! Two connections to each server that has something of ours: one carries commands, in the order of the calls, many in one write; the
//! other receives. Interests are channels, spread over 128 partitions by name; each node has an inbox. Each connection is dialled again for
//! ever, with pauses of a quarter of a second to two seconds, and the receiving one joins everything again. Every call has a deadline
//! ([`RedisSettings::deadline`]); while there is no connection, calls fail at once. An echo goes round every second: through a PUBLISH like
//! any other back to the receiving connection, which is replaced if it does not come.
//!
//! On a Redis Cluster the partitions, the inboxes and the directory have a hash tag each, and messages travel on sharded channels. A tag
//! that moves to another master is followed; what meets it on the way is refused and never sent again, so that messages stay in order.
//! Of a directory that is on its way, calls fail until all of it has arrived. A master that was a replica may lack the last writes:
//! [`renew`](stompline::backplane::Backplane::renew) says false then, and the node registers all sessions again.

mod address;
mod backplane;
mod check;
mod command;
mod dial;
mod directory;
mod key;
mod line;
mod script;
mod sentinel;
mod settings;
mod slot;
mod subscription;
mod table;
mod topology;

pub use backplane::RedisBackplane;
pub use check::ConnectError;
pub use settings::{RedisSettings, SettingsError};
