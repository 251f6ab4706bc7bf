//! Behaviour of the endpoints over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod body;
mod character;
mod client;
mod ending;
mod endpoint;
mod handshake;
mod iframe;
mod kept;
mod polling;
mod relay;
mod server;
mod session;
mod socket;
mod streaming;
