//! Behaviour of the library through its public interface.

mod acknowledge;
mod broker;
mod endpoint;
mod event;
mod handler;
mod heartbeat;
mod layers;
mod outbox;
mod refusal;
mod support;
mod transaction;
mod user;
