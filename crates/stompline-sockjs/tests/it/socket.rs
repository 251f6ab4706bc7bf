//! A WebSocket client that shows every event.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use stompline_sockjs::websocket::{self, Event, Opcode, Role, handshake::ClientRequest};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Nobody waits for longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client's end of a WebSocket, without a will of its own.
pub(crate) struct Socket {
    stream: TcpStream,
    decoder: websocket::Decoder,
    events: VecDeque<(char, Vec<u8>)>,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let host = address.to_string();
        let key = websocket::handshake::new_key().unwrap();
        let request = ClientRequest {
            host: &host,
            path,
            key: &key,
            protocols: &[],
            headers: &[],
        };
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        let decoder = websocket::Decoder::new(Role::Client, websocket::Limits::default());
        Self {
            stream,
            decoder,
            events: VecDeque::default(),
        }
    }

    pub(crate) async fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        self.send_raw(&masked(opcode, payload)).await;
    }

    /// Sends whatever it is, in one piece.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next event: its kind and its payload; `-` for the end.
    pub(crate) async fn next(&mut self) -> (char, Vec<u8>) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer));
            let count = read.await.expect("an answer in time").unwrap();
            if count == 0 {
                return ('-', Vec::new());
            }
            let mut input = &mut buffer[..count];
            while let Some(event) = self.decoder.decode(&mut input).unwrap() {
                self.events.push_back(match event {
                    Event::Text(payload) => ('t', payload.to_vec()),
                    Event::Binary(payload) => ('b', payload.to_vec()),
                    Event::Ping(payload) => ('?', payload.to_vec()),
                    Event::Pong(payload) => ('!', payload.to_vec()),
                    Event::Close(close) => {
                        let code = close.map_or(0, |close| close.code.as_u16());
                        ('x', code.to_string().into_bytes())
                    }
                });
            }
        }
    }

    pub(crate) async fn expect(&mut self, kind: char, payload: &str) {
        let (got, bytes) = self.next().await;
        assert_eq!(
            (got, String::from_utf8_lossy(&bytes).as_ref()),
            (kind, payload)
        );
    }
}

/// A frame as a client sends it.
pub(crate) fn masked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    websocket::write_masked(&mut bytes, opcode, payload, [9, 8, 7, 6]);
    bytes
}
