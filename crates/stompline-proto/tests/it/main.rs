//! Tests of the crate from outside: transcripts, properties, pairs of sessions in virtual time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod conversation;
mod decoder;
mod footprint;
mod property;
mod transcript;
