//! Scenarios against a server in this process.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod refused;
mod scenario;
mod server;
mod simulate;
mod sockjs;
