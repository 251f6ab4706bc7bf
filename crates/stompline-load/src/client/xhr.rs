//! SockJS over HTTP: one connection asks for what comes, another posts what goes. Streaming gets
//! many frames in one answer; polling asks again for each.

use super::http::Http;
use super::opening::{self, Dial};
use super::sockjs::{SockJsFrame, read_frame, session_path, write_element};
use super::wire::{Sink, Step};
use super::{ClientError, FRAME_BYTES_MAX, Opening};

/// How much of a refusal's body is shown.
const REFUSAL_BYTES_MAX: usize = 300;

/// One session over two connections.
pub(super) struct Xhr {
    dial: Dial,
    receiving: Http,
    sending: Http,
    receive_head: String,
    send_head: String,
    /// Elements of the next post, with commas behind each.
    elements: Vec<u8>,
    lines: Lines,
    is_open: bool,
}

impl Xhr {
    pub(super) async fn open(opening: &Opening<'_>, streaming: bool) -> Result<Self, ClientError> {
        let path = session_path(opening.path, opening::random()?);
        let authorization = opening
            .token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let head = |name: &str| {
            let host = &opening.target.host;
            let kind = "Content-Type: text/plain\r\n";
            format!("POST {path}/{name} HTTP/1.1\r\nHost: {host}\r\n{kind}{authorization}")
        };
        Ok(Self {
            dial: opening.into(),
            receiving: Http::new(opening::connect(opening).await?),
            sending: Http::new(opening::connect(opening).await?),
            receive_head: head(if streaming { "xhr_streaming" } else { "xhr" }),
            send_head: head("xhr_send"),
            elements: Vec::new(),
            lines: Lines::default(),
            is_open: false,
        })
    }

    pub(super) fn queue(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        write_element(frame, &mut self.elements)?;
        self.elements.push(b',');
        Ok(())
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.elements.len() + self.sending.out.waiting_bytes()
    }

    pub(super) async fn step(&mut self, sink: &mut Sink<'_>) -> Result<Step, ClientError> {
        if self.receiving.is_free() {
            // A server may end the connection with a long answer.
            if self.receiving.is_last() {
                self.receiving = Http::new(opening::connect(self.dial).await?);
            }
            self.receiving.post(&self.receive_head, b"");
        }
        if self.is_open && self.sending.is_free() && !self.elements.is_empty() {
            if self.sending.is_last() {
                self.sending = Http::new(opening::connect(self.dial).await?);
            }
            self.post();
        }
        let mut step = Step::default();
        tokio::select! {
            ready = self.receiving.ready() => {
                let ready = ready.map_err(ClientError::io("waiting for the socket"))?;
                if ready.is_writable() {
                    self.receiving.write()?;
                }
                if ready.is_readable() {
                    step.read = self.receive(sink)?;
                }
            }
            ready = self.sending.ready() => {
                let ready = ready.map_err(ClientError::io("waiting for the socket"))?;
                if ready.is_writable() {
                    step.wrote = self.sending.write()?;
                }
                if ready.is_readable() {
                    self.sending.read(&mut |status, body| expect(204, status, body))?;
                }
            }
        }
        Ok(step)
    }

    /// Posts all that waits as one array.
    fn post(&mut self) {
        let mut body = std::mem::take(&mut self.elements);
        body.pop();
        body.insert(0, b'[');
        body.push(b']');
        self.sending.post(&self.send_head, &body);
    }

    fn receive(&mut self, sink: &mut Sink<'_>) -> Result<bool, ClientError> {
        let Self {
            receiving,
            lines,
            is_open,
            ..
        } = self;
        receiving.read(&mut |status, body| {
            expect(200, status, body)?;
            lines.take(body, &mut |line| {
                // A streaming answer begins with a line that fills the buffers of old browsers.
                if line.len() > 1 && line.iter().all(|byte| *byte == b'h') {
                    return Ok(());
                }
                match read_frame(line)? {
                    SockJsFrame::Sign => *is_open = true,
                    SockJsFrame::Messages(messages) => {
                        for message in &messages {
                            sink(message.as_bytes())?;
                        }
                    }
                }
                Ok(())
            })
        })
    }
}

/// Puts lines together that come in parts.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn take(
        &mut self,
        mut input: &[u8],
        on_line: &mut dyn FnMut(&[u8]) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (line, rest) = (&input[..end], &input[end + 1..]);
            if self.begun.is_empty() {
                on_line(line)?;
            } else {
                self.begun.extend_from_slice(line);
                on_line(&std::mem::take(&mut self.begun))?;
            }
            input = rest;
        }
        self.begun.extend_from_slice(input);
        if self.begun.len() > FRAME_BYTES_MAX * 2 {
            return Err(ClientError::Http("a line does not end".to_owned()));
        }
        Ok(())
    }
}

fn expect(wanted: u16, status: u16, body: &[u8]) -> Result<(), ClientError> {
    if status == wanted {
        return Ok(());
    }
    let body = &body[..body.len().min(REFUSAL_BYTES_MAX)];
    Err(ClientError::Refused {
        status,
        body: String::from_utf8_lossy(body).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for part in ["a", "b\nc\n", "", "d", "\n"] {
            let part = part.as_bytes();
            lines
                .take(part, &mut |line| {
                    got.push(String::from_utf8_lossy(line).into_owned());
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(got, ["ab", "c", "d"]);
    }
}
