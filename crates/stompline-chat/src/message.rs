//! What people say: one entry of a conversation.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::id::{ClientId, ConversationId, MessageId};
use crate::person::Person;
use crate::time::Timestamp;

/// Text between 1 and [`Text::CHARS_MAX`] characters that is not only white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The longest text, in characters. A page and a half of prose; with four bytes a character it still fits a
    /// frame of 64 KiB.
    pub const CHARS_MAX: usize = 8_000;

    /// Checks a text that came from a client.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] above [`Text::CHARS_MAX`], [`Error::BadRequest`] when there is nothing to read in it.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let actual = text.chars().count();
        if actual > Self::CHARS_MAX {
            let allowed = Self::CHARS_MAX;
            return Err(Error::TooLarge {
                what: "`text`",
                unit: "characters",
                actual,
                allowed,
            });
        }
        if text.trim().is_empty() {
            return Err(Error::bad_request("`text` must not be empty"));
        }
        Ok(Self(text))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning, for lists: at most `chars` characters.
    pub fn start(&self, chars: usize) -> &str {
        self.0
            .char_indices()
            .nth(chars)
            .map_or(&self.0, |(end, _)| &self.0[..end])
    }
}

/// What a message holds, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Kind `text`.
    Text(Text),
}

impl Content {
    /// The name of the kind on the wire and in the store.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
        }
    }

    /// The text of a kind that is one.
    pub const fn text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
        }
    }

    /// How many bytes of text this carries; what pages are measured by.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_str().len(),
        }
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => {
                let mut object = serializer.serialize_struct("Content", 1)?;
                object.serialize_field("text", text.as_str())?;
                object.end()
            }
        }
    }
}

/// Who may see something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody in the conversation.
    Public,
    /// Agents only.
    Internal,
}

impl Visibility {
    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }
}

/// One message as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its own name.
    pub id: MessageId,
    /// Where it was said.
    pub conversation_id: ConversationId,
    /// Its place: dense from 1 within the conversation. The only order.
    pub seq: u64,
    /// The change stamp of its last change.
    pub rev: u64,
    /// The sender's name for it.
    pub client_id: ClientId,
    /// Who may see it.
    pub visibility: Visibility,
    /// Who said it, under the name shown then.
    pub sender: Person,
    /// What was said.
    pub content: Content,
    /// The `seq` of the message that this answers.
    pub reply_to: Option<u64>,
    /// When the server accepted it. For display only.
    pub created_at: Timestamp,
}

/// The wire form of a message, with what an event adds in front.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    conversation_id: ConversationId,
    seq: u64,
    rev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<u64>,
    id: MessageId,
    client_id: &'a ClientId,
    kind: &'static str,
    visibility: Visibility,
    sender: &'a Person,
    content: &'a Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    created_at: Timestamp,
}

impl Message {
    /// Writes the message as the event of that name, chained to `prev`.
    pub(crate) fn serialize_event<S: Serializer>(
        &self,
        event: &'static str,
        prev: u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Wire {
            event: Some(event),
            prev: Some(prev),
            ..self.wire()
        }
        .serialize(serializer)
    }

    fn wire(&self) -> Wire<'_> {
        Wire {
            event: None,
            conversation_id: self.conversation_id,
            seq: self.seq,
            rev: self.rev,
            prev: None,
            id: self.id,
            client_id: &self.client_id,
            kind: self.content.kind(),
            visibility: self.visibility,
            sender: &self.sender,
            content: &self.content,
            text: self.content.text().map(Text::as_str),
            reply_to: self.reply_to,
            created_at: self.created_at,
        }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.wire().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_in_characters() {
        assert!(Text::parse("你".repeat(8_000)).is_ok());
        let error = Text::parse("x".repeat(8_001)).unwrap_err();
        assert_eq!(error.code(), "too_large");
        assert_eq!(
            error.to_string(),
            "`text` has 8001 characters; at most 8000 are allowed"
        );
    }

    #[test]
    fn blank_text_is_refused() {
        for blank in ["", " ", "\n\t\u{3000}"] {
            assert_eq!(
                Text::parse(blank).unwrap_err().code(),
                "bad_request",
                "{blank:?}"
            );
        }
    }

    #[test]
    fn start_cuts_between_characters() {
        let text = Text::parse("你好吗").unwrap();
        assert_eq!(text.start(2), "你好");
        assert_eq!(text.start(9), "你好吗");
    }
}
