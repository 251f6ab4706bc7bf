//! Somebody in a conversation who comes back wherever a node is, keeps to the rules of the chat's front ends, and judges
//! what arrives by them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde_json::{Value, json};
use stompline::Transport;
use stompline::testing::{Received, TestClient};
use stompline_proto::{Command, Frame};
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::client;

/// How fast somebody writes, and comes back.
const PACE: Duration = Duration::from_millis(25);

const QUEUES: [&str; 5] = ["messages", "acks", "sync", "signals", "errors"];

/// Where nodes are.
pub(super) type Addresses = Arc<Mutex<Vec<String>>>;

/// What everybody does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Talk,
    /// Nobody begins anything new.
    Hush,
    /// Whoever has heard so many messages goes.
    Leave(usize),
}

/// How far somebody has come.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) confirmed: usize,
    pub(super) heard: usize,
    /// Everything said is confirmed, and nothing more will be said.
    pub(super) is_silent: bool,
}

/// What somebody said and heard, in order, by `clientId`.
pub(super) struct Record {
    pub(super) said: Vec<String>,
    pub(super) heard: Vec<String>,
}

pub(super) struct Participant {
    pub(super) user_type: &'static str,
    pub(super) name: String,
    pub(super) conversation: String,
    pub(super) talks: bool,
    pub(super) addresses: Addresses,
    /// The first of them to be tried.
    pub(super) home: usize,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) progress: watch::Sender<Progress>,
}

/// What is known of the conversation, whichever connection it came over.
struct Held {
    conversation: String,
    rev: u64,
    cursor: u64,
    heard: Vec<String>,
}

/// What one connection is about.
struct Exchange {
    client: TestClient<Mute<TcpStream>>,
    subscribed: usize,
    number: u64,
    /// The receipt of the question under way, and whether it must be asked again.
    question: Option<String>,
    is_behind: bool,
    /// The receipt of the message under way.
    sent: Option<String>,
}

impl Participant {
    pub(super) async fn run(mut self) -> Record {
        let mut held = Held {
            conversation: self.conversation.clone(),
            rev: 0,
            cursor: 0,
            heard: Vec::new(),
        };
        let (mut said, mut unsaid) = (Vec::new(), VecDeque::new());
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for attempt in self.home.. {
            pace.tick().await;
            let address = {
                let addresses = self.addresses.lock().unwrap();
                addresses[attempt % addresses.len()].clone()
            };
            let opened = Exchange::open(&address, self.user_type, &self.name).await;
            let Some(exchange) = opened else {
                continue;
            };
            if self
                .stay(exchange, &mut held, (&mut said, &mut unsaid), &mut pace)
                .await
            {
                break;
            }
        }
        let heard = held.heard;
        Record { said, heard }
    }

    /// Takes part until the connection ends, or until this is over: true then.
    async fn stay(
        &mut self,
        mut exchange: Exchange,
        held: &mut Held,
        (said, unsaid): (&mut Vec<String>, &mut VecDeque<String>),
        pace: &mut Interval,
    ) -> bool {
        loop {
            let phase = *self.phase.borrow_and_update();
            self.progress.send_replace(Progress {
                confirmed: said.len(),
                heard: held.heard.len(),
                is_silent: phase != Phase::Talk && unsaid.is_empty(),
            });
            if phase == Phase::Leave(held.heard.len()) && unsaid.is_empty() {
                return true;
            }
            tokio::select! {
                received = exchange.client.receive() => match received {
                    Received::Frame(frame) if exchange.take(&frame, held) => {
                        said.extend(unsaid.pop_front());
                    }
                    Received::Closed(_) => return false,
                    _ => {}
                },
                // The test has failed already.
                Err(_) = self.phase.changed() => return true,
                _ = pace.tick(), if exchange.subscribed == QUEUES.len() => {
                    exchange.ask(held).await;
                    if unsaid.is_empty() && self.talks && phase == Phase::Talk {
                        let (name, number) = (&self.name, said.len());
                        unsaid.push_back(format!("{name}-{number}"));
                    }
                    if let Some(client_id) = unsaid.front() {
                        exchange.say(held, client_id).await;
                    }
                }
            }
        }
    }
}

impl Held {
    /// Takes an event if it is the next one; false if something before it is missing.
    fn take_event(&mut self, event: &Value) -> bool {
        let (rev, prev) = (number(event, "rev"), number(event, "prev"));
        if event["conversationId"] != self.conversation || rev <= self.rev {
            return true;
        }
        if prev != self.rev {
            return false;
        }
        self.rev = rev;
        if event["event"] == "message.created" {
            self.take_message(event);
        }
        true
    }

    /// A message has its place: the next one, or that of the same message.
    fn take_message(&mut self, message: &Value) {
        if message["conversationId"] != self.conversation {
            return;
        }
        let place = usize::try_from(number(message, "seq")).unwrap() - 1;
        let client_id = message["clientId"].as_str().unwrap();
        if let Some(known) = self.heard.get(place) {
            assert_eq!(known, client_id, "two messages have one place");
            return;
        }
        assert_eq!(place, self.heard.len(), "{client_id} comes out of turn");
        self.heard.push(client_id.to_owned());
    }

    /// True if there is more.
    fn take_page(&mut self, page: &Value) -> bool {
        for message in page["messages"].as_array().unwrap() {
            self.take_message(message);
        }
        for head in page["conversations"].as_array().unwrap() {
            if head["id"] == self.conversation {
                self.rev = self.rev.max(number(head, "rev"));
            }
        }
        self.cursor = number(page, "cursor");
        page["more"] == true
    }

    /// True if this side is behind.
    fn take_checkpoint(&mut self, checkpoint: &Value) -> bool {
        let head = checkpoint["heads"][&self.conversation].as_u64();
        let is_behind = head.is_some_and(|rev| rev > self.rev);
        if !is_behind {
            self.cursor = self.cursor.max(number(checkpoint, "cursor"));
        }
        is_behind
    }
}

impl Exchange {
    async fn open(address: &str, user_type: &str, name: &str) -> Option<Self> {
        let stream = client::handshake(address, user_type, name).await?;
        let mut client = TestClient::new(Mute(stream), Transport::WebSocket);
        let connect = Frame::new(Command::Connect)
            .header("accept-version", "1.2")
            .header("heart-beat", "0,0");
        client.transmit(&connect).await;
        for queue in QUEUES {
            let subscribe = Frame::new(Command::Subscribe)
                .header("id", queue)
                .header("destination", &format!("/user/queue/{queue}"))
                .header("receipt", &format!("subscribed-{queue}"));
            client.transmit(&subscribe).await;
        }
        Some(Self {
            client,
            subscribed: 0,
            number: 0,
            question: None,
            is_behind: true,
            sent: None,
        })
    }

    /// What a frame means. True if it confirms the message under way.
    fn take(&mut self, frame: &Frame, held: &mut Held) -> bool {
        match frame.command {
            Command::Receipt => {
                let receipt = frame.headers.find("receipt-id");
                if receipt.is_some_and(|receipt| receipt.starts_with("subscribed-")) {
                    self.subscribed += 1;
                }
                let confirms = self.sent.is_some() && self.sent.as_deref() == receipt;
                if confirms {
                    self.sent = None;
                }
                confirms
            }
            Command::Message => {
                let body = serde_json::from_slice(&frame.body).expect("the chat speaks JSON");
                self.take_body(frame.headers.find("subscription"), &body, held);
                false
            }
            Command::Connected => false,
            _ => panic!("{frame:?}"),
        }
    }

    fn take_body(&mut self, queue: Option<&str>, body: &Value, held: &mut Held) {
        match queue {
            Some("messages") => self.is_behind |= !held.take_event(body),
            Some("sync") => {
                self.is_behind |= held.take_page(body);
                self.question = None;
            }
            Some("signals") if body["event"] == "checkpoint" => {
                self.is_behind |= held.take_checkpoint(body);
            }
            // What was refused for now is tried again.
            Some("acks") if body["ok"] == false => self.refused(body),
            Some("errors") => self.refused(body),
            _ => {}
        }
    }

    fn refused(&mut self, body: &Value) {
        let receipt = body["receipt"].as_str();
        let code = body["code"].as_str().unwrap_or_default();
        assert!(
            ["unavailable", "cluster_unavailable", "timeout"].contains(&code),
            "{body}"
        );
        if self.question.as_deref() == receipt {
            self.question = None;
            self.is_behind = true;
        }
        if self.sent.as_deref() == receipt {
            self.sent = None;
        }
        if receipt.is_some_and(|receipt| receipt.starts_with("subscribed-")) {
            // The subscription is live here, and this side asks the store for what it misses.
            self.subscribed += 1;
        }
    }

    /// Asks for what is missing, one question at a time.
    async fn ask(&mut self, held: &Held) {
        if !self.is_behind || self.question.is_some() {
            return;
        }
        self.is_behind = false;
        let question = json!({"since": held.cursor, "limit": 200});
        self.question = Some(self.send("/app/sync", &question).await);
    }

    /// Says something unless it is under way already.
    async fn say(&mut self, held: &Held, client_id: &str) {
        if self.sent.is_none() {
            let body = json!({"conversationId": held.conversation, "clientId": client_id, "text": client_id});
            self.sent = Some(self.send("/app/send", &body).await);
        }
    }

    /// Sends JSON with a receipt, and gives the receipt.
    async fn send(&mut self, destination: &str, body: &Value) -> String {
        self.number += 1;
        let receipt = format!("r-{}", self.number);
        let send = Frame::new(Command::Send)
            .header("destination", destination)
            .header("receipt", &receipt)
            .body(body.to_string());
        self.client.transmit(&send).await;
        receipt
    }
}

fn number(value: &Value, field: &str) -> u64 {
    value[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} in {value}"))
}

/// A stream on which writing never fails: that the other side is gone is seen when reading.
struct Mute<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Mute<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Mute<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write(cx, bytes));
        Poll::Ready(Ok(written.unwrap_or(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = ready!(Pin::new(&mut self.0).poll_flush(cx));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
