//! The transports of SockJS over HTTP, against a broker that knows them and little else.

use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::stream;
use stompline_load::client::Transport;
use stompline_load::scenario::Setup;
use stompline_load::scenario::crowd::{Crowd, Pace};
use stompline_proto::{Command, DecodeLimits, Decoded, Decoder, Frame, Side, Version, encode};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};

use crate::server::setup;

/// A streaming answer ends behind so many bytes, so that clients have to ask again.
const ANSWER_BYTES_MAX: usize = 6000;

const CROWD: Crowd = Crowd {
    name: "rooms",
    topics: 2,
    members: 3,
    member_publishes: true,
    pace: Pace::Outstanding(3),
    body_bytes: 64,
    warm_up: Duration::from_millis(10),
    duration: Duration::from_millis(100),
    stalled: 0,
    doze: None,
    visitors: 0,
    series: false,
};

#[test]
fn streaming_carries_sessions() {
    carries(Transport::XhrStreaming);
}

#[test]
fn polling_carries_sessions() {
    carries(Transport::Xhr);
}

#[test]
fn unknown_path_is_told_with_its_status() {
    let refused = run(Transport::Xhr, "/elsewhere").unwrap_err();
    assert!(refused.contains("status 404"), "{refused}");
}

#[track_caller]
fn carries(transport: Transport) {
    let deliveries = run(transport, "/ws").unwrap();
    assert!(deliveries >= 18.0, "{deliveries}");
}

fn run(transport: Transport, prefix: &str) -> Result<f64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, routes()).into_future());
        let setup = Rc::new(Setup {
            transport,
            customer_path: prefix.to_owned(),
            ..setup(&url, "0123456789abcdef0123456789abcdef")
        });
        let report = CROWD.run(&setup).await.map_err(|error| error.to_string())?;
        assert!(report.is_valid(), "{}", report.to_json());
        Ok(report.find("deliveries").unwrap())
    })
}

fn routes() -> Router {
    Router::new()
        .route("/ws/{server}/{session}/xhr_streaming", post(stream_frames))
        .route("/ws/{server}/{session}/xhr", post(poll))
        .route("/ws/{server}/{session}/xhr_send", post(send))
        .with_state(Broker::default())
}

#[derive(Clone, Default)]
struct Broker(Arc<Mutex<HashMap<String, Session>>>);

struct Session {
    /// SockJS frames that wait.
    frames: Vec<String>,
    subscription: Option<(String, String)>,
    decoder: Decoder,
    news: Arc<Notify>,
}

async fn stream_frames(
    State(broker): State<Broker>,
    Path((_, name)): Path<(String, String)>,
) -> Body {
    broker.open(&name);
    let prelude = format!("{}\n", "h".repeat(2048));
    let first = (Some(prelude), 0, broker, name);
    Body::from_stream(stream::unfold(first, async |(rest, sent, broker, name)| {
        if sent > ANSWER_BYTES_MAX && rest.is_none() {
            return None;
        }
        // Each piece comes in two parts, because frames and chunks end at different places.
        let (part, rest) = if let Some(rest) = rest {
            (rest, None)
        } else {
            let mut text = broker.take(&name).await;
            let rest = text.split_off(text.len() / 2);
            (text, Some(rest))
        };
        let sent = sent + part.len();
        let part = Ok::<_, Infallible>(Bytes::from(part));
        Some((part, (rest, sent, broker, name)))
    }))
}

async fn poll(State(broker): State<Broker>, Path((_, name)): Path<(String, String)>) -> String {
    if broker.open(&name) {
        return "o\n".to_owned();
    }
    broker.take(&name).await
}

async fn send(
    State(broker): State<Broker>,
    Path((_, name)): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let messages: Vec<String> = serde_json::from_str(&body).unwrap();
    for message in messages {
        broker.receive(&name, &message);
    }
    StatusCode::NO_CONTENT
}

impl Broker {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap()
    }

    /// Whether the session is a new one.
    fn open(&self, name: &str) -> bool {
        let mut sessions = self.lock();
        if sessions.contains_key(name) {
            return false;
        }
        let session = Session {
            frames: vec!["o".to_owned()],
            subscription: None,
            decoder: Decoder::new(Side::Server, DecodeLimits::default()),
            news: Arc::default(),
        };
        sessions.insert(name.to_owned(), session);
        true
    }

    /// All frames that wait, once there are some.
    async fn take(&self, name: &str) -> String {
        loop {
            let news = {
                let mut sessions = self.lock();
                let session = sessions.get_mut(name).unwrap();
                if !session.frames.is_empty() {
                    let frames = std::mem::take(&mut session.frames);
                    return frames.into_iter().map(|frame| frame + "\n").collect();
                }
                Arc::clone(&session.news)
            };
            news.notified().await;
        }
    }

    fn receive(&self, name: &str, message: &str) {
        let mut sessions = self.lock();
        let mut input = message.as_bytes();
        let session = sessions.get_mut(name).unwrap();
        let Some(Decoded::Frame(frame)) = session.decoder.decode(&mut input).unwrap() else {
            return;
        };
        let header = |name: &str| frame.headers.find(name).unwrap_or_default().to_owned();
        match frame.command {
            Command::Connect => {
                let connected = Frame::new(Command::Connected).header("version", "1.2");
                session.say(&connected);
            }
            Command::Subscribe => {
                session.subscription = Some((header("id"), header("destination")));
            }
            Command::Send => {
                for other in sessions.values_mut() {
                    other.deliver(&header("destination"), &frame);
                }
            }
            _ => {}
        }
        if let Some(receipt) = frame.headers.find("receipt") {
            sessions
                .get_mut(name)
                .unwrap()
                .say(&Frame::receipt(receipt));
        }
    }
}

impl Session {
    fn deliver(&mut self, destination: &str, sent: &Frame) {
        if let Some((id, own)) = &self.subscription
            && own == destination
        {
            let message = Frame::new(Command::Message)
                .header("destination", destination)
                .header("subscription", id)
                .header("message-id", "1")
                .body(sent.body.clone());
            self.say(&message);
        }
    }

    fn say(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        encode(frame, Version::V1_2, &mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        self.frames.push(format!("a{}", serde_json::json!([text])));
        self.news.notify_one();
    }
}
