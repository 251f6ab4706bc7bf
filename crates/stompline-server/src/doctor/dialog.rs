//! A STOMP session over any carrier, one question at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stompline_proto::client::{Config, Connect, Connected, Event, Message, Session, Wake};
use stompline_proto::{AckMode, DecodeLimits, Decoded, Decoder, Frame, Side, encode};
use tokio::time::timeout_at;

use super::carrier::Carrier;
use crate::client::fault::Fault;
use crate::client::http::Visit;

/// The longest frame taken: sixteen times what servers send by default.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// An open session.
pub(super) struct Dialog {
    carrier: Carrier,
    decoder: Decoder,
    session: Session,
    last_sent: Instant,
    events: VecDeque<Event>,
}

impl Dialog {
    /// Sends CONNECT and waits for CONNECTED.
    pub(super) async fn open(
        carrier: Carrier,
        visit: &Visit<'_>,
    ) -> Result<(Self, Connected), Fault> {
        let now = Instant::now();
        let limits = DecodeLimits::default().frame_bytes_max(FRAME_BYTES_MAX);
        let mut dialog = Self {
            carrier,
            decoder: Decoder::new(Side::Client, limits),
            session: Session::new(Arc::new(Config::default()), now),
            last_sent: now,
            events: VecDeque::new(),
        };
        let connect = dialog.session.connect(&Connect {
            host: &visit.target.host,
            ..Connect::default()
        });
        dialog.send(visit, &connect).await?;
        match dialog.event(visit, "waiting for CONNECTED").await? {
            Event::Connected(connected) => Ok((dialog, connected)),
            other => Err(Fault::Stomp(format!("{other:?} instead of CONNECTED"))),
        }
    }

    /// Subscribes and waits for the receipt. Returns the messages that came before it.
    pub(super) async fn subscribe(
        &mut self,
        visit: &Visit<'_>,
        id: &str,
        destination: &str,
    ) -> Result<Vec<Message>, Fault> {
        let receipt = self.session.next_receipt();
        let frame = self.session.subscribe(id, destination, AckMode::Auto);
        let frame = frame.header("receipt", &receipt);
        self.send(visit, &frame).await?;
        self.receipt(visit, &receipt).await
    }

    /// Stays silent for a while but for heart-beats, and notes whether the server keeps its own.
    pub(super) async fn rest(&mut self, visit: &Visit<'_>, time: Duration) -> Result<(), Fault> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let wake = self.session.wake_at(self.last_sent);
            let until = wake.map_or(end, |wake| wake.min(end));
            let doing = "resting";
            let received = timeout_at(until.into(), self.carrier.receive(visit, doing)).await;
            match received {
                Ok(texts) => self.decode(&texts?)?,
                Err(_) => match self.session.wake(Instant::now(), self.last_sent) {
                    Wake::Nothing => {}
                    Wake::Beat => {
                        self.carrier.send(visit, "\n").await?;
                        self.last_sent = Instant::now();
                    }
                    Wake::ConnectTimeout | Wake::Silent => return Err(Fault::Timeout { doing }),
                },
            }
        }
        Ok(())
    }

    /// Ends the session in good order.
    pub(super) async fn close(mut self, visit: &Visit<'_>) -> Result<(), Fault> {
        let receipt = self.session.next_receipt();
        let frame = self.session.disconnect(&receipt);
        self.send(visit, &frame).await?;
        self.receipt(visit, &receipt).await?;
        self.carrier.close(visit.until).await
    }

    async fn send(&mut self, visit: &Visit<'_>, frame: &Frame) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        encode(frame, self.session.version(), &mut bytes);
        let text = String::from_utf8(bytes).map_err(|why| Fault::Stomp(why.to_string()))?;
        self.carrier.send(visit, &text).await?;
        self.last_sent = Instant::now();
        Ok(())
    }

    async fn receipt(&mut self, visit: &Visit<'_>, wanted: &str) -> Result<Vec<Message>, Fault> {
        let mut messages = Vec::new();
        loop {
            match self.event(visit, "waiting for RECEIPT").await? {
                Event::Receipt(id) if id == wanted => return Ok(messages),
                Event::Message(message) => messages.push(message),
                _ => {}
            }
        }
    }

    /// The next event; ERROR is an error.
    async fn event(&mut self, visit: &Visit<'_>, doing: &'static str) -> Result<Event, Fault> {
        loop {
            match self.events.pop_front() {
                Some(Event::Error(refusal)) => {
                    return Err(Fault::Error {
                        code: refusal.code.unwrap_or_default(),
                        message: refusal.message.unwrap_or_default(),
                    });
                }
                Some(event) => return Ok(event),
                None => {
                    let texts = self.carrier.receive(visit, doing).await?;
                    self.decode(&texts)?;
                }
            }
        }
    }

    fn decode(&mut self, texts: &[String]) -> Result<(), Fault> {
        self.session.received(Instant::now());
        for text in texts {
            let mut octets = text.as_bytes();
            let decode = |decoder: &mut Decoder, octets: &mut &[u8]| {
                decoder
                    .decode(octets)
                    .map_err(|why| Fault::Stomp(why.to_string()))
            };
            while let Some(decoded) = decode(&mut self.decoder, &mut octets)? {
                if let Decoded::Frame(frame) = decoded {
                    let event = self.session.receive(frame, Instant::now());
                    self.events
                        .extend(event.map_err(|why| Fault::Stomp(why.to_string()))?);
                }
            }
        }
        Ok(())
    }
}
