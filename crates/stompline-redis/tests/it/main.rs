//! The backplane against real Redis servers, which the tests start themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acl;
mod cluster;
mod moving;
mod order;
mod redis_cluster;
mod sentinel;
mod server;
mod startup;
mod suite;
mod tls;
