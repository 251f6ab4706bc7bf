//! A STOMP session as others see it: who, since when, over what, and how to reach or end it.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use stompline_proto::Version;
use stompline_sockjs::Transport;

use crate::{
    auth::{Attributes, Principal},
    backplane::{Member, SessionEntry},
    close::CloseReason,
    name::UserKey,
    subscription::SessionOutbox,
};

/// One session. Handlers, interceptors and listeners get it; it stays valid, but silent, after the session's end.
pub struct Session {
    /// The id, in the line of a MESSAGE that it begins.
    id_line: [u8; LINE_BYTES],
    endpoint: Arc<str>,
    transport: Transport,
    outbox: Arc<SessionOutbox>,
    attributes: Attributes,
    principal: OnceLock<Principal>,
    version: AtomicU8,
    /// Milliseconds of the Unix epoch.
    opened_at_ms: u64,
    opened: Instant,
    /// Milliseconds after `opened` at which the client last sent a frame.
    active_ms: AtomicU64,
    /// Seconds of the Unix epoch at which the token ends; `u64::MAX` for never.
    expires_s: AtomicU64,
    end: OnceLock<Box<CloseReason>>,
    told_undeliverable: AtomicBool,
}

impl Session {
    pub(crate) fn new(
        endpoint: Arc<str>,
        transport: Transport,
        outbox: Arc<SessionOutbox>,
        attributes: Attributes,
    ) -> Arc<Self> {
        Arc::new(Self {
            id_line: id_line(),
            endpoint,
            transport,
            outbox,
            attributes,
            principal: OnceLock::new(),
            version: AtomicU8::new(0),
            opened_at_ms: unix_ms(SystemTime::now()),
            opened: Instant::now(),
            active_ms: AtomicU64::new(0),
            expires_s: AtomicU64::new(u64::MAX),
            end: OnceLock::new(),
            told_undeliverable: AtomicBool::new(false),
        })
    }

    /// The id: 26 characters, 130 random bits, unique in the cluster. It is shown in CONNECTED and in every `message-id`.
    pub fn id(&self) -> &str {
        std::str::from_utf8(self.id_bytes()).unwrap_or_default()
    }

    /// The id as it is written into frames.
    pub(crate) fn id_bytes(&self) -> &[u8] {
        &self.id_line[LINE_START.len()..LINE_BYTES - 1]
    }

    /// The end of one line and the next as far as the message's number: `message-id:`, the id and `-`.
    pub(crate) fn id_line(&self) -> &[u8] {
        &self.id_line
    }

    /// The prefix of the endpoint, `/ws/chat` for example.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What carries the session.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Who it is. Without authentication everybody is a user of their own, in the realm `anonymous`, named by the session.
    ///
    /// # Panics
    ///
    /// Before CONNECT was accepted; nobody but the connection itself sees a session then.
    pub fn principal(&self) -> &Principal {
        self.principal
            .get()
            .expect("a session is shown to others only after CONNECT was accepted")
    }

    /// The principal, or `None` before CONNECT was accepted.
    pub fn principal_if_connected(&self) -> Option<&Principal> {
        self.principal.get()
    }

    /// The attributes that handshake interceptors and authenticators gave it.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// When the connection was made, to the millisecond.
    pub fn opened_at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.opened_at_ms)
    }

    /// For how long the client has sent no frame.
    pub fn idle(&self) -> Duration {
        let active = Duration::from_millis(self.active_ms.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(active)
    }

    /// Ends the session: what is queued leaves first, except for a slow consumer. The first reason stands.
    pub fn end(&self, reason: CloseReason) {
        let slow = reason == CloseReason::SlowConsumer;
        let close = reason.close();
        if self.end.set(Box::new(reason)).is_ok() {
            if slow {
                self.outbox.abort(close);
            } else {
                self.outbox.close(close);
            }
        }
    }

    /// Why it was ended from this side, if it was.
    pub fn end_reason(&self) -> Option<&CloseReason> {
        self.end.get().map(|reason| &**reason)
    }

    /// When the principal's token ends, if it does.
    pub fn expires_at(&self) -> Option<SystemTime> {
        match self.expires_s.load(Ordering::Relaxed) {
            u64::MAX => None,
            seconds => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        }
    }

    /// A renewed token: the same principal, a later end.
    ///
    /// # Errors
    ///
    /// If the principal is another.
    pub fn renew(&self, principal: &Principal) -> Result<(), OtherPrincipal> {
        if self.principal.get().map(Principal::key) != Some(principal.key()) {
            return Err(OtherPrincipal);
        }
        self.set_expiry(principal);
        self.outbox.wake();
        Ok(())
    }

    /// What the directory of a cluster shows of it.
    pub(crate) fn entry(&self, member: Member) -> SessionEntry {
        SessionEntry {
            id: self.id().into(),
            user: self.key().clone(),
            member,
            endpoint: Arc::clone(&self.endpoint),
            transport: self.transport.name().into(),
            since_ms: self.opened_at_ms,
        }
    }

    pub(crate) fn outbox(&self) -> &Arc<SessionOutbox> {
        &self.outbox
    }

    pub(crate) fn key(&self) -> &UserKey {
        self.principal().key()
    }

    pub(crate) fn version(&self) -> Version {
        match self.version.load(Ordering::Relaxed) {
            1 => Version::V1_1,
            2 => Version::V1_2,
            _ => Version::V1_0,
        }
    }

    pub(crate) fn set_version(&self, version: Version) {
        let number = match version {
            Version::V1_0 => 0,
            Version::V1_1 => 1,
            Version::V1_2 => 2,
        };
        self.version.store(number, Ordering::Relaxed);
    }

    pub(crate) fn connect(&self, principal: Principal) {
        self.set_expiry(&principal);
        // Only the connection's task connects, once.
        let _ = self.principal.set(principal);
    }

    pub(crate) fn touch(&self) {
        let ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active_ms.store(ms, Ordering::Relaxed);
    }

    /// Marks that something could not be put into text; true the first time.
    pub(crate) fn note_undeliverable(&self) {
        if !self.told_undeliverable.swap(true, Ordering::Relaxed) {
            self.outbox.wake();
        }
    }

    pub(crate) fn has_undeliverable(&self) -> bool {
        self.told_undeliverable.load(Ordering::Relaxed)
    }

    fn set_expiry(&self, principal: &Principal) {
        let seconds = principal
            .expires_at()
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
            .map_or(u64::MAX, |since| since.as_secs());
        self.expires_s.store(seconds, Ordering::Relaxed);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("endpoint", &self.endpoint)
            .field("user", &self.principal.get().map(Principal::key))
            .finish_non_exhaustive()
    }
}

/// Milliseconds of the Unix epoch.
pub(crate) fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// A token of another user was presented for renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token belongs to another user")]
pub struct OtherPrincipal;

/// Characters of a session's id, of 5 random bits each.
const ID_BYTES: usize = 26;

/// 26 characters of a to z and 2 to 7: no character that any STOMP version or JSON escapes, and no `-`, which separates the message number.
fn fresh_id() -> [u8; ID_BYTES] {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = [0; ID_BYTES];
    getrandom::fill(&mut random)
        .expect("the system gives random numbers; without them no server can run safely");
    random.map(|byte| ALPHABET[usize::from(byte & 31)])
}

const LINE_START: &[u8] = b"\nmessage-id:";
const LINE_BYTES: usize = LINE_START.len() + ID_BYTES + 1;

fn id_line() -> [u8; LINE_BYTES] {
    let mut line = [b'-'; LINE_BYTES];
    line[..LINE_START.len()].copy_from_slice(LINE_START);
    line[LINE_START.len()..LINE_BYTES - 1].copy_from_slice(&fresh_id());
    line
}

/// The same for what else needs a name of its own.
pub(crate) fn fresh_name() -> String {
    fresh_id().map(char::from).iter().collect()
}
