//! What an application sends.

use bytes::Bytes;
use serde::Serialize;
use stompline_proto::Headers;

use crate::rejection::Rejection;

/// The content type of JSON bodies.
pub(crate) const JSON: &str = "application/json";

/// A message before it is addressed: headers and a body.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Extra headers of the MESSAGE, `content-type` among them. The broker's own headers (`destination`, `subscription`,
    /// `message-id`, `ack`, `content-length`) are set by the broker and ignored here.
    pub headers: Headers,
    /// The body, as it is sent.
    pub body: Bytes,
}

impl Message {
    /// A message with this content type.
    pub fn new(content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut headers = Headers::new();
        headers.push("content-type", content_type);
        Self {
            headers,
            body: body.into(),
        }
    }

    /// A JSON message.
    ///
    /// # Errors
    ///
    /// If `body` cannot be written as JSON (a map with keys that are not strings, for example).
    pub fn json<T: Serialize + ?Sized>(body: &T) -> Result<Self, serde_json::Error> {
        Ok(Self::new(JSON, serde_json::to_vec(body)?))
    }

    /// A plain text message.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new("text/plain;charset=UTF-8", body.into())
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }
}

/// A message on its way to somebody.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) audience: Audience,
    pub(crate) message: Message,
}

/// Who receives a message.
#[derive(Clone, Debug)]
pub(crate) enum Audience {
    /// Everybody subscribed to the destination.
    Topic(String),
    /// Every session of the user that sent the frame being answered.
    Sender { destination: String },
    /// Only the session that sent the frame being answered.
    Session { destination: String },
    /// Every session of a user, in one realm or in all.
    User {
        realm: Option<String>,
        name: String,
        destination: String,
    },
}

impl Outgoing {
    /// A message to everybody subscribed to `destination`, `/topic/news` for example.
    pub fn topic(destination: impl Into<String>, message: Message) -> Self {
        Self {
            audience: Audience::Topic(destination.into()),
            message,
        }
    }

    /// A message to all sessions of the user whose frame is being answered. `destination` is what follows `/user`:
    /// `/queue/messages` reaches those subscribed to `/user/queue/messages`.
    pub fn sender(destination: impl Into<String>, message: Message) -> Self {
        Self {
            audience: Audience::Sender {
                destination: destination.into(),
            },
            message,
        }
    }

    /// A message to the one session whose frame is being answered.
    pub fn session(destination: impl Into<String>, message: Message) -> Self {
        Self {
            audience: Audience::Session {
                destination: destination.into(),
            },
            message,
        }
    }

    /// A message to all sessions of the user `name` in `realm`.
    pub fn user(
        realm: impl Into<String>,
        name: impl Into<String>,
        destination: impl Into<String>,
        message: Message,
    ) -> Self {
        let audience = Audience::User {
            realm: Some(realm.into()),
            name: name.into(),
            destination: destination.into(),
        };
        Self { audience, message }
    }
}

/// A value that becomes a message's body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the body of a message",
    note = "use `Json(value)` for a serializable value, a `String`, `&'static str`, `Bytes` or `Message`"
)]
pub trait IntoMessage {
    /// Makes the message.
    ///
    /// # Errors
    ///
    /// A rejection if the value cannot be written.
    fn into_message(self) -> Result<Message, Rejection>;
}

impl IntoMessage for Message {
    fn into_message(self) -> Result<Message, Rejection> {
        Ok(self)
    }
}

impl IntoMessage for String {
    fn into_message(self) -> Result<Message, Rejection> {
        Ok(Message::text(self))
    }
}

impl IntoMessage for &'static str {
    fn into_message(self) -> Result<Message, Rejection> {
        Ok(Message::text(self))
    }
}

impl IntoMessage for Bytes {
    fn into_message(self) -> Result<Message, Rejection> {
        Ok(Message::new("application/octet-stream", self))
    }
}
