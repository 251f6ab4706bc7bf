//! A WebSocket, plain or with SockJS frames.

use std::fmt;

use stompline_ws::handshake::{ClientRequest, new_key};
use stompline_ws::{Close, Decoder, Event, Limits, Masker, Opcode, Role};
use tokio::time::Instant;

use crate::client::fault::Fault;
use crate::client::http::{Answer, Visit};
use crate::client::link::Link;
use crate::doctor::sockjs::{self, Frame};

/// The longest message taken: sixteen times what servers send by default.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// How much of a refusal's body is read.
const REFUSAL_BYTES_MAX: usize = 4096;

/// The close code of a connection that has done what it was for.
const GOODBYE: u16 = 1000;

/// Stands for a close without a code (RFC 6455 §7.1.5).
const NO_CODE: u16 = 1005;

pub(in crate::doctor) struct WebSocket {
    link: Link,
    decoder: Decoder,
    masker: Masker,
    /// Bytes that came behind the answer to the handshake.
    held: Vec<u8>,
    framed: bool,
}

/// What one read brought.
#[derive(Default)]
struct Brought {
    messages: Vec<String>,
    pongs: Vec<Vec<u8>>,
    close: Option<Fault>,
}

impl WebSocket {
    pub(super) async fn open(visit: &Visit<'_>, path: &str, framed: bool) -> Result<Self, Fault> {
        let path = if framed {
            format!("{}/websocket", sockjs::session_path(path)?)
        } else {
            path.to_owned()
        };
        let mut link = Link::open(visit.target, visit.until).await?;
        let held = shake_hands(&mut link, visit, &path, framed).await?;
        let limits = Limits {
            message_bytes_max: MESSAGE_BYTES_MAX,
            frame_bytes_max: MESSAGE_BYTES_MAX,
        };
        let mut socket = Self {
            link,
            decoder: Decoder::new(Role::Client, limits),
            masker: Masker::new(),
            held,
            framed,
        };
        if framed {
            socket.wait_for_open(visit.until).await?;
        }
        Ok(socket)
    }

    pub(super) async fn send(&mut self, text: &str, until: Instant) -> Result<(), Fault> {
        if self.framed {
            let text = sockjs::write_message(text);
            return self.write(Opcode::Text, text.as_bytes(), until).await;
        }
        self.write(Opcode::Text, text.as_bytes(), until).await
    }

    pub(super) async fn receive(
        &mut self,
        until: Instant,
        doing: &'static str,
    ) -> Result<Vec<String>, Fault> {
        loop {
            let texts = self.receive_texts(until, doing).await?;
            if !self.framed {
                return Ok(texts);
            }
            let mut messages = Vec::new();
            for text in texts {
                if let Frame::Messages(more) = sockjs::read_frame(&text)? {
                    messages.extend(more);
                }
            }
            if !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    pub(super) async fn close(mut self, until: Instant) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        let key = self.key()?;
        stompline_ws::write_masked_close(&mut bytes, GOODBYE, "", key);
        let doing = "closing";
        // The server may have closed already.
        let _: Result<(), Fault> = self.link.write(&bytes, until, doing).await;
        loop {
            match self.receive_texts(until, doing).await {
                Ok(_) => {}
                Err(Fault::Closed { code: GOODBYE, .. } | Fault::Ended { .. }) => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn wait_for_open(&mut self, until: Instant) -> Result<(), Fault> {
        let texts = self
            .receive_texts(until, "waiting for the first SockJS frame")
            .await?;
        match texts.first().map(|text| sockjs::read_frame(text)) {
            Some(Ok(Frame::Open)) => Ok(()),
            Some(Err(fault)) => Err(fault),
            Some(Ok(_)) | None => Err(Fault::SockJs(texts.concat())),
        }
    }

    /// Waits for text messages; pings are answered meanwhile.
    async fn receive_texts(
        &mut self,
        until: Instant,
        doing: &'static str,
    ) -> Result<Vec<String>, Fault> {
        loop {
            if self.held.is_empty() && !self.link.read(&mut self.held, until, doing).await? {
                return Err(Fault::Ended { doing });
            }
            let brought = self.decode()?;
            for payload in brought.pongs {
                self.write(Opcode::Pong, &payload, until).await?;
            }
            if !brought.messages.is_empty() {
                // A close behind messages comes again with the end of the stream.
                return Ok(brought.messages);
            }
            if let Some(close) = brought.close {
                return Err(close);
            }
        }
    }

    fn decode(&mut self) -> Result<Brought, Fault> {
        let mut held = std::mem::take(&mut self.held);
        let mut input = held.as_mut_slice();
        let mut brought = Brought::default();
        while let Some(event) = self
            .decoder
            .decode(&mut input)
            .map_err(|why| Fault::WebSocket(why.to_string()))?
        {
            match event {
                Event::Text(payload) | Event::Binary(payload) => {
                    let text = String::from_utf8_lossy(&payload).into_owned();
                    brought.messages.push(text);
                }
                Event::Ping(payload) => brought.pongs.push(payload.into_vec()),
                Event::Pong(_) => {}
                Event::Close(close) => brought.close = Some(closed(close)),
            }
        }
        Ok(brought)
    }

    async fn write(&mut self, opcode: Opcode, payload: &[u8], until: Instant) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        let key = self.key()?;
        stompline_ws::write_masked(&mut bytes, opcode, payload, key);
        self.link.write(&bytes, until, "sending").await
    }

    fn key(&mut self) -> Result<[u8; 4], Fault> {
        self.masker.key().map_err(Fault::io("drawing a mask"))
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

fn closed(close: Option<Close>) -> Fault {
    match close {
        Some(close) => Fault::Closed {
            code: close.code.as_u16(),
            reason: close.reason,
        },
        None => Fault::Closed {
            code: NO_CODE,
            reason: String::new(),
        },
    }
}

/// Upgrades the connection. Returns what came behind the answer, which are frames already.
async fn shake_hands(
    link: &mut Link,
    visit: &Visit<'_>,
    path: &str,
    framed: bool,
) -> Result<Vec<u8>, Fault> {
    let doing = "opening a WebSocket";
    let key = new_key().map_err(Fault::io("drawing a key"))?;
    let (host, headers) = (visit.target.authority(), visit.headers());
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let request = ClientRequest {
        host: &host,
        path,
        key: &key,
        protocols: if framed { &[] } else { &["v12.stomp"] },
        headers: &headers,
    };
    let mut bytes = Vec::new();
    request.write(&mut bytes)?;
    link.write(&bytes, visit.until, doing).await?;
    bytes.clear();
    loop {
        if !link.read(&mut bytes, visit.until, doing).await? {
            return Err(Fault::Ended { doing });
        }
        let Some((response, consumed)) = request.read_response(&bytes)? else {
            continue;
        };
        let mut rest = bytes.split_off(consumed);
        if response.status == 101 {
            return Ok(rest);
        }
        let wanted = response
            .header("content-length")
            .and_then(|text| text.parse().ok())
            .unwrap_or(REFUSAL_BYTES_MAX)
            .min(REFUSAL_BYTES_MAX);
        // What does not come of the body is not needed to judge the refusal.
        while rest.len() < wanted
            && matches!(link.read(&mut rest, visit.until, doing).await, Ok(true))
        {}
        return Err(Fault::Status(Box::new(Answer {
            status: response.status,
            headers: response.headers,
            body: rest,
        })));
    }
}
