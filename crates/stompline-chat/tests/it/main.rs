//! The chat from outside.

mod desk;
mod sqlite;
mod store_suite;
