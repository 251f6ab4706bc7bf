//! A STOMP client for tests.

use std::collections::VecDeque;

use stompline_proto::{Command, Decoded, Decoder, Frame, Side, Version, encode};
use stompline_sockjs::{Transport, websocket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A test wants to see what the server sends, however large.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

const LIMITS: websocket::Limits = websocket::Limits {
    message_bytes_max: MESSAGE_BYTES_MAX,
    frame_bytes_max: MESSAGE_BYTES_MAX,
};

/// Which key masks a frame makes no difference to a server.
const KEY: [u8; 4] = [1, 2, 3, 4];

/// What comes from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A STOMP frame.
    Frame(Frame),
    /// A STOMP heart-beat.
    Heartbeat,
    /// A sign of life below STOMP: a WebSocket ping, or an `h` of SockJS.
    KeepAlive,
    /// The WebSocket was closed with this code.
    Closed(Option<u16>),
}

/// A STOMP client over any stream on which the WebSocket handshake is done. Its methods panic where a test would fail anyway.
pub struct TestClient<S> {
    stream: S,
    framed: bool,
    websocket: websocket::Decoder,
    stomp: Decoder,
    received: VecDeque<Received>,
    receipts: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TestClient<S> {
    /// A client on `stream`.
    pub fn new(stream: S, transport: Transport) -> Self {
        Self {
            stream,
            framed: transport == Transport::SockJsWebSocket,
            websocket: websocket::Decoder::new(websocket::Role::Client, LIMITS),
            stomp: Decoder::new(
                Side::Client,
                stompline_proto::DecodeLimits::default().frame_bytes_max(MESSAGE_BYTES_MAX),
            ),
            received: VecDeque::new(),
            receipts: 0,
        }
    }

    /// CONNECT for STOMP 1.2 without heart-beats; gives CONNECTED.
    ///
    /// # Panics
    ///
    /// If something else comes.
    pub async fn connect(&mut self) -> Frame {
        self.connect_with(&[("accept-version", "1.0,1.1,1.2"), ("heart-beat", "0,0")])
            .await
    }

    /// CONNECT with these headers; gives CONNECTED.
    ///
    /// # Panics
    ///
    /// If something else comes.
    pub async fn connect_with(&mut self, headers: &[(&str, &str)]) -> Frame {
        self.transmit(&frame(Command::Connect, headers)).await;
        let connected = self.frame().await;
        assert_eq!(connected.command, Command::Connected, "{connected:?}");
        let version = connected.headers.find("version").unwrap_or("1.0");
        self.stomp.set_version(
            version
                .parse::<Version>()
                .expect("the server names a version"),
        );
        connected
    }

    /// SUBSCRIBE, and waits for its receipt.
    pub async fn subscribe(&mut self, id: &str, destination: &str) {
        let receipt = self.next_receipt();
        let headers = [
            ("id", id),
            ("destination", destination),
            ("receipt", &receipt),
        ];
        self.transmit(&frame(Command::Subscribe, &headers)).await;
        self.await_receipt(&receipt).await;
    }

    /// SEND without a receipt.
    pub async fn send(&mut self, destination: &str, body: impl Into<String>) {
        let send = frame(Command::Send, &[("destination", destination)]);
        self.transmit(&send.body(body.into())).await;
    }

    /// SEND, and waits for its receipt.
    pub async fn send_and_wait(&mut self, destination: &str, body: impl Into<String>) {
        let receipt = self.next_receipt();
        let headers = [("destination", destination), ("receipt", &*receipt)];
        self.transmit(&frame(Command::Send, &headers).body(body.into()))
            .await;
        self.await_receipt(&receipt).await;
    }

    /// Sends any frame.
    pub async fn transmit(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        encode(frame, self.stomp.version(), &mut bytes);
        self.transmit_raw(&bytes).await;
    }

    /// Sends any bytes as one message.
    ///
    /// # Panics
    ///
    /// If the server is gone.
    pub async fn transmit_raw(&mut self, payload: &[u8]) {
        let framed = self.framed.then(|| {
            let text = String::from_utf8(payload.to_vec()).expect("SockJS carries text");
            serde_json::to_vec(&[text]).expect("a string is JSON")
        });
        let payload = framed.as_deref().unwrap_or(payload);
        let text = std::str::from_utf8(payload).is_ok();
        let opcode = if text {
            websocket::Opcode::Text
        } else {
            websocket::Opcode::Binary
        };
        let mut message = Vec::new();
        websocket::write_masked(&mut message, opcode, payload, KEY);
        self.write(&message).await;
    }

    /// Closes the WebSocket, with a code or as scripts do that give none. STOMP does not hear of it.
    ///
    /// # Panics
    ///
    /// If the server is gone.
    pub async fn close(&mut self, code: Option<u16>) {
        let mut message = Vec::new();
        let body = code.map(u16::to_be_bytes);
        let body = body.as_ref().map_or(&[][..], |code| code);
        websocket::write_masked(&mut message, websocket::Opcode::Close, body, KEY);
        self.write(&message).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .await
            .expect("the server takes bytes");
    }

    /// The next frame.
    ///
    /// # Panics
    ///
    /// If the connection ends first.
    pub async fn frame(&mut self) -> Frame {
        loop {
            match self.receive().await {
                Received::Frame(frame) => return frame,
                Received::Heartbeat | Received::KeepAlive => {}
                closed @ Received::Closed(_) => panic!("a frame should come, not {closed:?}"),
            }
        }
    }

    /// The next frame, which must be a MESSAGE.
    ///
    /// # Panics
    ///
    /// If it is something else.
    pub async fn message(&mut self) -> Frame {
        let frame = self.frame().await;
        assert_eq!(frame.command, Command::Message, "{frame:?}");
        frame
    }

    /// The next frame, which must be an ERROR, and the close code behind it.
    ///
    /// # Panics
    ///
    /// If it is something else.
    pub async fn error(&mut self) -> (Frame, Option<u16>) {
        let frame = self.frame().await;
        assert_eq!(frame.command, Command::Error, "{frame:?}");
        (frame, self.closed().await)
    }

    /// The code with which the server closes, which must be the next thing that it does.
    ///
    /// # Panics
    ///
    /// If it is something else.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.receive().await {
                Received::Closed(code) => return code,
                Received::Heartbeat | Received::KeepAlive => {}
                Received::Frame(frame) => panic!("a close should come, not {frame:?}"),
            }
        }
    }

    /// Waits for a receipt; MESSAGE frames that come first are kept for later.
    ///
    /// # Panics
    ///
    /// If an ERROR or a close comes first.
    pub async fn await_receipt(&mut self, receipt: &str) {
        let mut kept = VecDeque::new();
        loop {
            let frame = self.frame().await;
            match frame.command {
                Command::Message => kept.push_back(Received::Frame(frame)),
                Command::Receipt if frame.headers.find("receipt-id") == Some(receipt) => break,
                _ => panic!("the receipt {receipt} should come, not {frame:?}"),
            }
        }
        kept.append(&mut self.received);
        self.received = kept;
    }

    /// The next thing from the server.
    ///
    /// # Panics
    ///
    /// If it breaks a protocol.
    pub async fn receive(&mut self) -> Received {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            if let Some(received) = self.received.pop_front() {
                return received;
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return Received::Closed(None),
                Ok(count) => self.decode(&mut buffer[..count]),
            }
        }
    }

    fn decode(&mut self, mut bytes: &mut [u8]) {
        while let Some(event) = self
            .websocket
            .decode(&mut bytes)
            .expect("the server speaks WebSocket")
        {
            match event {
                websocket::Event::Ping(_) => self.received.push_back(Received::KeepAlive),
                websocket::Event::Text(payload) if self.framed && *payload == *b"h" => {
                    self.received.push_back(Received::KeepAlive);
                }
                websocket::Event::Text(payload) if self.framed => {
                    for message in unframe(&payload) {
                        decode_frames(&mut self.stomp, message.as_bytes(), &mut self.received);
                    }
                }
                websocket::Event::Text(payload) | websocket::Event::Binary(payload) => {
                    decode_frames(&mut self.stomp, &payload, &mut self.received);
                }
                websocket::Event::Close(close) => {
                    let code = close.map(|close| close.code.as_u16());
                    self.received.push_back(Received::Closed(code));
                }
                websocket::Event::Pong(_) => {}
            }
        }
    }

    fn next_receipt(&mut self) -> String {
        self.receipts += 1;
        format!("receipt-{}", self.receipts)
    }
}

fn frame(command: Command, headers: &[(&str, &str)]) -> Frame {
    headers
        .iter()
        .fold(Frame::new(command), |frame, (name, value)| {
            frame.header(name, value)
        })
}

fn decode_frames(decoder: &mut Decoder, mut bytes: &[u8], received: &mut VecDeque<Received>) {
    while let Some(decoded) = decoder.decode(&mut bytes).expect("the server speaks STOMP") {
        received.push_back(match decoded {
            Decoded::Frame(frame) => Received::Frame(frame),
            Decoded::Heartbeat => Received::Heartbeat,
        });
    }
}

/// The messages of a SockJS frame.
fn unframe(payload: &[u8]) -> Vec<String> {
    match payload.split_first() {
        Some((b'a', array)) => serde_json::from_slice(array).expect("SockJS messages are JSON"),
        _ => Vec::new(),
    }
}
