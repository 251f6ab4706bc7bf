//! The MESSAGE frame in two parts: a small head for each subscriber and one tail for all.
//!
//! The tail (the headers that are the same for everybody, the body and the closing NUL) is made once and shared. Its JSON-escaped form for
//! SockJS is made at most once. STOMP versions differ only in how they write certain characters of header values
//! (STOMP 1.2, "Value Encoding"), so a second tail is needed only where such a character occurs.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use stompline_proto::{Headers, Version, needs_escape, write_header};
use stompline_sockjs::{Form, json};

use crate::{filter::OutboundFilter, message::Message, session::Session};

/// Headers that belong to the broker; a sender's are not passed on.
const BROKER_HEADERS: [&str; 9] = [
    "destination",
    "subscription",
    "message-id",
    "ack",
    "content-length",
    "receipt",
    "transaction",
    "session",
    "user-name",
];

/// How [`Tail::write_marks`] says what kind of message it is.
const TEXT: u8 = 1;
const UTF8: u8 = 2;

/// The shared part of a MESSAGE.
pub(crate) struct Tail {
    plain: Plain,
    escaped: OnceLock<Vec<u8>>,
    text: bool,
    utf8: bool,
    key: Option<Box<str>>,
}

/// Rendered here, or a part of what another node sent.
enum Plain {
    Own(Vec<u8>),
    Received(Bytes),
}

impl Tail {
    /// What [`write_marks`](Self::write_marks), [`key`](Self::key) and [`plain`](Self::plain) gave on another node.
    pub(crate) fn received(marks: u8, key: Option<String>, plain: Bytes) -> Self {
        Self {
            plain: Plain::Received(plain),
            escaped: OnceLock::new(),
            text: marks & TEXT != 0,
            utf8: marks & UTF8 != 0,
            key: key.map(Into::into),
        }
    }

    pub(crate) fn write_marks(&self, out: &mut Vec<u8>) {
        let text = if self.text { TEXT } else { 0 };
        let utf8 = if self.utf8 { UTF8 } else { 0 };
        out.push(text | utf8);
    }

    pub(crate) fn plain(&self) -> &[u8] {
        match &self.plain {
            Plain::Own(bytes) => bytes,
            Plain::Received(bytes) => bytes,
        }
    }

    pub(crate) fn len(&self, form: Form) -> usize {
        self.bytes(form).len()
    }

    pub(crate) fn bytes(&self, form: Form) -> &[u8] {
        match form {
            Form::Plain => self.plain(),
            Form::Escaped => self.escaped.get_or_init(|| {
                let mut escaped = Vec::with_capacity(json::escaped_len(self.plain()));
                json::escape(self.plain(), &mut escaped);
                escaped
            }),
        }
    }

    /// Whether it goes out as a text message.
    pub(crate) fn is_text(&self) -> bool {
        self.text
    }

    /// Whether it can travel over a framed SockJS transport.
    pub(crate) fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// The value of the header `key`, by which newer messages replace older ones.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

/// A message being published: its tails, made when the first subscriber needs them.
pub(crate) struct Rendering<'a> {
    destination: &'a str,
    headers: &'a Headers,
    body: &'a Bytes,
    differs: bool,
    tails: [OnceLock<Arc<Tail>>; 3],
    filter: Option<&'a dyn OutboundFilter>,
}

impl<'a> Rendering<'a> {
    pub(crate) fn new(destination: &'a str, headers: &'a Headers, body: &'a Bytes) -> Self {
        let differs = needs_escape(destination)
            || headers
                .iter()
                .any(|(name, value)| needs_escape(name) || needs_escape(value));
        Self {
            destination,
            headers,
            body,
            differs,
            tails: Default::default(),
            filter: None,
        }
    }

    /// What came rendered from another node: one tail for all versions, or one for each from the newest.
    pub(crate) fn received(
        destination: &'a str,
        tails: Vec<Tail>,
        (headers, body): (&'a Headers, &'a Bytes),
    ) -> Self {
        let rendering = Self {
            differs: tails.len() > 1,
            destination,
            headers,
            body,
            tails: Default::default(),
            filter: None,
        };
        for (slot, tail) in rendering.tails.iter().zip(tails) {
            let _ = slot.set(Arc::new(tail));
        }
        rendering
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    /// The tails that all subscribers on other nodes need, from the newest version.
    pub(crate) fn all_tails(&self) -> Vec<&Tail> {
        let versions: &[Version] = if self.differs {
            &[Version::V1_2, Version::V1_1, Version::V1_0]
        } else {
            &[Version::V1_2]
        };
        versions.iter().map(|one| &**self.tail(*one)).collect()
    }

    /// Headers and body, as the publisher gave them.
    pub(crate) fn parts(&self) -> (&Headers, &Bytes) {
        (self.headers, self.body)
    }

    /// The same with a filter, which makes each session's message its own.
    pub(crate) fn filtered(self, filter: Option<&'a dyn OutboundFilter>) -> Self {
        Self { filter, ..self }
    }

    /// The tail that `session` may see.
    pub(crate) fn tail_for(&self, session: &Session) -> Option<Arc<Tail>> {
        let version = session.version();
        let Some(filter) = self.filter else {
            return Some(Arc::clone(self.tail(version)));
        };
        let message = Message {
            headers: self.headers.clone(),
            body: self.body.clone(),
        };
        let Message { headers, body } = filter.filter(message, session)?;
        Some(Arc::clone(
            Rendering::new(self.destination, &headers, &body).tail(version),
        ))
    }

    /// The tail for a subscriber that speaks `version`.
    pub(crate) fn tail(&self, version: Version) -> &Arc<Tail> {
        let slot = match version {
            Version::V1_0 if self.differs => 2,
            Version::V1_1 if self.differs => 1,
            _ => 0,
        };
        self.tails[slot].get_or_init(|| Arc::new(self.render(version)))
    }

    /// What is passed on of the sender's headers. Of repeated ones the first counts (STOMP 1.2, "Repeated Header Entries"); it goes
    /// alone because some clients take the last.
    fn sender_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_repeated = |index, name| self.headers.iter().take(index).any(|(one, _)| one == name);
        self.headers
            .iter()
            .enumerate()
            .filter(move |(index, (name, _))| {
                !BROKER_HEADERS.contains(name) && !is_repeated(*index, *name)
            })
            .map(|(_, header)| header)
    }

    fn render(&self, version: Version) -> Tail {
        let mut plain = Vec::with_capacity(self.body.len() + 128);
        write_header(&mut plain, version, "destination", self.destination);
        for (name, value) in self.sender_headers() {
            write_header(&mut plain, version, name, value);
        }
        write_header(
            &mut plain,
            version,
            "content-length",
            &self.body.len().to_string(),
        );
        plain.push(b'\n');
        plain.extend_from_slice(self.body);
        plain.push(0);
        let utf8 = std::str::from_utf8(self.body).is_ok();
        let binary = self
            .headers
            .find("content-type")
            .is_some_and(is_octet_stream);
        Tail {
            plain: Plain::Own(plain),
            escaped: OnceLock::new(),
            text: utf8 && (!binary || self.body.is_empty()),
            utf8,
            key: self.headers.find("key").map(Into::into),
        }
    }
}

fn is_octet_stream(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/octet-stream")
}
