//! SockJS over HTTP: one request brings frames, others take them.

use crate::client::fault::Fault;
use crate::client::http::{self, Body, Visit};
use crate::doctor::sockjs::{self, Frame, Lines};

use super::Way;

#[derive(Debug)]
pub(in crate::doctor) struct Exchange {
    way: Way,
    session: String,
    /// The answer that brings frames, while there is one.
    body: Option<Body>,
    lines: Lines,
}

impl Exchange {
    /// Opens a session. Returns when its first frame has come.
    pub(super) async fn open(visit: &Visit<'_>, way: Way, path: &str) -> Result<Self, Fault> {
        let mut exchange = Self {
            way,
            session: sockjs::session_path(path)?,
            body: None,
            lines: Lines::default(),
        };
        let doing = "waiting for the first SockJS frame";
        match exchange.frames(visit, doing).await?.into_iter().next() {
            Some(Frame::Open) => Ok(exchange),
            other => Err(Fault::SockJs(format!("{other:?}"))),
        }
    }

    pub(super) async fn send(&self, visit: &Visit<'_>, text: &str) -> Result<(), Fault> {
        let path = format!("{}/xhr_send", self.session);
        let body = sockjs::write_message(text);
        let answer = http::fetch(visit, "POST", &path, Some(&body)).await?;
        // The protocol says 204; a proxy may make it a 200 without a body.
        match answer.status {
            200 | 204 => Ok(()),
            _ => Err(Fault::Status(Box::new(answer))),
        }
    }

    pub(super) async fn receive(
        &mut self,
        visit: &Visit<'_>,
        doing: &'static str,
    ) -> Result<Vec<String>, Fault> {
        loop {
            let mut messages = Vec::new();
            for frame in self.frames(visit, doing).await? {
                if let Frame::Messages(more) = frame {
                    messages.extend(more);
                }
            }
            if !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    /// Waits for frames, and asks again when an answer has ended.
    async fn frames(
        &mut self,
        visit: &Visit<'_>,
        doing: &'static str,
    ) -> Result<Vec<Frame>, Fault> {
        loop {
            let body = match &mut self.body {
                Some(body) => body,
                none => none.insert(ask(visit, self.way, &self.session).await?),
            };
            let Some(part) = body.next(visit.until, doing).await? else {
                self.body = None;
                continue;
            };
            let frames = self.lines.take(&part);
            if !frames.is_empty() {
                return frames
                    .iter()
                    .map(|frame| sockjs::read_frame(frame))
                    .collect();
            }
        }
    }
}

async fn ask(visit: &Visit<'_>, way: Way, session: &str) -> Result<Body, Fault> {
    let (method, name) = match way {
        Way::XhrStreaming => ("POST", "xhr_streaming"),
        Way::EventSource => ("GET", "eventsource"),
        _ => ("POST", "xhr"),
    };
    let path = format!("{session}/{name}");
    let (answer, body) = http::begin(visit, method, &path, None).await?;
    if answer.status == 200 {
        return Ok(body);
    }
    let answer = http::finish(answer, body, visit.until).await?;
    Err(Fault::Status(Box::new(answer)))
}
