//! Behaviour of the public API, by section of RFC 6455.

mod close;
mod control;
mod encode;
mod event;
mod fragment;
mod handshake;
mod header;
mod limit;
mod property;
mod stream;
mod text;
