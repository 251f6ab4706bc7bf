//! Customer-service live chat on Stompline: conversations, queue, delivery and read state.

pub mod app;
pub mod body;
pub mod command;
pub mod conversation;
pub mod error;
pub mod event;
pub mod head;
pub mod id;
pub mod message;
mod page;
pub mod person;
pub mod pointer;
pub mod reply;
pub mod signal;
pub mod store;
pub mod time;
