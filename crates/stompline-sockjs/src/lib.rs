//! SockJS and plain WebSocket endpoints over axum, for any message handler.
//!
//! An [`Endpoint`] serves a prefix. What happens on its connections is up to a [`Service`], which cannot tell one transport
//! from another: it reads [`Incoming`] messages from a [`Connection`] and sends through its [`Outbox`].

mod close;
mod connection;
mod endpoint;
mod flush;
mod frame;
pub mod json;
mod outbox;
mod outgoing;
mod service;
mod settings;

pub use close::Close;
pub use connection::{Connection, Ended, Incoming, Transport};
pub use endpoint::Endpoint;
pub use flush::{Batched, batched};
pub use outbox::{Framing, Outbox, Push};
pub use outgoing::{Form, Outgoing, Overflow};
pub use service::{Purpose, Refusal, Request, Service};
pub use settings::Settings;
/// The WebSocket codec underneath, for clients and tests.
pub use stompline_ws as websocket;
