use std::{sync::Arc, time::Instant};

use super::{
    Config, Request, Staged,
    state::{Closing, Open, Opening, State},
    table::Table,
    transaction::Transactions,
};
use crate::{
    Agreed, Command, Frame, Heartbeat, ProtocolError, SubscriptionId, Version,
    error::Fault,
    pulse::{Due, Pulse, earlier},
};

/// One client's session as the server sees it. It is given frames and the time, and does nothing by
/// itself: the application sends the answers, keeps the timer and closes the connection.
///
/// `T` is what the application keeps with each subscription.
///
/// A session is *opening* until [`Session::accept`], then *open* until DISCONNECT or
/// [`Session::close`], then *closing*, which has no way back.
#[derive(Debug)]
pub struct Session<T> {
    config: Arc<Config>,
    state: State,
    pulse: Pulse,
    subscriptions: Table<T>,
}

/// What the application tells the client when it accepts a CONNECT.
#[derive(Clone, Copy, Debug)]
pub struct Accept<'a> {
    /// Identifies the session; must not be guessable if anything is keyed by it.
    pub session: &'a str,
    /// Name and version of the server, such as `example/1.0`.
    pub server: &'a str,
    /// Whom the client was recognised as.
    pub user_name: Option<&'a str>,
}

/// What [`Session::wake`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing is due yet.
    Nothing,
    /// Send a line end.
    Beat,
    /// The session was not accepted in time: close.
    ConnectTimeout,
    /// The client was silent for too long: close.
    Silent,
    /// The client did not close in time: close.
    CloseTimeout,
}

impl<T> Session<T> {
    /// A session whose connection began at `now`.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let deadline = now.checked_add(config.connect_timeout);
        Self {
            config,
            state: State::Opening(Opening {
                deadline,
                offer: None,
            }),
            pulse: Pulse::new(now),
            subscriptions: Table::new(),
        }
    }

    /// Takes the client's next frame; `None` if it is ignored because the session is closing.
    ///
    /// # Errors
    ///
    /// The client broke the rules: send [`ProtocolError::to_frame`], call [`Session::close`] and
    /// close the connection.
    pub fn receive(
        &mut self,
        mut frame: Frame,
        now: Instant,
    ) -> Result<Option<Request<T>>, ProtocolError> {
        self.received(now);
        let request = match &mut self.state {
            State::Closing(_) => return Ok(None),
            _ if frame.command.is_from_server() => Err(Fault::ServerFrameFromClient {
                command: frame.command,
            }),
            State::Opening(opening) => opening.receive(&mut frame).map(Request::Connect),
            State::Open(open) => open.receive(&mut frame, &mut self.subscriptions, &self.config),
        };
        let request =
            request.map_err(|fault| ProtocolError::new(fault, frame.headers.find("receipt")))?;
        if let Request::Disconnect { .. } = request {
            self.start_closing(None);
        }
        Ok(Some(request))
    }

    /// Any octets came from the client: it is alive.
    pub fn received(&mut self, now: Instant) {
        self.pulse.received(now);
    }

    /// Opens the session after [`Request::Connect`] and returns the CONNECTED frame to send.
    ///
    /// Its `heart-beat` is what the server offers; what holds is [`Session::agreed`]. If there was no
    /// CONNECT or the session has begun to close meanwhile, the session stays as it is and the frame
    /// does not matter.
    pub fn accept(&mut self, connected: Accept<'_>, now: Instant) -> Frame {
        if let State::Opening(Opening {
            offer: Some(offer), ..
        }) = self.state
        {
            let ours = self.heartbeat(offer.version);
            self.received(now);
            self.state = State::Open(Open {
                version: offer.version,
                agreed: ours.agree(offer.heartbeat),
                transactions: Transactions::default(),
            });
        }
        let version = self.version();
        let mut frame = Frame::new(Command::Connected)
            .header("version", version.as_str())
            .header("heart-beat", &self.heartbeat(version).to_string())
            .header("session", connected.session)
            .header("server", connected.server);
        if let Some(name) = connected.user_name {
            frame.headers.push("user-name", name);
        }
        frame
    }

    /// A subscription lives from now on. `destination` is kept only where UNSUBSCRIBE may name it,
    /// in STOMP 1.0. Returns what was kept with a live subscription of the same id, which it replaces;
    /// [`Session::receive`] lets no such SUBSCRIBE through.
    pub fn subscribed(
        &mut self,
        id: SubscriptionId,
        destination: Option<&str>,
        value: T,
    ) -> Option<T> {
        let by_destination = self.version() == Version::V1_0 && !id.is_implicit();
        self.subscriptions
            .insert(id, destination.filter(|_| by_destination), value)
    }

    /// Ends a subscription on the server's own account.
    pub fn unsubscribe(&mut self, id: &str) -> Option<(SubscriptionId, T)> {
        self.subscriptions.remove(id)
    }

    /// Remembers an id as lately removed although it never lived, as when a SUBSCRIBE was answered
    /// with one message: an ACK for that is then
    /// [`Settle::known_removed`](super::Settle::known_removed).
    pub fn forget(&mut self, id: SubscriptionId) {
        self.subscriptions.remember(id);
    }

    /// Takes all live subscriptions out, oldest first; for the end of the session.
    pub fn take_subscriptions(&mut self) -> Vec<(SubscriptionId, T)> {
        self.subscriptions.take()
    }

    /// What is kept with a live subscription, to change it.
    pub fn subscription_mut(&mut self, id: &str) -> Option<&mut T> {
        self.subscriptions.find_mut(id)
    }

    /// Adds a frame that was checked to its open transaction.
    ///
    /// # Errors
    ///
    /// The transaction is not open, or the open transactions would hold too much.
    pub fn stage(&mut self, transaction: &str, staged: Staged) -> Result<(), ProtocolError> {
        let receipt = staged.receipt().map(str::to_owned);
        let result = match &mut self.state {
            State::Open(open) => open.transactions.stage(transaction, staged, &self.config),
            State::Opening(_) | State::Closing(_) => Err(Fault::UnknownTransaction),
        };
        result.map_err(|fault| ProtocolError::new(fault, receipt.as_deref()))
    }

    /// Begins to close: frames that come are ignored, and [`Wake::CloseTimeout`] follows after
    /// [`Config::close_timeout`]. Call it when the last frame, an ERROR or the RECEIPT of a
    /// DISCONNECT, has been sent. Later calls change nothing.
    pub fn close(&mut self, now: Instant) {
        if let State::Closing(Closing {
            deadline: Some(_), ..
        }) = self.state
        {
            return;
        }
        self.start_closing(now.checked_add(self.config.close_timeout));
    }

    /// The server stops reading: until [`Session::resumed`] the client's silence does not count. The
    /// time to connect and the time to close run on.
    pub fn paused(&mut self, now: Instant) {
        self.pulse.pause(now);
    }

    /// Reading goes on, and silence counts on from where it stood. Read before calling
    /// [`Session::wake`]: what the client sent meanwhile waits in the socket.
    pub fn resumed(&mut self, now: Instant) {
        self.pulse.resume(now);
    }

    /// Does what time demands. `last_sent` is when octets were last written to the client.
    ///
    /// A beat is due a tenth of the agreed interval, at most one second, before the interval ends:
    /// room for a late timer, so that the gap never passes what was agreed. If this is called much later
    /// than [`Session::wake_at`] said, the server was held up, and a client that seems silent gets one
    /// more interval.
    pub fn wake(&mut self, now: Instant, last_sent: Instant) -> Wake {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        match &self.state {
            State::Opening(opening) if passed(opening.deadline) => return Wake::ConnectTimeout,
            State::Closing(closing) if passed(closing.deadline) => return Wake::CloseTimeout,
            _ => {}
        }
        let (agreed, intervals) = self.watched();
        match self.pulse.due(agreed, intervals, last_sent, now) {
            Due::Nothing => Wake::Nothing,
            Due::Beat => Wake::Beat,
            Due::Silent => Wake::Silent,
        }
    }

    /// When [`Session::wake`] will next have something to say; it may be past. Ask again when a
    /// frame was received or sent.
    pub fn wake_at(&self, last_sent: Instant) -> Option<Instant> {
        let deadline = match &self.state {
            State::Opening(opening) => opening.deadline,
            State::Open(_) => None,
            State::Closing(closing) => closing.deadline,
        };
        let (agreed, intervals) = self.watched();
        earlier(deadline, self.pulse.wake_at(agreed, intervals, last_sent))
    }

    /// Whether the session has been accepted and does not close yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether the client has left or [`Session::close`] was called.
    pub fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing(_))
    }

    /// The version of the session; 1.0, whose frames every client can read, before CONNECT.
    pub fn version(&self) -> Version {
        match &self.state {
            State::Opening(opening) => opening.offer.map_or(Version::V1_0, |offer| offer.version),
            State::Open(open) => open.version,
            State::Closing(closing) => closing.version,
        }
    }

    /// The heart-beats agreed; none before the session is open.
    pub fn agreed(&self) -> Agreed {
        match &self.state {
            State::Opening(_) => Agreed::NONE,
            State::Open(open) => open.agreed,
            State::Closing(closing) => closing.agreed,
        }
    }

    /// The live subscriptions, oldest first.
    pub fn subscriptions(&self) -> impl Iterator<Item = (&SubscriptionId, &T)> {
        self.subscriptions.iter()
    }

    /// What is kept with a live subscription.
    pub fn subscription(&self, id: &str) -> Option<&T> {
        self.subscriptions.find(id)
    }

    /// Whether this id is among the sixteen removed last and not alive again.
    pub fn was_removed(&self, id: &str) -> bool {
        self.subscriptions.was_removed(id)
    }

    fn start_closing(&mut self, deadline: Option<Instant>) {
        // Beats go on only while answers do.
        let agreed = if deadline.is_some() {
            Agreed::NONE
        } else {
            self.agreed()
        };
        self.state = State::Closing(Closing {
            version: self.version(),
            agreed,
            deadline,
        });
    }

    /// The beats that hold and how many intervals of silence end the session. A client that has left
    /// must not send any more, so its silence means nothing.
    fn watched(&self) -> (Agreed, u32) {
        let intervals = if self.is_open() {
            self.config.silent_intervals_max
        } else {
            0
        };
        (self.agreed(), intervals)
    }

    fn heartbeat(&self, version: Version) -> Heartbeat {
        if version == Version::V1_0 {
            Heartbeat::NONE
        } else {
            self.config.heartbeat
        }
    }
}
