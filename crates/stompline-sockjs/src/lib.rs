//! SockJS and plain WebSocket endpoints over axum, for any message handler.
//!
//! An [`Endpoint`] serves a prefix. What happens on its connections is up to a [`Service`], which cannot tell one transport
//! from another: it reads [`Incoming`] messages from a [`Connection`] and sends through its [`Outbox`].
//!
//! ```
//! use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};
//!
//! use axum::Router;
//! use bytes::Bytes;
//! use stompline_sockjs::{Connection, Endpoint, Refusal, Request, Service, Settings};
//! use tokio_util::task::TaskTracker;
//!
//! /// Greets everybody and says nothing more.
//! struct Greeter;
//!
//! impl Service for Greeter {
//!     type Message = Bytes;
//!     type Admission = ();
//!     type Owner = ();
//!
//!     async fn admit(&self, _request: Request<'_>) -> Result<(), Refusal> {
//!         Ok(())
//!     }
//!
//!     async fn open(&self, _request: Request<'_>) -> Result<(), Refusal> {
//!         Ok(())
//!     }
//!
//!     async fn identify(&self, _request: Request<'_>) -> Result<(), Refusal> {
//!         Ok(())
//!     }
//!
//!     async fn serve(self: Arc<Self>, (): (), mut connection: Connection<Bytes>) {
//!         connection.outbox().push(Bytes::from_static(b"hello"));
//!         poll_fn(|context| match connection.poll_flush(context) {
//!             Poll::Ready(_) => Poll::Ready(()),
//!             Poll::Pending => connection.poll_receive(context, &mut |_| {}).map(|_| ()),
//!         })
//!         .await;
//!         connection.finish(Duration::from_secs(2)).await;
//!     }
//! }
//!
//! let endpoint = Endpoint::new("/greeter", Arc::new(Greeter), Settings::default().sockjs(true), TaskTracker::new());
//! let router: Router = Router::new().merge(endpoint);
//! # drop(router);
//! ```

mod close;
mod connection;
mod endpoint;
mod exchange;
mod flush;
mod http_socket;
pub mod json;
mod outbox;
mod outgoing;
mod payload;
mod post;
mod receiver;
mod relay;
mod service;
mod settings;
mod style;
mod table;
mod takeover;

pub use close::Close;
pub use connection::{Connection, Ended, Incoming, Transport};
pub use endpoint::Endpoint;
pub use flush::{Batched, batched};
pub use http_socket::{HttpSocket, SocketHandle};
pub use outbox::{Framing, Outbox, Push};
pub use outgoing::{Form, Outgoing, Overflow};
pub use relay::{Claim, Line, Relay, Responder, Unanswered};
pub use service::{Purpose, Refusal, Request, Service};
pub use settings::Settings;

/// The runtime's clock, so that tests can advance it.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// The WebSocket codec underneath, for clients and tests.
pub use stompline_ws as websocket;
