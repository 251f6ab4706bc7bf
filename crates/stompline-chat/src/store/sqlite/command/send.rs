//! Say something.

use super::super::Fault;
use super::super::round::{Round, TENANT};
use super::super::row::{self, column};
use super::{conversation, last_conversation, open_conversation, save};
use crate::command::{NewMessage, Target};
use crate::conversation::Conversation;
use crate::error::Error;
use crate::id::{ClientId, ConversationId, MessageId};
use crate::message::Message;
use crate::person::{Person, Role, UserRef};
use crate::reply::Ack;

pub(super) async fn send(round: &mut Round<'_>, command: NewMessage) -> Result<Ack, Fault> {
    let NewMessage {
        sender,
        target,
        draft,
    } = command;
    if let Some(first) = sent_before(round, &sender.user, &draft.client_id).await? {
        return Ok(Ack::message(&first, true));
    }
    let mut conversation = match sender.role() {
        Role::Customer => from_customer(round, &sender, &target).await?,
        Role::Agent => from_agent(round, &sender, &target).await?,
    };
    if let Some(event) = conversation.rename(&sender, round.stamp()) {
        round.push(event);
    }
    let id = MessageId::new(round.new_id());
    let (message, event) = conversation.append(&sender, draft, id, round.stamp())?;
    round.push(event);
    save(round, &conversation).await?;
    insert(round, &message).await?;
    Ok(Ack::message(&message, false))
}

async fn sent_before(
    round: &mut Round<'_>,
    sender: &UserRef,
    client_id: &ClientId,
) -> Result<Option<Message>, sqlx::Error> {
    sqlx::query(
        "SELECT * FROM message WHERE tenant_id = ?1 AND sender_role = ?2 AND sender_id = ?3 AND client_id = ?4",
    )
    .bind(TENANT)
    .bind(sender.role.as_str())
    .bind(&*sender.id)
    .bind(client_id.as_str())
    .fetch_optional(&mut *round.connection)
    .await?
    .map(|found| row::message(&found))
    .transpose()
}

/// The conversation that a customer's message belongs to: the open one; else a closed one, if it is not too old; else
/// a new one.
async fn from_customer(
    round: &mut Round<'_>,
    customer: &Person,
    target: &Target,
) -> Result<Conversation, Fault> {
    let open = open_conversation(round, &customer.user).await?;
    let last = match (target, open) {
        (Target::Customer(user), _) if *user != customer.user => return Err(Error::NotFound.into()),
        (Target::Customer(_), Some(open)) => return Ok(open),
        (Target::Customer(_), None) => last_conversation(round, &customer.user).await?,
        (Target::Conversation(id), Some(open)) if open.id == *id => return Ok(open),
        (Target::Conversation(id), open) => {
            let named = conversation(round, *id).await?.ok_or(Error::NotFound)?;
            named.may_read(&customer.user)?;
            if open.is_some() {
                // There is one open conversation, and this is another.
                return Err(Error::Closed.into());
            }
            Some(named)
        }
    };
    Ok(continue_or_open(round, customer, last))
}

fn continue_or_open(
    round: &mut Round<'_>,
    customer: &Person,
    last: Option<Conversation>,
) -> Conversation {
    let stamp = round.stamp();
    let window = round.context.settings.reopen_window;
    let previous_id = last.as_ref().map(|last| last.id);
    let (conversation, event) = match last {
        Some(mut last) if last.reopens(stamp.at, window) => {
            let event = last.reopen(stamp);
            (last, event)
        }
        _ => {
            let id = ConversationId::new(round.new_id());
            Conversation::open(id, customer.clone(), previous_id, stamp)
        }
    };
    round.push(event);
    conversation
}

/// The conversation that an agent means, taken first when it still waits.
async fn from_agent(
    round: &mut Round<'_>,
    agent: &Person,
    target: &Target,
) -> Result<Conversation, Fault> {
    let found = match target {
        Target::Conversation(id) => conversation(round, *id).await?,
        Target::Customer(customer) => open_conversation(round, customer).await?,
    };
    let mut found = found.ok_or(Error::NotFound)?;
    if found.is_queued()
        && let Some(event) = found.take(agent, None, round.stamp())?
    {
        round.push(event);
    }
    Ok(found)
}

async fn insert(round: &mut Round<'_>, message: &Message) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO message (conversation_id, seq, id, tenant_id, rev, sender_role, sender_id, sender_name, \
         client_id, kind, visibility, content, reply_to, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )
    .bind(message.conversation_id.uuid())
    .bind(column(message.seq))
    .bind(message.id.uuid())
    .bind(TENANT)
    .bind(column(message.rev))
    .bind(message.sender.user.role.as_str())
    .bind(&*message.sender.user.id)
    .bind(&*message.sender.name)
    .bind(message.client_id.as_str())
    .bind(message.content.kind())
    .bind(message.visibility.as_str())
    .bind(row::content_json(&message.content)?)
    .bind(message.reply_to.map(column))
    .bind(message.created_at.millis())
    .execute(&mut *round.connection)
    .await
    .map(drop)
}
