//! Sessions written down: what the client sends, what the server makes of it, and when.
//!
//! A transcript is a text. Its lines are
//!
//! - `== text`: a new session;
//! - `set name value`: a setting of the session;
//! - `> text`: octets from the client. LF is added unless the line ends with `^@`, which stands for
//!   NUL; `^M` stands for CR and `^{ff}` for any octet. Lines that follow each other come at once;
//! - `+ 5s`, `pause 5s`: time passes, in the second case while the server does not read;
//! - `deliver id count`: messages go out to a subscription;
//! - `= text`: what a frame asked for;
//! - `< text`: octets from the server, written as those of the client;
//! - `~ 19s text`: what the passing of time demanded, and at which moment of the session;
//! - `# text` and blank lines: for people.
//!
//! The server in the test accepts everybody but `nobody`, confirms what asks for a receipt and closes
//! after errors. `check` replays the client's part and compares the whole.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use stompline_proto::{
    AckMode, DecodeLimits, Decoded, Decoder, Frame, ProtocolError, Side, Unacked, encode,
    server::{Accept, Config, Request, Send, Session, Settle, Staged, Wake},
};

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_transcript_is_checked() {
            let mut names: Vec<_> = fs::read_dir(folder())
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, [$(concat!(stringify!($name), ".stomp")),*]);
        }
    };
}

transcripts! {
    connect,
    disconnect,
    framing,
    headers,
    heartbeat,
    length,
    limits,
    receipts,
    send,
    settle,
    subscribe,
    transaction,
    version_1_0,
    version_1_1,
}

/// Replays a transcript with each run of client lines as one input, then octet by octet.
fn check(name: &str) {
    let path = folder().join(name).with_extension("stomp");
    let expected = fs::read_to_string(path).unwrap();
    for cut in [usize::MAX, 1] {
        let actual = replay(&expected, cut);
        assert!(
            actual == expected,
            "{name}, cut every {cut} octets, became\n\n{actual}\n{}",
            first_difference(&expected, &actual)
        );
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts"))
}

fn first_difference(expected: &str, actual: &str) -> String {
    let line = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(one, other)| one == other)
        .count();
    format!(
        "line {}: expected {:?}, got {:?}",
        line + 1,
        expected.lines().nth(line),
        actual.lines().nth(line)
    )
}

fn replay(script: &str, cut: usize) -> String {
    let mut actual = String::new();
    let mut server = Server::new(Settings::default());
    let mut settings = Settings::default();
    let mut pending = Vec::new();
    for line in script.lines() {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if kind != ">" && !pending.is_empty() {
            actual.push_str(&server.input(&pending, cut));
            pending.clear();
        }
        if matches!(kind, "=" | "<" | "~") {
            continue;
        }
        actual.push_str(line);
        actual.push('\n');
        match kind {
            ">" => pending.extend(octets(rest)),
            "==" => {
                settings = Settings::default();
                server = Server::new(settings.clone());
            }
            "set" => {
                settings.set(rest);
                server = Server::new(settings.clone());
            }
            "+" => actual.push_str(&server.pass(seconds(rest))),
            "pause" => actual.push_str(&server.pause(seconds(rest))),
            "deliver" => server.deliver(rest),
            "#" | "" => {}
            other => panic!("unknown line {other:?}"),
        }
    }
    actual.push_str(&server.input(&pending, cut));
    actual
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap())
}

fn octets(line: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('^') {
        octets.extend(before.as_bytes());
        rest = if let Some(after) = after.strip_prefix('@') {
            octets.push(0);
            after
        } else if let Some(after) = after.strip_prefix('M') {
            octets.push(b'\r');
            after
        } else {
            let (hex, after) = after.strip_prefix('{').unwrap().split_once('}').unwrap();
            octets.push(u8::from_str_radix(hex, 16).unwrap());
            after
        };
    }
    octets.extend(rest.as_bytes());
    if octets.last() != Some(&0) {
        octets.push(b'\n');
    }
    octets
}

#[derive(Clone, Default)]
struct Settings {
    config: Config,
    limits: DecodeLimits,
}

impl Settings {
    fn set(&mut self, line: &str) {
        let (name, value) = line.split_once(' ').unwrap();
        let number = || value.parse().unwrap();
        match name {
            "heartbeat" => self.config.heartbeat = value.parse().unwrap(),
            "subscriptions_max" => self.config.subscriptions_max = number(),
            "transactions_max" => self.config.transactions_max = number(),
            "transaction_frames_max" => self.config.transaction_frames_max = number(),
            "transaction_bytes_max" => self.config.transaction_bytes_max = number(),
            "frame_bytes_max" => self.limits.frame_bytes_max = number(),
            "frame_bytes_max_before_connect" => {
                self.limits.frame_bytes_max_before_connect = number();
            }
            "headers_max" => self.limits.headers_max = number(),
            "header_name_bytes_max" => self.limits.header_name_bytes_max = number(),
            "header_value_bytes_max" => self.limits.header_value_bytes_max = number(),
            other => panic!("unknown setting {other:?}"),
        }
    }
}

/// What the server keeps with a subscription.
struct Subscription {
    ack: AckMode,
    unacked: Unacked,
}

/// A server that does what is asked and writes down what happens.
struct Server {
    decoder: Decoder,
    session: Session<Subscription>,
    start: Instant,
    now: Instant,
    last_sent: Instant,
    deliveries: u64,
    ended: bool,
    log: String,
}

impl Server {
    fn new(settings: Settings) -> Self {
        let start = Instant::now();
        Self {
            decoder: Decoder::new(Side::Server, settings.limits),
            session: Session::new(Arc::new(settings.config), start),
            start,
            now: start,
            last_sent: start,
            deliveries: 0,
            ended: false,
            log: String::new(),
        }
    }

    fn input(&mut self, octets: &[u8], cut: usize) -> String {
        for piece in octets.chunks(cut.min(octets.len()).max(1)) {
            self.read(piece);
        }
        std::mem::take(&mut self.log)
    }

    fn pause(&mut self, time: Duration) -> String {
        self.session.paused(self.now);
        let log = self.pass(time);
        self.session.resumed(self.now);
        log
    }

    /// Lets time pass and wakes the session whenever it wants to be woken.
    fn pass(&mut self, time: Duration) -> String {
        let end = self.now + time;
        while let Some(at) = self.session.wake_at(self.last_sent).filter(|&at| at <= end) {
            if self.ended {
                break;
            }
            self.now = self.now.max(at);
            let wake = self.session.wake(self.now, self.last_sent);
            let text = match wake {
                Wake::Nothing => panic!("woken for nothing"),
                Wake::Beat => "beat",
                Wake::ConnectTimeout => "not connected in time",
                Wake::Silent => "silent for too long",
                Wake::CloseTimeout => "not closed in time",
            };
            let _ = writeln!(self.log, "~ {}s {text}", (self.now - self.start).as_secs());
            self.last_sent = self.now;
            self.ended = wake != Wake::Beat;
        }
        self.now = end;
        std::mem::take(&mut self.log)
    }

    fn deliver(&mut self, line: &str) {
        let (id, count) = line.split_once(' ').unwrap();
        for _ in 0..count.parse().unwrap() {
            self.deliveries += 1;
            self.session
                .subscription_mut(id)
                .unwrap()
                .unacked
                .push(self.deliveries)
                .unwrap();
        }
    }

    fn read(&mut self, mut input: &[u8]) {
        self.session.received(self.now);
        loop {
            match self.decoder.decode(&mut input) {
                Ok(Some(Decoded::Frame(frame))) => self.receive(frame),
                Ok(Some(Decoded::Heartbeat)) => {}
                Ok(None) => return,
                Err(error) => {
                    if !self.session.is_closing() {
                        self.refuse(&error.to_frame(self.decoder.failed_receipt()));
                    }
                    return;
                }
            }
        }
    }

    fn receive(&mut self, frame: Frame) {
        match self.session.receive(frame, self.now) {
            Ok(Some(request)) => self.answer(request),
            Ok(None) => self.note("ignored"),
            Err(error) => self.refuse(&error.to_frame()),
        }
    }

    fn answer(&mut self, request: Request<Subscription>) {
        match request {
            Request::Connect(connect) => {
                self.note(&format!(
                    "connect {} {} login {:?} passcode {:?}",
                    connect.version, connect.heartbeat, connect.login, connect.passcode
                ));
                if connect.login.as_deref() == Some("nobody") {
                    return self.refuse(&Frame::error("bad_token", "unknown user", None));
                }
                let accept = Accept {
                    session: "s1",
                    server: "test/1",
                    user_name: Some("ann"),
                };
                let connected = self.session.accept(accept, self.now);
                self.send(&connected);
            }
            Request::Send(send) => self.on_send(send),
            Request::Subscribe(subscribe) => {
                self.note(&format!(
                    "subscribe {:?} {:?} {}",
                    subscribe.id, subscribe.destination, subscribe.ack
                ));
                let kept = Subscription {
                    ack: subscribe.ack,
                    unacked: Unacked::default(),
                };
                self.session
                    .subscribed(subscribe.id, Some(&subscribe.destination), kept);
                self.confirm(subscribe.receipt);
            }
            Request::Unsubscribe { removed, receipt } => {
                self.note(&format!("unsubscribe {:?}", removed.map(|(id, _)| id)));
                self.confirm(receipt);
            }
            Request::Ack(settle) => self.on_settle("ack", settle, Staged::Ack),
            Request::Nack(settle) => self.on_settle("nack", settle, Staged::Nack),
            Request::Begin {
                transaction,
                receipt,
            } => {
                self.note(&format!("begin {transaction:?}"));
                self.confirm(receipt);
            }
            Request::Commit { staged, receipt } => {
                self.note("commit");
                for staged in staged {
                    match staged {
                        Staged::Send(send) => self.note_send("send", &send),
                        Staged::Ack(settle) => self.settle("ack", &settle),
                        Staged::Nack(settle) => self.settle("nack", &settle),
                    }
                }
                self.confirm(receipt);
            }
            Request::Abort { receipt } => {
                self.note("abort");
                self.confirm(receipt);
            }
            Request::Disconnect { receipt } => {
                self.note("disconnect");
                self.confirm(receipt);
                self.session.close(self.now);
            }
        }
    }

    fn on_send(&mut self, send: Send) {
        let receipt = send.receipt.clone();
        let staged = match send.transaction.clone() {
            None => {
                self.note_send("send", &send);
                Ok(())
            }
            Some(transaction) => {
                self.note_send("stage", &send);
                self.session.stage(&transaction, Staged::Send(send))
            }
        };
        self.finish(staged, receipt);
    }

    fn on_settle(&mut self, name: &str, settle: Settle, stage: fn(Settle) -> Staged) {
        let receipt = settle.receipt.clone();
        let staged = match settle.transaction.clone() {
            None => {
                self.settle(name, &settle);
                Ok(())
            }
            Some(transaction) => {
                self.note(&format!("stage {name} {:?}", settle.id));
                self.session.stage(&transaction, stage(settle))
            }
        };
        self.finish(staged, receipt);
    }

    fn finish(&mut self, result: Result<(), ProtocolError>, receipt: Option<String>) {
        match result {
            Ok(()) => self.confirm(receipt),
            Err(error) => self.refuse(&error.to_frame()),
        }
    }

    /// Settles by delivery numbers, which this server puts in `ack` headers and ends ids with.
    fn settle(&mut self, name: &str, settle: &Settle) {
        let number = settle
            .id
            .rsplit('-')
            .next()
            .and_then(|number| number.parse().ok());
        let subscription = settle
            .subscription
            .as_deref()
            .and_then(|id| self.session.subscription_mut(id));
        let settled = match (subscription, number) {
            (Some(kept), Some(number)) => kept.unacked.settle(kept.ack, number),
            _ => None,
        };
        let removed = if settle.known_removed {
            ", subscription removed lately"
        } else {
            ""
        };
        self.note(&format!(
            "{name} {:?} settles {settled:?}{removed}",
            settle.id
        ));
    }

    fn note_send(&mut self, verb: &str, send: &Send) {
        let body = String::from_utf8_lossy(&send.body);
        self.note(&format!(
            "{verb} {:?} {:?} {body:?}",
            send.destination, send.headers
        ));
    }

    fn note(&mut self, text: &str) {
        let _ = writeln!(self.log, "= {text}");
    }

    fn confirm(&mut self, receipt: Option<String>) {
        if let Some(id) = receipt {
            self.send(&Frame::receipt(&id));
        }
    }

    fn refuse(&mut self, error: &Frame) {
        self.send(error);
        self.session.close(self.now);
    }

    fn send(&mut self, frame: &Frame) {
        let mut octets = Vec::new();
        encode(frame, self.session.version(), &mut octets);
        let text = String::from_utf8(octets)
            .unwrap()
            .replace('\0', "^@")
            .replace('\r', "^M");
        for line in text.split('\n') {
            let _ = writeln!(self.log, "{}", format!("< {line}").trim_end());
        }
        self.last_sent = self.now;
    }
}
