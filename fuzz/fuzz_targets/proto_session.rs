//! Any octets into a server's session, with time between: it never panics, keeps its limits, and its
//! errors are frames that a client can read.

#![no_main]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use libfuzzer_sys::fuzz_target;
use stompline_proto::{
    DecodeLimits, Decoded, Decoder, Frame, Side, encode,
    server::{Accept, Config, Request, Session, Staged, Wake},
};

const SUBSCRIPTIONS_MAX: usize = 4;

fuzz_target!(|pieces: Vec<(u16, &[u8])>| {
    let mut now = Instant::now();
    let last_sent = now;
    let config = Config::default()
        .subscriptions_max(SUBSCRIPTIONS_MAX)
        .transaction_frames_max(4);
    let mut session = Session::new(Arc::new(config), now);
    let mut decoder = Decoder::new(Side::Server, DecodeLimits::default());
    for (seconds, mut input) in pieces {
        now += Duration::from_secs(seconds.into());
        let is_due = session.wake_at(last_sent).is_some_and(|at| at <= now);
        assert_eq!(session.wake(now, last_sent) != Wake::Nothing, is_due);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(Decoded::Frame(frame))) => take(&mut session, frame, now),
                Ok(Some(Decoded::Heartbeat)) => session.received(now),
                Ok(None) => break,
                Err(error) => {
                    check_readable(&error.to_frame(decoder.failed_receipt()), &session);
                    return;
                }
            }
        }
    }
});

fn take(session: &mut Session<()>, frame: Frame, now: Instant) {
    let result = match session.receive(frame, now) {
        Ok(Some(Request::Connect(_))) => {
            let accept = Accept {
                session: "s",
                server: "fuzz",
                user_name: None,
            };
            session.accept(accept, now);
            assert!(session.is_open());
            Ok(())
        }
        Ok(Some(Request::Subscribe(subscribe))) => {
            let replaced = session.subscribed(subscribe.id, Some(&subscribe.destination), ());
            assert_eq!(replaced, None);
            assert!(session.subscriptions().count() <= SUBSCRIPTIONS_MAX);
            Ok(())
        }
        Ok(Some(Request::Send(send))) => match send.transaction.clone() {
            Some(name) => session.stage(&name, Staged::Send(send)),
            None => Ok(()),
        },
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        check_readable(&error.to_frame(), session);
        session.close(now);
    }
}

fn check_readable(error: &Frame, session: &Session<()>) {
    let mut octets = Vec::new();
    encode(error, session.version(), &mut octets);
    let mut decoder = Decoder::new(Side::Client, DecodeLimits::default());
    decoder.set_version(session.version());
    let decoded = decoder.decode(&mut &octets[..]);
    assert!(
        matches!(decoded, Ok(Some(Decoded::Frame(_)))),
        "{decoded:?}"
    );
}
