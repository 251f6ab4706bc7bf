//! STOMP over WebSocket and SockJS for axum.

pub mod access;
mod app;
pub mod auth;
mod broker;
mod builder;
mod close;
mod connection;
mod delivery;
mod destination;
mod endpoint;
mod event;
mod extract;
mod filter;
mod handler;
mod interceptor;
mod limits;
mod message;
mod messenger;
mod name;
mod pattern;
pub mod rate;
mod registry;
mod rejection;
mod render;
mod reply;
mod router;
mod session;
mod stats;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod user;

pub use auth::BoxFuture;
pub use axum::extract::FromRef;
pub use builder::{BuildError, Builder, Stompline};
pub use close::CloseReason;
pub use destination::{
    AppDestination, BrokerDestination, Destination, DestinationError, DestinationKind, PrefixError,
    Prefixes, UserDestination, encode_user_name,
};
pub use endpoint::{Endpoint, EndpointError};
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
pub use rejection::Rejection;
pub use reply::{IntoReply, IntoSnapshot, Pending, Reply, ToTopic, ToUser};
pub use router::RouterError;
pub use session::{OtherPrincipal, Session};
pub use stats::Snapshot;
pub use stompline_proto::{DecodeLimits, Headers, Heartbeat, Version};
pub use stompline_sockjs::{Batched, Overflow, Transport, batched};
