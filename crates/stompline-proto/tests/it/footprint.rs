//! What an idle session costs: a server holds a great many of them.

use std::{sync::Arc, time::Instant};

use stompline_proto::{DecodeLimits, Decoder, Side, server};

#[test]
fn idle_decoder_and_session_are_small() {
    assert!(size_of::<Decoder>() <= 40, "{}", size_of::<Decoder>());
    assert!(
        size_of::<server::Session<u64>>() <= 200,
        "{}",
        size_of::<server::Session<u64>>()
    );
}

#[test]
fn idle_decoder_holds_no_memory() {
    let mut decoder = Decoder::new(Side::Server, Arc::new(DecodeLimits::default()));
    assert_eq!((decoder.is_idle(), decoder.held_bytes()), (true, 0));
    let mut input: &[u8] = b"CONNECT\naccept-version:1.2\n";
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(!decoder.is_idle() && decoder.held_bytes() >= 27);
    let mut input: &[u8] = b"\n\0";
    assert!(matches!(decoder.decode(&mut input), Ok(Some(_))));
    assert_eq!((decoder.is_idle(), decoder.held_bytes()), (true, 0));
}

#[test]
fn parts_can_cross_threads() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    check(&Decoder::new(Side::Client, DecodeLimits::default()));
    check(&server::Session::<u64>::new(Arc::default(), Instant::now()));
}
