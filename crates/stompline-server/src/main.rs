//! The stompline server.

fn main() {}
