//! What waits in an outbox: deliveries, and the frames of the session itself.

use std::sync::Arc;

use stompline_proto::{Frame, Version, encode};
use stompline_sockjs::{Form, Outgoing, json};

use crate::{render::Tail, subscription::Subscription};

/// One entry of an outbox.
pub(crate) enum Delivery {
    /// A message for one subscription.
    Message {
        subscription: Arc<Subscription>,
        number: u64,
        tail: Arc<Tail>,
    },
    /// A frame that is this session's alone: CONNECTED, RECEIPT, ERROR.
    Frame(Box<[u8]>),
    /// A heart-beat (STOMP 1.2, "Heart-beating").
    Beat,
}

impl Delivery {
    pub(crate) fn frame(frame: &Frame, version: Version) -> Self {
        let mut bytes = Vec::with_capacity(frame.body.len() + 128);
        encode(frame, version, &mut bytes);
        Self::Frame(bytes.into())
    }
}

impl Outgoing for Delivery {
    fn len(&self, form: Form) -> usize {
        match (self, form) {
            (
                Self::Message {
                    subscription,
                    number,
                    tail,
                },
                _,
            ) => subscription.head_len(*number, form) + tail.len(form),
            (Self::Frame(bytes), Form::Plain) => bytes.len(),
            (Self::Frame(bytes), Form::Escaped) => json::escaped_len(bytes),
            (Self::Beat, Form::Plain) => 1,
            (Self::Beat, Form::Escaped) => 2,
        }
    }

    fn write(&self, form: Form, out: &mut Vec<u8>) {
        match (self, form) {
            (
                Self::Message {
                    subscription,
                    number,
                    tail,
                },
                _,
            ) => {
                subscription.write_head(*number, form, out);
                out.extend_from_slice(tail.bytes(form));
            }
            (Self::Frame(bytes), Form::Plain) => out.extend_from_slice(bytes),
            (Self::Frame(bytes), Form::Escaped) => json::escape(bytes, out),
            (Self::Beat, Form::Plain) => out.push(b'\n'),
            (Self::Beat, Form::Escaped) => out.extend_from_slice(b"\\n"),
        }
    }

    fn is_text(&self) -> bool {
        match self {
            Self::Message { tail, .. } => tail.is_text(),
            Self::Frame(_) | Self::Beat => true,
        }
    }

    fn is_droppable(&self) -> bool {
        matches!(self, Self::Message { subscription, .. } if subscription.may_be_dropped())
    }

    fn is_replaced_by(&self, newer: &Self) -> bool {
        match (self, newer) {
            (
                Self::Message {
                    subscription, tail, ..
                },
                Self::Message {
                    subscription: newer_subscription,
                    tail: newer_tail,
                    ..
                },
            ) => {
                Arc::ptr_eq(subscription, newer_subscription)
                    && tail.key().is_some()
                    && tail.key() == newer_tail.key()
            }
            _ => false,
        }
    }
}
