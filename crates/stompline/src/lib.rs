//! STOMP over WebSocket and SockJS for axum: destinations, a broker, handlers, users and events.
//!
//! ```
//! use axum::Router;
//! use stompline::{Json, Rejection, Stompline, ToTopic, Variables, auth::Principal};
//!
//! async fn post(room: Variables, user: Principal, Json(text): Json<String>) -> Result<ToTopic<String>, Rejection> {
//!     if text.is_empty() {
//!         return Err(Rejection::bad_request("say something"));
//!     }
//!     let room = room.get("room").unwrap_or_default();
//!     Ok(ToTopic::new(format!("/topic/room.{room}"), format!("{}: {text}", user.name())))
//! }
//!
//! # fn main() -> Result<(), stompline::BuildError> {
//! let app = Stompline::builder()
//!     .message("/room/{room}", post)                   // SEND /app/room/42
//!     .subscribe("/rooms", async || Json(["lobby"]))   // SUBSCRIBE /app/rooms: one answer, no registration
//!     .build()?;
//! let router: Router = Router::new().merge(app.endpoint("/ws").sockjs());
//! # drop(router);
//! # Ok(())
//! # }
//! ```
//!
//! # Destinations
//!
//! SEND to `/app/**` calls a handler. `/topic/**` and `/queue/**` are broadcast to their subscribers. `/user/queue/**` are a user's own messages, which
//! nobody else can name. See [`Prefixes`] to change the prefixes, and [`access`] for who may do what: everything is denied unless a rule allows it.
//!
//! # Handlers
//!
//! A handler is an async function. Its arguments are made from the frame ([`FromParts`], the last one [`FromMessage`]): [`Json`], `String`, `Bytes`,
//! [`State`], [`Principal`](auth::Principal), [`Variables`], [`Headers`], [`Messenger`] and more. It returns where its answer goes: [`ToTopic`], [`ToUser`],
//! [`Reply`], several of them, nothing, or something [`Pending`]. The next frame of a session waits until the handler has returned; receipts and
//! answers leave in the order of the frames.
//!
//! # Errors
//!
//! A [`Rejection`] tells the client what was wrong, on `/user/queue/errors`, and the connection lives on. What makes no sense at all, or is
//! forbidden, is an ERROR frame and a close with a [`CloseReason`].
//!
//! # Interceptors, filters and events
//!
//! An [`Interceptor`] sees every inbound frame and may change or refuse it; [`FrameLog`] and [`ContentRules`] are two. An [`OutboundFilter`] sees messages
//! on their way to single sessions. A [`Listener`] learns what happens to sessions, exactly once and in order.
//!
//! # Users
//!
//! [`Endpoint::authenticate`] takes an [`Authenticator`](auth::Authenticator), [`JwtAuthenticator`](auth::JwtAuthenticator) for example. A principal has a
//! realm and a name, and both route: customer 7 never receives what is for agent 7. [`Messenger`] sends from anywhere.
//!
//! # Bounds
//!
//! [`Limits`] has them all, with the reason for each default.
//!
//! # Tests
//!
//! With the feature `testing` an application can be driven without a socket, in virtual time.

pub mod access;
mod app;
pub mod auth;
pub mod backplane;
mod broker;
mod builder;
mod close;
mod cluster;
mod connection;
mod delivery;
mod destination;
mod endpoint;
mod event;
mod extract;
mod few;
mod filter;
mod handler;
mod interceptor;
mod limits;
mod message;
mod messenger;
mod name;
mod news;
mod pattern;
mod presence;
pub mod rate;
mod registry;
mod rejection;
mod render;
mod reply;
mod router;
mod session;
mod stats;
mod subscription;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod user;

pub use auth::BoxFuture;
pub use axum::extract::FromRef;
pub use builder::{BuildError, Builder, Stompline};
pub use close::CloseReason;
pub use cluster::{AskError, ClusterSettings};
pub use destination::{
    AppDestination, BrokerDestination, Destination, DestinationError, DestinationKind, PrefixError,
    Prefixes, UserDestination, encode_user_name,
};
pub use endpoint::{Endpoint, EndpointError, SockJsSettings};
pub use event::{Listener, SessionEvent};
pub use extract::{
    FromMessage, FromParts, Inbound, Json, JsonRejection, NotUtf8, Parts, SentTo, State,
};
pub use filter::OutboundFilter;
pub use handler::Handler;
pub use interceptor::{Action, ContentRules, FrameLog, Interceptor, Next, Outcome, Request};
pub use limits::Limits;
pub use message::{IntoMessage, Message, Outgoing};
pub use messenger::{Messenger, PublishError};
pub use name::{NAME_BYTES_MAX, NameError, Realm, UserKey, UserName};
pub use pattern::{
    DESTINATION_BYTES_MAX, DestinationPattern, PatternError, PatternMap, PatternSyntax,
    RouteConflict, RouteError, RouteMap, RoutePattern, Separator, TextError, Variables,
};
pub use presence::{Answer, Presence, PresenceEvent, PresenceListener};
pub use rejection::Rejection;
pub use reply::{IntoReply, IntoSnapshot, Pending, Reply, ToTopic, ToUser};
pub use router::RouterError;
pub use session::{OtherPrincipal, Session};
pub use stats::{ClusterSnapshot, Snapshot};
pub use stompline_proto::{DecodeLimits, Headers, Heartbeat, Version};
pub use stompline_sockjs::{Batched, HttpSocket, Overflow, SocketHandle, Transport, batched};
