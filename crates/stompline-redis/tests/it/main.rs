//! The backplane against real Redis servers, which the tests start themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod server;
mod startup;
mod suite;
