//! The built executable, as a person or a script meets it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod api;
mod binary;
mod bounds;
mod client;
mod cluster;
mod command_line;
mod configuration;
mod doctor;
mod documented;
mod jwks;
mod pages;
mod postgres;
mod serving;
mod starting;
mod token;
