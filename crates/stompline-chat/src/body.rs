//! The JSON bodies of commands and questions, as clients send them.
//!
//! Unknown fields are ignored, so that newer clients can talk to older servers. Who speaks always comes from the
//! session, never from a body.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::command::{Close, Command, Draft, NewMessage, PointerMove, Start, Take, Target};
use crate::conversation::Phase;
use crate::error::Error;
use crate::id::{ClientId, ConversationId};
use crate::message::{Content, Text};
use crate::person::{Person, Role, UserRef};

/// The longest reason for closing, in characters: a sentence for the record.
const REASON_CHARS_MAX: usize = 200;

/// `/app/send`. The plainest form is `{"content":"hi"}` or `{"text":"hi"}`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendBody {
    /// The sender's name for the message; absent: it is never taken for a repetition.
    pub client_id: Option<String>,
    /// Where; a customer may leave it out.
    pub conversation_id: Option<ConversationId>,
    /// `text`, the only kind for now.
    pub kind: Option<String>,
    /// `{"text": ..}` or just the text.
    pub content: Option<ContentBody>,
    /// The text, if there is no `content`.
    pub text: Option<String>,
    /// The `seq` that this answers.
    pub reply_to: Option<u64>,
    /// `public`; from customers always.
    pub visibility: Option<String>,
    /// From agents: the customer whose open conversation is meant.
    #[serde(alias = "toUserId")]
    pub to: Option<String>,
}

/// What is said, in its full or its short form.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ContentBody {
    /// Just the text.
    Short(String),
    /// The content object of kind `text`.
    Text {
        /// The text.
        text: String,
    },
}

impl SendBody {
    /// The command that `sender` gave with this body.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] and [`Error::TooLarge`], which name the field and what is allowed.
    pub fn command(self, sender: Person) -> Result<Command, Error> {
        let role = sender.role();
        check_kind(self.kind.as_deref())?;
        check_visibility(self.visibility.as_deref(), role)?;
        let text = match (self.content, self.text) {
            (Some(ContentBody::Short(text) | ContentBody::Text { text }), _)
            | (None, Some(text)) => Text::parse(text)?,
            (None, None) => {
                return Err(Error::bad_request("a message needs `content` or `text`"));
            }
        };
        let target = match (self.conversation_id, role, self.to) {
            (Some(id), ..) => Target::Conversation(id),
            (None, Role::Customer, _) => Target::Customer(sender.user.clone()),
            (None, Role::Agent, Some(to)) => Target::Customer(UserRef::customer(to)),
            (None, Role::Agent, None) => {
                return Err(Error::bad_request(
                    "an agent's message needs `conversationId` or `to`",
                ));
            }
        };
        let client_id = self
            .client_id
            .map_or_else(|| Ok(ClientId::fresh()), ClientId::parse)?;
        let draft = Draft {
            client_id,
            content: Content::Text(text),
            reply_to: self.reply_to,
        };
        Ok(NewMessage {
            sender,
            target,
            draft,
        }
        .into())
    }
}

fn check_kind(kind: Option<&str>) -> Result<(), Error> {
    match kind {
        None | Some("text") => Ok(()),
        Some(_) => Err(Error::bad_request(
            "this `kind` is not supported; allowed: `text`",
        )),
    }
}

/// An agent's internal note must never be shown to the customer, so it is refused while there are no notes.
fn check_visibility(visibility: Option<&str>, role: Role) -> Result<(), Error> {
    match (visibility, role) {
        (None | Some("public"), _) | (_, Role::Customer) => Ok(()),
        _ => Err(Error::bad_request(
            "this `visibility` is not supported; allowed: `public`",
        )),
    }
}

/// `/app/chat.start`
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartBody {
    /// The customer's name for this start.
    pub client_id: Option<String>,
}

impl StartBody {
    /// The command that `customer` gave with this body.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] for a bad `clientId`.
    pub fn command(self, customer: Person) -> Result<Command, Error> {
        let client_id = self.client_id.map(ClientId::parse).transpose()?;
        Ok(Start {
            customer,
            client_id,
        }
        .into())
    }
}

/// `/app/agent.take`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeBody {
    /// Which.
    pub conversation_id: ConversationId,
    /// The stage that the agent saw.
    pub assign_rev: Option<u64>,
}

impl TakeBody {
    /// The command that `agent` gave with this body.
    pub fn command(self, agent: Person) -> Command {
        let Self {
            conversation_id,
            assign_rev,
        } = self;
        Take {
            agent,
            conversation_id,
            assign_rev,
        }
        .into()
    }
}

/// `/app/chat.close` and `/app/agent.close`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseBody {
    /// Which.
    pub conversation_id: ConversationId,
    /// Why, at most 200 characters.
    pub reason: Option<String>,
}

impl CloseBody {
    /// The command that `by` gave with this body.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for a long reason, [`Error::BadRequest`] for one that holds U+0000.
    pub fn command(self, by: UserRef) -> Result<Command, Error> {
        let reason = self.reason.as_deref().map(reason).transpose()?.flatten();
        Ok(Close {
            by,
            conversation_id: self.conversation_id,
            reason,
        }
        .into())
    }
}

fn reason(text: &str) -> Result<Option<Arc<str>>, Error> {
    let actual = text.chars().count();
    if actual > REASON_CHARS_MAX {
        let allowed = REASON_CHARS_MAX;
        return Err(Error::TooLarge {
            what: "`reason`",
            unit: "characters",
            actual,
            allowed,
        });
    }
    if text.contains('\0') {
        return Err(Error::bad_request(
            "`reason` must not hold the character U+0000",
        ));
    }
    Ok(Some(text.trim())
        .filter(|text| !text.is_empty())
        .map(Arc::from))
}

/// `/app/chat.delivered` and `/app/chat.read`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointerBody {
    /// Where.
    pub conversation_id: ConversationId,
    /// How far.
    pub seq: u64,
}

impl PointerBody {
    /// `/app/chat.delivered` by `who`.
    pub fn delivered(self, who: UserRef) -> PointerMove {
        let Self {
            conversation_id,
            seq,
        } = self;
        PointerMove {
            who,
            conversation_id,
            delivered: seq,
            read: 0,
        }
    }

    /// `/app/chat.read` by `who`.
    pub fn read(self, who: UserRef) -> PointerMove {
        let Self {
            conversation_id,
            seq,
        } = self;
        PointerMove {
            who,
            conversation_id,
            delivered: seq,
            read: seq,
        }
    }
}

/// `/app/chat.typing`; passes through and is not stored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingBody {
    /// Where.
    pub conversation_id: ConversationId,
    /// Began, or stopped.
    pub on: bool,
}

/// `/app/sync`: what changed since the cursor.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncBody {
    /// The cursor of the last answer; 0 for everything.
    #[serde(default)]
    pub since: u64,
    /// The conversations whose messages are wanted too, each with the stamp the client holds; absent: all that the
    /// caller may read. Messages are always counted from `since`, so that a wrong stamp here loses nothing.
    pub open: Option<BTreeMap<ConversationId, u64>>,
    /// How many items at most, up to [`SyncBody::LIMIT_MAX`]; more is taken as that.
    pub limit: Option<usize>,
}

impl SyncBody {
    /// The largest page, and the usual one: a busy quarter of an hour for one agent.
    pub const LIMIT_MAX: usize = 200;

    /// The page size that applies.
    pub fn limit(&self) -> usize {
        self.limit
            .unwrap_or(Self::LIMIT_MAX)
            .clamp(1, Self::LIMIT_MAX)
    }
}

/// `/app/history`: messages of one conversation, by place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryBody {
    /// Which; a customer may leave it out and means the latest one.
    pub conversation_id: Option<ConversationId>,
    /// Only messages before this place.
    pub before: Option<u64>,
    /// Only messages after this place. With it the page begins at its start, otherwise it ends at the newest.
    pub after: Option<u64>,
    /// How many at most, up to [`HistoryBody::LIMIT_MAX`]; more is taken as that.
    pub limit: Option<usize>,
}

impl HistoryBody {
    /// The largest page.
    pub const LIMIT_MAX: usize = 100;
    /// The usual page: two screens full.
    pub const LIMIT_DEFAULT: usize = 50;

    /// The page size that applies.
    pub fn limit(&self) -> usize {
        self.limit
            .unwrap_or(Self::LIMIT_DEFAULT)
            .clamp(1, Self::LIMIT_MAX)
    }
}

/// `/app/agent.list`: the agent's own conversations of one phase, the last changed first.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListBody {
    /// Which phase; what waits is nobody's own, so the list of it is empty.
    pub state: Phase,
    /// Only those with this customer.
    pub customer_id: Option<Box<str>>,
    /// Only that one.
    pub conversation_id: Option<ConversationId>,
    /// Only those last changed before this stamp: the `rev` of the last one of the page before.
    pub before: Option<u64>,
    /// How many at most, up to [`ListBody::LIMIT_MAX`]; more is taken as that.
    pub limit: Option<usize>,
}

impl ListBody {
    /// The largest page.
    pub const LIMIT_MAX: usize = 100;
    /// The usual page: more than a screen shows.
    pub const LIMIT_DEFAULT: usize = 50;

    /// The page size that applies.
    pub fn limit(&self) -> usize {
        self.limit
            .unwrap_or(Self::LIMIT_DEFAULT)
            .clamp(1, Self::LIMIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    fn send(sender: UserRef, body: Value) -> Result<NewMessage, Error> {
        let body: SendBody = from_value(body).unwrap();
        match body.command(Person::new(sender, None))? {
            Command::Send(message) => Ok(message),
            other => panic!("not a message: {other:?}"),
        }
    }

    #[test]
    fn plain_bodies_mean_text() {
        for body in [
            json!({"content": "hi"}),
            json!({"text": "hi"}),
            json!({"content": {"text": "hi"}}),
            json!({"kind": "text", "content": "hi", "visibility": "internal", "novelty": 1}),
        ] {
            let message = send(UserRef::customer("7"), body).unwrap();
            assert_eq!(message.draft.content.text().unwrap().as_str(), "hi");
            assert_eq!(message.target, Target::Customer(UserRef::customer("7")));
        }
    }

    #[test]
    fn missing_client_id_is_made_fresh() {
        let one = send(UserRef::customer("7"), json!({"text": "hi"})).unwrap();
        let two = send(UserRef::customer("7"), json!({"text": "hi"})).unwrap();
        assert_ne!(one.draft.client_id, two.draft.client_id);
    }

    #[test]
    fn agent_addresses_customer_by_either_name() {
        for body in [
            json!({"text": "hi", "to": "7"}),
            json!({"text": "hi", "toUserId": "7"}),
        ] {
            let message = send(UserRef::agent("7"), body).unwrap();
            assert_eq!(message.target, Target::Customer(UserRef::customer("7")));
        }
    }

    #[test]
    fn refused_bodies_name_the_field() {
        let agent = || UserRef::agent("a");
        for (sender, body, field) in [
            (agent(), json!({"text": "hi"}), "`conversationId` or `to`"),
            (
                agent(),
                json!({"text": "hi", "to": "7", "visibility": "internal"}),
                "`visibility`",
            ),
            (agent(), json!({"to": "7"}), "`content` or `text`"),
            (
                UserRef::customer("7"),
                json!({"text": "hi", "kind": "image"}),
                "`kind`",
            ),
            (UserRef::customer("7"), json!({"text": " "}), "`text`"),
            (
                UserRef::customer("7"),
                json!({"text": "hi", "clientId": ""}),
                "`clientId`",
            ),
        ] {
            let error = send(sender, body).unwrap_err();
            assert_eq!(error.code(), "bad_request");
            assert!(error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn long_or_unstorable_reason_is_refused() {
        let id = ConversationId::new(uuid::Uuid::nil());
        let close = |reason: String| {
            CloseBody {
                conversation_id: id,
                reason: Some(reason),
            }
            .command(UserRef::agent("a"))
        };
        assert!(close("r".repeat(200)).is_ok());
        assert_eq!(close("r".repeat(201)).unwrap_err().code(), "too_large");
        assert_eq!(close("a\0b".into()).unwrap_err().code(), "bad_request");
    }

    #[test]
    fn page_limits_are_clamped() {
        let sync = |limit| {
            SyncBody {
                limit,
                ..SyncBody::default()
            }
            .limit()
        };
        assert_eq!(
            [sync(None), sync(Some(0)), sync(Some(7)), sync(Some(900))],
            [200, 1, 7, 200]
        );
        let history = |limit| {
            HistoryBody {
                limit,
                ..HistoryBody::default()
            }
            .limit()
        };
        assert_eq!(
            [history(None), history(Some(0)), history(Some(900))],
            [50, 1, 100]
        );
        let list = |body| from_value::<ListBody>(body).unwrap().limit();
        assert_eq!(
            [
                list(json!({"state": "closed"})),
                list(json!({"state": "active", "limit": 0})),
                list(json!({"state": "queued", "limit": 900})),
            ],
            [50, 1, 100]
        );
    }
}
