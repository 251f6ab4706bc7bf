//! Drives a STOMP-over-WebSocket server and measures what it does: the library behind the tool
//! `stompline-load`.
//!
//! A [`scenario`] opens [`Client`](client::Client)s against a [`Target`](target::Target), checks
//! that every message came once and in order, and returns a [`Report`](report::Report). Everything
//! runs on one thread, with one read buffer for all connections and what a turn has to send in one
//! write, so that the tool stays cheaper than the server it measures. Every scenario is bounded by a
//! count and by a time.

pub mod client;
pub mod page;
pub mod process;
pub mod progress;
pub mod receipt;
pub mod report;
pub mod scenario;
pub mod sequence;
pub mod simulate;
pub mod target;
pub mod template;
pub mod token;
