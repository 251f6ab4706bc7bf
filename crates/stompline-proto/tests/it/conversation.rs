//! A client's and a server's session in one virtual time, with only octets between them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use stompline_proto::{
    AckMode, Agreed, Command, DecodeLimits, Decoded, Decoder, Fault, Frame, Headers, Heartbeat,
    Side, Version, client, encode, server,
};

const SECOND: Duration = Duration::from_secs(1);

/// One side's octets on their way to the other.
struct Line {
    decoder: Decoder,
    last_sent: Instant,
    /// The longest silence so far.
    gap: Duration,
}

impl Line {
    fn new(side: Side, now: Instant) -> Self {
        let decoder = Decoder::new(side, DecodeLimits::default());
        Self {
            decoder,
            last_sent: now,
            gap: Duration::ZERO,
        }
    }

    fn write(&mut self, octets: &[u8], now: Instant) -> Vec<Frame> {
        self.gap = self.gap.max(now - self.last_sent);
        self.last_sent = now;
        let mut input = octets;
        let mut frames = Vec::new();
        while let Some(decoded) = self.decoder.decode(&mut input).unwrap() {
            if let Decoded::Frame(frame) = decoded {
                frames.push(frame);
            }
        }
        frames
    }
}

struct Pair {
    client: client::Session,
    server: server::Session<AckMode>,
    to_server: Line,
    to_client: Line,
    now: Instant,
}

impl Pair {
    fn new(client: client::Config, server: server::Config) -> Self {
        let now = Instant::now();
        Self {
            client: client::Session::new(Arc::new(client), now),
            server: server::Session::new(Arc::new(server), now),
            to_server: Line::new(Side::Server, now),
            to_client: Line::new(Side::Client, now),
            now,
        }
    }

    fn open(version: Version) -> Self {
        let config = client::Config::default().versions([version]);
        let mut pair = Self::new(config, server::Config::default());
        pair.connect();
        pair
    }

    fn connect(&mut self) -> client::Connected {
        let connect = client::Connect {
            host: "example.org",
            login: Some("ann:1"),
            passcode: Some("back\\slash"),
            headers: Headers::from_iter([("token", "t")]),
        };
        let frame = self.client.connect(&connect);
        let Some(server::Request::Connect(asked)) = self.ask(&frame) else {
            panic!("no CONNECT")
        };
        assert_eq!(asked.host.as_deref(), Some("example.org"));
        assert_eq!(asked.login.as_deref(), Some("ann:1"));
        assert_eq!(asked.passcode.as_deref(), Some("back\\slash"));
        assert_eq!(asked.headers.find("token"), Some("t"));
        let accept = server::Accept {
            session: "s1",
            server: "test/1",
            user_name: Some("ann:1"),
        };
        let connected = self.server.accept(accept, self.now);
        let Some(client::Event::Connected(connected)) = self.tell(&connected) else {
            panic!("no CONNECTED")
        };
        connected
    }

    /// The client sends a frame.
    fn ask(&mut self, frame: &Frame) -> Option<server::Request<AckMode>> {
        let mut octets = Vec::new();
        encode(frame, self.client.version(), &mut octets);
        let frame = self.to_server.write(&octets, self.now).pop().unwrap();
        self.server.receive(frame, self.now).unwrap()
    }

    /// The server sends a frame.
    fn tell(&mut self, frame: &Frame) -> Option<client::Event> {
        let mut octets = Vec::new();
        encode(frame, self.server.version(), &mut octets);
        let frame = self.to_client.write(&octets, self.now).pop().unwrap();
        self.client.receive(frame, self.now).unwrap()
    }

    /// Lets time pass; both sides do what it demands until one gives up.
    fn pass(&mut self, time: Duration) -> Option<&'static str> {
        let end = self.now + time;
        loop {
            let client_at = self.client.wake_at(self.to_server.last_sent);
            let server_at = self.server.wake_at(self.to_client.last_sent);
            let Some(at) = [client_at, server_at]
                .into_iter()
                .flatten()
                .min()
                .filter(|&at| at <= end)
            else {
                self.now = end;
                return None;
            };
            self.now = self.now.max(at);
            match self.client.wake(self.now, self.to_server.last_sent) {
                client::Wake::Beat => {
                    self.to_server.write(b"\n", self.now);
                    self.server.received(self.now);
                }
                client::Wake::Silent => return Some("server silent"),
                client::Wake::ConnectTimeout => return Some("client gave up connecting"),
                client::Wake::Nothing => {}
            }
            match self.server.wake(self.now, self.to_client.last_sent) {
                server::Wake::Beat => {
                    self.to_client.write(b"\r\n", self.now);
                    self.client.received(self.now);
                }
                server::Wake::Silent => return Some("client silent"),
                server::Wake::ConnectTimeout => return Some("server gave up connecting"),
                server::Wake::CloseTimeout => return Some("client did not close"),
                server::Wake::Nothing => {}
            }
        }
    }
}

#[test]
fn beats_keep_both_sides_alive() {
    let mut pair = Pair::new(client::Config::default(), server::Config::default());
    pair.connect();
    let every = |s: u32| Some(SECOND * s);
    assert_eq!(
        pair.client.agreed(),
        Agreed {
            send_every: every(45),
            expect_every: every(20)
        }
    );
    assert_eq!(
        pair.server.agreed(),
        Agreed {
            send_every: every(20),
            expect_every: every(45)
        }
    );
    assert_eq!(pair.pass(SECOND * 86_400), None);
    assert!(pair.to_server.gap > SECOND * 40 && pair.to_server.gap < SECOND * 45);
    assert!(pair.to_client.gap > SECOND * 15 && pair.to_client.gap < SECOND * 20);
}

#[test]
fn silent_server_is_given_up() {
    let mut client = Pair::new(client::Config::default(), server::Config::default());
    client.connect();
    // Only the client's clock runs.
    let last_sent = client.now + SECOND * 100;
    assert_eq!(
        client.client.wake(client.now + SECOND * 59, last_sent),
        client::Wake::Nothing
    );
    assert_eq!(
        client.client.wake(client.now + SECOND * 60, last_sent),
        client::Wake::Silent
    );
    assert_eq!(
        client.client.wake_at(last_sent),
        Some(client.now + SECOND * 60)
    );
}

#[test]
fn client_without_beats_stays() {
    let config = client::Config::default().heartbeat(Heartbeat::NONE);
    let mut pair = Pair::new(config, server::Config::default());
    pair.connect();
    assert_eq!(pair.pass(SECOND * 86_400), None);
}

#[test]
fn both_sides_wait_for_connected() {
    let wait = |client_s: u32, server_s: u32| {
        let client = client::Config::default().connect_timeout(SECOND * client_s);
        let server = server::Config::default().connect_timeout(SECOND * server_s);
        Pair::new(client, server).pass(SECOND * 3600)
    };
    assert_eq!(wait(5, 10), Some("client gave up connecting"));
    assert_eq!(wait(15, 10), Some("server gave up connecting"));
    let forever = Duration::MAX;
    let client = client::Config::default().connect_timeout(forever);
    let server = server::Config::default().connect_timeout(forever);
    assert_eq!(Pair::new(client, server).pass(SECOND * 3600), None);
}

#[test]
fn connected_tells_who_and_what() {
    let mut pair = Pair::new(client::Config::default(), server::Config::default());
    assert!(!pair.client.is_open() && !pair.server.is_open());
    let connected = pair.connect();
    assert!(pair.client.is_open() && pair.server.is_open());
    assert_eq!(connected.version, Version::V1_2);
    assert_eq!(connected.heartbeat.to_string(), "20000,45000");
    assert_eq!(connected.session.as_deref(), Some("s1"));
    assert_eq!(connected.server.as_deref(), Some("test/1"));
    assert_eq!(connected.user_name.as_deref(), Some("ann:1"));
}

#[test]
fn accept_without_connect_opens_nothing() {
    let mut pair = Pair::new(client::Config::default(), server::Config::default());
    let accept = server::Accept {
        session: "s1",
        server: "test/1",
        user_name: None,
    };
    pair.server.accept(accept, pair.now);
    assert!(!pair.server.is_open());

    let mut pair = Pair::new(client::Config::default(), server::Config::default());
    let connect = pair.client.connect(&client::Connect::default());
    pair.ask(&connect);
    pair.server.close(pair.now);
    pair.server.accept(accept, pair.now);
    assert!(pair.server.is_closing());
}

#[test]
fn message_crosses_in_every_version() {
    let table = [
        (Version::V1_0, "a\\b c:d"),
        (Version::V1_1, "a\\b\nc:d"),
        (Version::V1_2, "a\\b\nc:d"),
    ];
    for (version, expected) in table {
        let mut pair = Pair::open(version);
        let message = Frame::new(Command::Message)
            .header("destination", "/topic/a")
            .header("subscription", "1")
            .header("message-id", "s1-7")
            .header("ack", "7")
            .header("own", "a\\b\nc:d")
            .body("with\0nul");
        let Some(client::Event::Message(message)) = pair.tell(&message) else {
            panic!()
        };
        assert_eq!(message.headers.find("own"), Some(expected), "{version}");
        assert_eq!(message.body, "with\0nul");
        assert_eq!(message.subscription.as_deref(), Some("1"));

        let ack = pair.client.ack(&message).unwrap();
        let Some(server::Request::Ack(settle)) = pair.ask(&ack) else {
            panic!()
        };
        assert_eq!(
            settle.id,
            if version == Version::V1_2 {
                "7"
            } else {
                "s1-7"
            }
        );
        assert_eq!(settle.subscription.as_deref(), Some("1"));
        assert_eq!(
            pair.client.nack(&message).is_some(),
            version > Version::V1_0
        );
    }
}

#[test]
fn message_without_ack_header_has_no_ack() {
    let mut pair = Pair::open(Version::V1_2);
    let message = Frame::new(Command::Message)
        .header("destination", "/topic/a")
        .header("subscription", "1")
        .header("message-id", "m");
    let Some(client::Event::Message(message)) = pair.tell(&message) else {
        panic!()
    };
    assert_eq!(
        (pair.client.ack(&message), pair.client.nack(&message)),
        (None, None)
    );
}

#[test]
fn receipts_return_to_the_client() {
    let mut pair = Pair::open(Version::V1_2);
    let receipt = pair.client.next_receipt();
    assert_ne!(receipt, pair.client.next_receipt());
    let subscribe = pair
        .client
        .subscribe("1", "/topic/a", AckMode::Client)
        .header("receipt", &receipt);
    let Some(server::Request::Subscribe(asked)) = pair.ask(&subscribe) else {
        panic!()
    };
    assert_eq!(
        (asked.destination.as_str(), asked.ack),
        ("/topic/a", AckMode::Client)
    );
    pair.server
        .subscribed(asked.id, Some(&asked.destination), asked.ack);
    let event = pair.tell(&Frame::receipt(&asked.receipt.unwrap()));
    assert_eq!(event, Some(client::Event::Receipt(receipt)));

    let unsubscribe = pair.client.unsubscribe("1");
    let Some(server::Request::Unsubscribe { removed, .. }) = pair.ask(&unsubscribe) else {
        panic!()
    };
    assert_eq!(
        removed.map(|(id, mode)| (id.to_string(), mode)),
        Some(("1".into(), AckMode::Client))
    );
}

#[test]
fn goodbye_waits_for_answers() {
    let mut pair = Pair::open(Version::V1_2);
    let send = pair.client.send("/app/slow", "x").header("receipt", "r1");
    assert!(matches!(pair.ask(&send), Some(server::Request::Send(_))));
    let disconnect = pair.client.disconnect("r2");
    let asked = pair.ask(&disconnect);
    assert!(matches!(
        asked,
        Some(server::Request::Disconnect { receipt: Some(_) })
    ));
    assert!(pair.server.is_closing() && pair.ask(&send).is_none());
    // The answer to the SEND takes a minute; beats tell the client to wait.
    assert_eq!(pair.pass(SECOND * 60), None);
    assert!(pair.to_client.gap < SECOND * 20);
    // The client may not send any more, so that it is not missed.
    let hour = pair.now + SECOND * 3600;
    assert_eq!(pair.server.wake(hour, hour), server::Wake::Nothing);
    pair.tell(&Frame::receipt("r1"));
    pair.tell(&Frame::receipt("r2"));
    pair.server.close(pair.now);
    assert_eq!(pair.pass(SECOND * 60), Some("client did not close"));
}

#[test]
fn close_again_gains_no_time() {
    let mut pair = Pair::open(Version::V1_2);
    pair.server.close(pair.now);
    pair.server.close(pair.now + SECOND);
    assert_eq!(pair.server.wake_at(pair.now), Some(pair.now + SECOND * 2));
}

#[test]
fn refusal_ends_the_client_session() {
    let mut pair = Pair::open(Version::V1_2);
    let error = Frame::error("forbidden", "no rule allows this", Some("r:1"));
    let Some(client::Event::Error(refusal)) = pair.tell(&error) else {
        panic!()
    };
    assert_eq!(refusal.code.as_deref(), Some("forbidden"));
    assert_eq!(refusal.message.as_deref(), Some("no rule allows this"));
    assert_eq!(refusal.receipt.as_deref(), Some("r:1"));
    assert_eq!(refusal.body, "no rule allows this");
    assert!(!pair.client.is_open());
    assert_eq!(pair.tell(&Frame::receipt("r2")), None);
    assert_eq!(pair.client.wake_at(pair.now), None);
}

#[test]
fn servers_that_break_rules_are_left() {
    let connected = || Frame::new(Command::Connected);
    let table = [
        (false, Frame::receipt("r"), "not_connected"),
        (
            false,
            connected().header("version", "1.3"),
            "unsupported_version",
        ),
        (
            false,
            connected().header("version", "1.1"),
            "unsupported_version",
        ),
        (false, connected(), "unsupported_version"),
        (
            false,
            connected()
                .header("version", "1.2")
                .header("heart-beat", "x"),
            "bad_heartbeat",
        ),
        (
            true,
            connected().header("version", "1.2"),
            "already_connected",
        ),
        (true, Frame::new(Command::Receipt), "missing_header"),
        (
            true,
            Frame::new(Command::Message).header("destination", "/a"),
            "missing_header",
        ),
        (
            true,
            Frame::new(Command::Send).header("destination", "/a"),
            "client_frame_from_server",
        ),
    ];
    for (open, frame, code) in table {
        let config = client::Config::default().versions([Version::V1_2]);
        let mut pair = Pair::new(config, server::Config::default());
        if open {
            pair.connect();
        }
        let error = pair.client.receive(frame.clone(), pair.now).unwrap_err();
        assert_eq!(error.code(), code, "{frame:?}");
    }
}

#[test]
fn secrets_stay_out_of_debug() {
    let mut pair = Pair::new(client::Config::default(), server::Config::default());
    let connect = client::Connect {
        passcode: Some("hunter2"),
        headers: Headers::from_iter([("Authorization", "hunter2")]),
        ..client::Connect::default()
    };
    assert!(!format!("{connect:?}").contains("hunter2"));
    let frame = pair.client.connect(&connect);
    assert!(!format!("{frame:?}").contains("hunter2"));
    let asked = pair.ask(&frame);
    assert!(!format!("{asked:?}").contains("hunter2"));
    let accept = server::Accept {
        session: "s1",
        server: "test/1",
        user_name: None,
    };
    let connected = pair.server.accept(accept, pair.now);
    pair.tell(&connected);
    let asked = pair.ask(
        &Frame::new(Command::Send)
            .header("destination", "/a")
            .body("private"),
    );
    assert!(!format!("{asked:?}").contains("private"));
}

#[test]
fn stage_outside_a_transaction_fails() {
    let mut pair = Pair::open(Version::V1_2);
    let send = pair.client.send("/app/x", "x").header("receipt", "r1");
    let Some(server::Request::Send(send)) = pair.ask(&send) else {
        panic!()
    };
    let error = pair
        .server
        .stage("t1", server::Staged::Send(send))
        .unwrap_err();
    assert_eq!(error.fault(), &Fault::UnknownTransaction);
    assert_eq!(error.receipt(), Some("r1"));
}

#[test]
fn subscriptions_end_with_the_session() {
    let mut pair = Pair::open(Version::V1_2);
    for id in ["1", "2", "3"] {
        let subscribe = pair.client.subscribe(id, "/topic/a", AckMode::Auto);
        let Some(server::Request::Subscribe(asked)) = pair.ask(&subscribe) else {
            panic!()
        };
        pair.server.subscribed(asked.id, None, asked.ack);
    }
    assert!(pair.server.unsubscribe("2").is_some() && pair.server.was_removed("2"));
    let ids: Vec<_> = pair
        .server
        .subscriptions()
        .map(|(id, _)| id.to_string())
        .collect();
    assert_eq!(ids, ["1", "3"]);
    pair.ask(&pair.client.disconnect("r"));
    let taken = pair.server.take_subscriptions();
    assert_eq!(taken.len(), 2);
    assert_eq!(pair.server.subscription("1"), None);
}

#[test]
fn ack_for_a_single_answer_is_known() {
    let mut pair = Pair::open(Version::V1_2);
    let subscribe = pair
        .client
        .subscribe("once", "/app/answer", AckMode::Client);
    let Some(server::Request::Subscribe(asked)) = pair.ask(&subscribe) else {
        panic!()
    };
    pair.server.forget(asked.id);
    let ack = Frame::new(Command::Ack)
        .header("id", "1")
        .header("subscription", "once");
    let Some(server::Request::Ack(settle)) = pair.ask(&ack) else {
        panic!()
    };
    assert!(settle.known_removed);
    // The id is free.
    assert!(matches!(
        pair.ask(&subscribe),
        Some(server::Request::Subscribe(_))
    ));
}
