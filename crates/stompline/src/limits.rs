//! The bounds of one node. Everything that can grow has one.

use std::{sync::Arc, time::Duration};

use stompline_proto::{DecodeLimits, Heartbeat, server};
use stompline_sockjs::Settings;

use crate::rate::Rate;

/// What a WebSocket message may hold at least, however small frames have to be: a frame that is too large should be named by an
/// ERROR and not be cut off below.
const MESSAGE_BYTES_MIN: usize = 128 * 1024;

/// The bounds of one node, with defaults for a public server. Zero switches off those that say so. An endpoint may have
/// [its own](crate::Endpoint::limits).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Frames: bytes, headers, names and values.
    pub frame: DecodeLimits,
    /// Heart-beats that the server offers: it sends every 20 s and wants one every 45 s. A hidden browser tab's timers run once a
    /// minute, so three intervals may pass in silence.
    pub heartbeat: Heartbeat,
    /// From the connection to CONNECTED: 10 s, of which the handshake may use all. Spring waits 60 s and only looks when somebody else connects.
    pub connect_timeout: Duration,
    /// How long a client may take over the body of one request of a session over HTTP: 60 s.
    pub body_timeout: Duration,
    /// Subscriptions of one session: 128.
    pub subscriptions_max: usize,
    /// Bytes that may wait for one session: 512 KiB, as in Spring.
    pub outbox_bytes_max: usize,
    /// How long a socket may take nothing although something waits: 10 s, as Spring's send time limit.
    pub write_stall: Duration,
    /// Sessions of one user, on all nodes; one more ends the one that was idle longest: 10. If the user has sessions on several nodes it
    /// ends the oldest instead, since how idle a session is only its node knows. Zero: no limit.
    pub sessions_per_user_max: usize,
    /// New connections of this node in a second: 5,000. More are answered with 503 and a time to come back. Zero: no limit.
    pub connects_per_s: u32,
    /// New connections from one address in a second. Zero, the default: no limit, since many people share an address.
    pub connects_per_s_per_address: u32,
    /// Handshakes of this node whose authentication is under way: 1,024. More are answered with 503 and a time to come back, `/info`
    /// first. A JWT is checked within microseconds and never waits; an authenticator that asks another service may, and what comes
    /// meanwhile would wait in memory, behind a service that is in trouble already. With 50 ms a question it is 20,000 a second,
    /// more than [`connects_per_s`](Self::connects_per_s) lets pass. CONNECT with late authentication waits for its place. Zero: no limit.
    pub authentications_max: usize,
    /// Frames of one session in a second. Zero, the default: no limit; applications limit what costs them.
    pub frames_per_s: u32,
    /// Frames and bytes held by one open transaction: 100 and 1 MiB.
    pub transaction_frames_max: usize,
    /// See [`transaction_frames_max`](Self::transaction_frames_max).
    pub transaction_bytes_max: usize,
    /// How long a handler may take: 30 s. The client is told `timeout`.
    pub handler_timeout: Duration,
    /// How long a token that has ended is still good for a live session: 5 s, since clocks differ.
    pub expiry_leeway: Duration,
    /// How long before a token ends its client is told: 60 s.
    pub expiry_notice: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: DecodeLimits::default(),
            heartbeat: Heartbeat {
                send_ms: 20_000,
                receive_ms: 45_000,
            },
            connect_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_mins(1),
            subscriptions_max: 128,
            outbox_bytes_max: 512 * 1024,
            write_stall: Duration::from_secs(10),
            sessions_per_user_max: 10,
            connects_per_s: 5_000,
            connects_per_s_per_address: 0,
            authentications_max: 1_024,
            frames_per_s: 0,
            transaction_frames_max: 100,
            transaction_bytes_max: 1024 * 1024,
            handler_timeout: Duration::from_secs(30),
            expiry_leeway: Duration::from_secs(5),
            expiry_notice: Duration::from_mins(1),
        }
    }
}

impl Limits {
    /// What the transports need of them. A WebSocket message may hold several frames, or one that grew by SockJS' escaping.
    pub(crate) fn transport(&self) -> Settings {
        Settings::default()
            .outbox_bytes_max(self.outbox_bytes_max)
            .body_timeout(self.body_timeout)
            .message_bytes_max(
                self.frame
                    .frame_bytes_max
                    .saturating_mul(2)
                    .max(MESSAGE_BYTES_MIN),
            )
    }

    fn session(&self) -> server::Config {
        server::Config::default()
            .heartbeat(self.heartbeat)
            .connect_timeout(self.connect_timeout)
            .subscriptions_max(self.subscriptions_max)
            .transaction_frames_max(self.transaction_frames_max)
            .transaction_bytes_max(self.transaction_bytes_max)
    }
}

/// The bounds of the sessions of one endpoint, in the forms in which they are used.
pub(crate) struct SessionLimits {
    pub(crate) limits: Limits,
    pub(crate) stomp: Arc<server::Config>,
    pub(crate) frame: Arc<DecodeLimits>,
    pub(crate) frame_rate: Option<Rate>,
}

impl SessionLimits {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            stomp: Arc::new(limits.session()),
            frame: Arc::new(limits.frame),
            frame_rate: Some(Rate::per_s(limits.frames_per_s)).filter(|rate| !rate.is_off()),
            limits,
        })
    }
}
