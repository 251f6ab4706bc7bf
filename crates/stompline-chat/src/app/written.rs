//! An event as it leaves: written for its readers, with what a node needs to deliver it.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use stompline::Message;

use super::order::Chained;
use crate::event::Event;
use crate::id::ConversationId;
use crate::person::{Role, UserRef};

/// What a parcel for other nodes holds at most, unless one event alone is larger: half of what a slow reader of the
/// backplane should have to take at a time.
const PARCEL_BYTES_MAX: usize = 256 * 1024;

/// An event ready to be delivered, on whatever node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    event: String,
    conversation_id: ConversationId,
    rev: u64,
    /// The conversation's change before it, of whatever visibility: every node hears of all.
    prev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    pub(super) recipients: Vec<UserRef>,
    #[serde(with = "text")]
    body: Bytes,
    /// What customers read, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_body: Option<String>,
}

impl Written {
    /// Writes an event down.
    pub(super) fn new(event: Event) -> Result<Self, serde_json::Error> {
        let customer_body = if event.same_for_all() {
            None
        } else {
            Some(serde_json::to_string(&event.body(Role::Customer))?)
        };
        Ok(Self {
            event: event.name().to_owned(),
            conversation_id: event.conversation_id,
            rev: event.rev,
            prev: event.prev.internal,
            seq: event.seq(),
            body: serde_json::to_vec(&event.body(Role::Agent))?.into(),
            customer_body,
            recipients: event.recipients,
        })
    }

    /// What a reader of that role receives. The headers let a server route, count and coalesce without reading the
    /// body.
    pub(super) fn message(&self, reader: Role) -> Message {
        let body = match (&self.customer_body, reader) {
            (Some(body), Role::Customer) => Bytes::from(body.clone()),
            _ => self.body.clone(),
        };
        let message = Message::new("application/json", body)
            .header("event", &self.event)
            .header("conversation", &self.conversation_id.to_string())
            .header("rev", &self.rev.to_string());
        match self.seq {
            Some(seq) => message.header("seq", &seq.to_string()),
            None => message,
        }
    }
}

impl Chained for Written {
    fn rev(&self) -> u64 {
        self.rev
    }

    fn prev(&self) -> u64 {
        self.prev
    }

    fn bytes(&self) -> usize {
        let customer_body = self.customer_body.as_ref().map_or(0, String::len);
        self.body.len() + customer_body
    }
}

/// Packs events for other nodes, in order, into as few parcels as their size allows.
pub(super) fn pack(events: &[Written]) -> impl Iterator<Item = Result<Bytes, serde_json::Error>> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest
            .iter()
            .take_while(|event| {
                bytes += event.bytes();
                bytes <= PARCEL_BYTES_MAX
            })
            .count();
        let (parcel, left) = rest.split_at_checked(fit.max(1))?;
        rest = left;
        Some(serde_json::to_vec(parcel).map(Bytes::from))
    })
}

/// What another node packed.
pub(super) fn unpack(parcel: &[u8]) -> Result<Vec<Written>, serde_json::Error> {
    serde_json::from_slice(parcel)
}

/// A body is JSON, and crosses as a text within JSON.
mod text {
    use super::{Bytes, Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        std::str::from_utf8(body)
            .map_err(serde::ser::Error::custom)?
            .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        String::deserialize(from).map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rev: u64, body: &str) -> Written {
        Written {
            event: "message.created".to_owned(),
            conversation_id: ConversationId::new(uuid::Uuid::from_u128(7)),
            rev,
            prev: rev - 1,
            seq: Some(3),
            recipients: vec![UserRef::customer("7"), UserRef::agent("7")],
            body: Bytes::from(body.to_owned()),
            customer_body: rev
                .is_multiple_of(2)
                .then(|| format!("for customers: {body}")),
        }
    }

    #[test]
    fn parcels_hold_all_events_in_order() {
        let long = "\u{1F600} \"x\"\\".repeat(9_000);
        let events: Vec<Written> = (1..=20)
            .map(|rev| written(rev, if rev % 3 == 0 { &long } else { "{}" }))
            .collect();
        let parcels: Vec<Bytes> = pack(&events).map(Result::unwrap).collect();
        assert!(parcels.len() > 2, "{}", parcels.len());
        let come: Vec<Written> = parcels
            .iter()
            .flat_map(|parcel| unpack(parcel).unwrap())
            .collect();
        assert_eq!(come, events);
    }

    #[test]
    fn event_larger_than_a_parcel_goes_alone() {
        let long = "x".repeat(PARCEL_BYTES_MAX + 1);
        let events = [written(1, "{}"), written(3, &long), written(5, "{}")];
        assert_eq!(pack(&events).count(), 3);
        assert_eq!(pack(&[]).count(), 0);
    }

    #[test]
    fn customers_read_what_is_theirs() {
        let event = written(2, "all");
        assert_eq!(event.message(Role::Agent).body, "all");
        assert_eq!(event.message(Role::Customer).body, "for customers: all");
    }
}
