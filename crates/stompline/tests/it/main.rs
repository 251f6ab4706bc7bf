//! Behaviour of the library through its public interface.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acknowledge;
mod admission;
mod binary;
mod broker;
mod cluster;
mod content;
mod endpoint;
mod event;
mod handler;
mod handshake;
mod heartbeat;
mod interceptor;
mod internal;
mod layers;
mod load;
mod outbox;
mod presence;
mod promotion;
mod rate;
mod refusal;
mod relay;
mod stall;
mod support;
mod transaction;
mod user;
