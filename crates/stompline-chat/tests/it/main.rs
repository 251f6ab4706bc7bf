//! The chat from outside.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cluster;
mod desk;
mod failure;
mod postgres;
mod sqlite;
mod store_suite;
