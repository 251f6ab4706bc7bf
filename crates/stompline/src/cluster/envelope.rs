//! What crosses between nodes. A message crosses as its rendered tails: the receiver slices the envelope and encodes nothing again.
//!
//! Form: version, kind, origin, number, time, then the fields of the kind. Numbers are big-endian; texts and bytes follow their length.

use bytes::Bytes;
use stompline_proto::Headers;

use crate::{
    backplane::NodeId,
    name::{Realm, UserKey, UserName},
    render::Tail,
};

const VERSION: u8 = 1;

/// An envelope that makes no sense: of another version, or not of this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed envelope")]
pub(crate) struct Malformed;

/// Who sent an envelope, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) node: NodeId,
    /// Counts the envelopes of this node.
    pub(crate) number: u64,
    pub(crate) sent_us: u64,
}

/// A message, either ready or, where an outbound filter looks at it, in its parts.
pub(crate) enum Payload {
    Tails(Vec<Tail>),
    Parts(Headers, Bytes),
}

pub(crate) enum Letter {
    /// For the subscribers of a destination.
    Topic {
        destination: String,
        payload: Payload,
    },
    /// For all sessions of a user.
    User {
        user: UserKey,
        destination: String,
        payload: Payload,
    },
    /// Ends a session; without a reason a newer one took its place.
    Kick {
        session: String,
        reason: Option<String>,
    },
    /// Where a user is now.
    Moved {
        user: UserKey,
        version: u64,
        nodes: Vec<NodeId>,
    },
    /// Asks this node something.
    Question {
        id: u64,
        subject: String,
        body: Bytes,
    },
    /// The answer; without a body nobody here answers such questions.
    Answer { id: u64, body: Option<Bytes> },
}

pub(crate) struct Writer(Vec<u8>);

impl Writer {
    fn begin(kind: u8, origin: &Origin, room: usize) -> Self {
        let mut writer = Self(Vec::with_capacity(64 + room));
        writer.0.extend_from_slice(&[VERSION, kind]);
        writer.text(origin.node.as_str());
        writer.number(origin.number);
        writer.number(origin.sent_us);
        writer
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // Frames are bounded far below four gigabytes.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        self.0.push(u8::from(bytes.is_some()));
        self.bytes(bytes.unwrap_or_default());
    }

    fn user(&mut self, user: &UserKey) {
        self.text(user.realm().as_str());
        self.text(user.name().as_str());
    }

    fn payload(&mut self, payload: &Outbound<'_>) {
        match payload {
            Outbound::Tails(tails) => {
                self.0.push(u8::try_from(tails.len()).unwrap_or_default());
                for tail in *tails {
                    tail.write_marks(&mut self.0);
                    self.optional(tail.key().map(str::as_bytes));
                    self.bytes(tail.plain());
                }
            }
            Outbound::Parts(headers, body) => {
                self.0.push(0);
                let count = headers.iter().count();
                self.number(u64::try_from(count).unwrap_or_default());
                for (name, value) in *headers {
                    self.text(name);
                    self.text(value);
                }
                self.bytes(body);
            }
        }
    }

    fn done(self) -> Bytes {
        self.0.into()
    }
}

/// A message to be written.
pub(crate) enum Outbound<'a> {
    Tails(&'a [&'a Tail]),
    Parts(&'a Headers, &'a Bytes),
}

impl Outbound<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Tails(tails) => tails.iter().map(|tail| tail.plain().len() + 16).sum(),
            Self::Parts(_, body) => body.len() + 256,
        }
    }
}

pub(crate) fn topic(origin: &Origin, destination: &str, payload: &Outbound<'_>) -> Bytes {
    let mut writer = Writer::begin(1, origin, destination.len() + payload.len());
    writer.text(destination);
    writer.payload(payload);
    writer.done()
}

pub(crate) fn user(
    origin: &Origin,
    user: &UserKey,
    destination: &str,
    payload: &Outbound<'_>,
) -> Bytes {
    let mut writer = Writer::begin(2, origin, destination.len() + payload.len());
    writer.user(user);
    writer.text(destination);
    writer.payload(payload);
    writer.done()
}

pub(crate) fn kick(origin: &Origin, session: &str, reason: Option<&str>) -> Bytes {
    let mut writer = Writer::begin(3, origin, 64);
    writer.text(session);
    writer.optional(reason.map(str::as_bytes));
    writer.done()
}

pub(crate) fn moved(origin: &Origin, user: &UserKey, version: u64, nodes: &[NodeId]) -> Bytes {
    let mut writer = Writer::begin(4, origin, 64 + nodes.len() * 40);
    writer.user(user);
    writer.number(version);
    writer.number(u64::try_from(nodes.len()).unwrap_or_default());
    for node in nodes {
        writer.text(node.as_str());
    }
    writer.done()
}

pub(crate) fn question(origin: &Origin, id: u64, subject: &str, body: &[u8]) -> Bytes {
    let mut writer = Writer::begin(5, origin, subject.len() + body.len());
    writer.number(id);
    writer.text(subject);
    writer.bytes(body);
    writer.done()
}

pub(crate) fn answer(origin: &Origin, id: u64, body: Option<&[u8]>) -> Bytes {
    let mut writer = Writer::begin(6, origin, body.map_or(0, <[u8]>::len));
    writer.number(id);
    writer.optional(body);
    writer.done()
}

/// Reads an envelope. What it holds shares the envelope's memory.
pub(crate) fn open(envelope: Bytes) -> Result<(Origin, Letter), Malformed> {
    let mut reader = Reader(envelope);
    if reader.byte()? != VERSION {
        return Err(Malformed);
    }
    let kind = reader.byte()?;
    let origin = Origin {
        node: NodeId::new(&reader.text()?).ok_or(Malformed)?,
        number: reader.number()?,
        sent_us: reader.number()?,
    };
    let letter = match kind {
        1 => Letter::Topic {
            destination: reader.text()?,
            payload: reader.payload()?,
        },
        2 => Letter::User {
            user: reader.user()?,
            destination: reader.text()?,
            payload: reader.payload()?,
        },
        3 => Letter::Kick {
            session: reader.text()?,
            reason: reader.optional()?.map(text).transpose()?,
        },
        4 => Letter::Moved {
            user: reader.user()?,
            version: reader.number()?,
            nodes: reader.nodes()?,
        },
        5 => Letter::Question {
            id: reader.number()?,
            subject: reader.text()?,
            body: reader.bytes()?,
        },
        6 => Letter::Answer {
            id: reader.number()?,
            body: reader.optional()?,
        },
        _ => return Err(Malformed),
    };
    Ok((origin, letter))
}

struct Reader(Bytes);

impl Reader {
    fn take(&mut self, len: usize) -> Result<Bytes, Malformed> {
        (len <= self.0.len())
            .then(|| self.0.split_to(len))
            .ok_or(Malformed)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?;
        Ok(u64::from_be_bytes(
            bytes[..].try_into().map_err(|_| Malformed)?,
        ))
    }

    fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let len = self.take(4)?;
        let len = u32::from_be_bytes(len[..].try_into().map_err(|_| Malformed)?);
        self.take(usize::try_from(len).map_err(|_| Malformed)?)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        text(self.bytes()?)
    }

    fn optional(&mut self) -> Result<Option<Bytes>, Malformed> {
        let there = self.byte()? == 1;
        let bytes = self.bytes()?;
        Ok(there.then_some(bytes))
    }

    fn user(&mut self) -> Result<UserKey, Malformed> {
        let realm = Realm::new(self.text()?).map_err(|_| Malformed)?;
        let name = UserName::new(self.text()?).map_err(|_| Malformed)?;
        Ok(UserKey::new(realm, name))
    }

    fn nodes(&mut self) -> Result<Vec<NodeId>, Malformed> {
        let count = self.number()?;
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(NodeId::new(&self.text()?).ok_or(Malformed)?);
        }
        Ok(nodes)
    }

    fn payload(&mut self) -> Result<Payload, Malformed> {
        let count = self.byte()?;
        if count == 0 {
            let mut headers = Headers::new();
            for _ in 0..self.number()? {
                let (name, value) = (self.text()?, self.text()?);
                headers.push(&name, &value);
            }
            return Ok(Payload::Parts(headers, self.bytes()?));
        }
        // One for all versions of STOMP, or one for each.
        if count != 1 && count != 3 {
            return Err(Malformed);
        }
        let mut tails = Vec::with_capacity(count.into());
        for _ in 0..count {
            let marks = self.byte()?;
            let key = self.optional()?.map(text).transpose()?;
            tails.push(Tail::received(marks, key, self.bytes()?));
        }
        Ok(Payload::Tails(tails))
    }
}

fn text(bytes: Bytes) -> Result<String, Malformed> {
    String::from_utf8(bytes.into()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
