//! The built executable, as a person or a script meets it.

mod api;
mod binary;
mod cluster;
mod command_line;
mod configuration;
mod postgres;
mod serving;
mod starting;
mod token;
