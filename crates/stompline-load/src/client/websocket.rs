//! A session's WebSocket, plain or with SockJS frames.

use std::io;

use stompline_ws::{Event, Limits, Masker, Opcode, Role};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::incoming::{read_into_buffer, read_once};
use super::outgoing::Outgoing;
use super::sockjs::{SockJsFrame, read_frame, write_element};
use super::wire::{Sink, Step};
use super::{ClientError, FRAME_BYTES_MAX};

/// A WebSocket over a socket.
pub(super) struct WebSocket {
    stream: TcpStream,
    decoder: stompline_ws::Decoder,
    masker: Masker,
    out: Outgoing,
    /// What came together with the handshake's answer.
    rest: Vec<u8>,
    framed: bool,
    scratch: Vec<u8>,
}

impl WebSocket {
    /// The handshake on `stream` is done; `rest` came behind its answer.
    pub(super) fn new(stream: TcpStream, rest: Vec<u8>, framed: bool) -> Self {
        let limits = Limits {
            message_bytes_max: FRAME_BYTES_MAX,
            frame_bytes_max: FRAME_BYTES_MAX,
        };
        Self {
            stream,
            decoder: stompline_ws::Decoder::new(Role::Client, limits),
            masker: Masker::new(),
            out: Outgoing::default(),
            rest,
            framed,
            scratch: Vec::new(),
        }
    }

    pub(super) fn queue(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        if !self.framed {
            return self.queue_as(Opcode::Text, frame);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.push(b'[');
        write_element(frame, &mut scratch)?;
        scratch.push(b']');
        let queued = self.queue_as(Opcode::Text, &scratch);
        self.scratch = scratch;
        queued
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.out.waiting_bytes()
    }

    pub(super) async fn step(&mut self, sink: &mut Sink<'_>) -> Result<Step, ClientError> {
        if !self.rest.is_empty() {
            let mut rest = std::mem::take(&mut self.rest);
            self.take(&mut rest, sink)?;
            return Ok(Step::READ);
        }
        let interest = if self.queued_bytes() > 0 {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        let ready = self.stream.ready(interest).await;
        let ready = ready.map_err(ClientError::io("waiting for the socket"))?;
        let mut step = Step::default();
        if ready.is_writable() {
            let wrote = self.out.write(&self.stream);
            step.wrote = wrote.map_err(ClientError::io("writing"))?;
        }
        if ready.is_readable() {
            step.read = read_into_buffer(|buffer| match read_once(&mut self.stream, buffer) {
                Ok(0) => Err(ClientError::end_of_stream()),
                Ok(count) => self.take(&mut buffer[..count], sink).map(|()| true),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(false),
                Err(why) => Err(ClientError::io("reading")(why)),
            })?;
        }
        Ok(step)
    }

    fn queue_as(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ClientError> {
        let key = self
            .masker
            .key()
            .map_err(ClientError::io("drawing a mask"))?;
        stompline_ws::write_masked(&mut self.out.bytes, opcode, payload, key);
        Ok(())
    }

    fn take(&mut self, mut input: &mut [u8], sink: &mut Sink<'_>) -> Result<(), ClientError> {
        while let Some(event) = self.decoder.decode(&mut input)? {
            match event {
                Event::Text(payload) | Event::Binary(payload) if self.framed => {
                    if let SockJsFrame::Messages(messages) = read_frame(&payload)? {
                        for message in &messages {
                            sink(message.as_bytes())?;
                        }
                    }
                }
                Event::Text(payload) | Event::Binary(payload) => sink(&payload)?,
                Event::Ping(payload) => self.queue_as(Opcode::Pong, &payload)?,
                Event::Pong(_) => {}
                Event::Close(close) => return Err(closed(close)),
            }
        }
        Ok(())
    }
}

fn closed(close: Option<stompline_ws::Close>) -> ClientError {
    match close {
        Some(close) => ClientError::Closed {
            code: Some(close.code.as_u16()),
            reason: close.reason,
        },
        None => ClientError::Closed {
            code: None,
            reason: "without a code".to_owned(),
        },
    }
}
