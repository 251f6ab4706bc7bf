//! A client for the few requests that the executable makes itself: `doctor` examines servers with it, `serve`
//! fetches keys. Each request has a connection of its own, a deadline and a limit of bytes, and follows
//! no redirect. [`fault::Fault`] also names what goes wrong above HTTP, in WebSocket, SockJS and STOMP.

pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod link;
pub(crate) mod target;
