//! Say something.

use sqlx::Row;

use super::super::Fault;
use super::super::round::{Round, SITE, TENANT};
use super::super::row::{self, select_conversation};
use super::save::{Beside, save};
use super::{conversation, last_conversation};
use crate::command::{NewMessage, Target};
use crate::conversation::Conversation;
use crate::error::Error;
use crate::id::{ClientId, ConversationId, MessageId};
use crate::message::Message;
use crate::person::{Person, Role, UserRef};
use crate::reply::Ack;

macro_rules! select_sent_before {
    () => {
        "SELECT * FROM message \
         WHERE tenant_id = $1 AND sender_role = $2 AND sender_id = $3 AND client_id = $4"
    };
}

pub(super) async fn send(round: &mut Round<'_>, command: NewMessage) -> Result<Ack, Fault> {
    let NewMessage {
        sender,
        target,
        draft,
    } = command;
    let found = look_up(round, &sender.user, &draft.client_id, &target).await?;
    if let Some(first) = found.sent_before {
        return Ok(Ack::message(&first, true));
    }
    let mut conversation = match sender.role() {
        Role::Customer => from_customer(round, &sender, &target, found.conversation).await?,
        Role::Agent => from_agent(round, &sender, found.conversation)?,
    };
    if let Some(event) = conversation.rename(&sender, round.stamp()) {
        round.push(event);
    }
    let id = MessageId::new(round.new_id());
    let (message, event) = conversation.append(&sender, draft, id, round.stamp())?;
    save(round, &conversation, Beside::Message(&message)).await?;
    round.push(event);
    Ok(Ack::message(&message, false))
}

/// What there is to know before a message finds its place.
#[derive(Default)]
struct Found {
    /// The same message, if it was sent before.
    sent_before: Option<Message>,
    /// The target; for a customer, the open conversation, whichever was named.
    conversation: Option<Conversation>,
}

async fn look_up(
    round: &mut Round<'_>,
    sender: &UserRef,
    client_id: &ClientId,
    target: &Target,
) -> Result<Found, Fault> {
    let sql = match (sender.role, target) {
        (Role::Agent, Target::Conversation(_)) => concat!(
            select_sent_before!(),
            "; ",
            select_conversation!("WHERE c.id = $7")
        ),
        _ => concat!(
            select_sent_before!(),
            "; ",
            select_conversation!(
                "WHERE c.tenant_id = $1 AND c.site_id = $5 AND c.customer_id = $6 AND c.state <> 'closed'"
            )
        ),
    };
    let (customer, id) = match target {
        Target::Customer(customer) => (customer, None),
        Target::Conversation(id) => (sender, Some(id.uuid())),
    };
    let rows = sqlx::query(sql)
        .bind(TENANT)
        .bind(sender.role.as_str())
        .bind(&*sender.id)
        .bind(client_id.as_str())
        .bind(SITE)
        .bind(&*customer.id)
        .bind(id)
        .fetch_all(&mut *round.connection)
        .await?;
    let mut found = Found::default();
    for row in &rows {
        // Only messages have a place.
        if row.try_column("seq").is_ok() {
            found.sent_before = Some(row::message(row)?);
        } else {
            found.conversation = Some(row::conversation(row)?);
        }
    }
    Ok(found)
}

/// The conversation that a customer's message belongs to: the open one; else a closed one, if it is not too old; else
/// a new one.
async fn from_customer(
    round: &mut Round<'_>,
    customer: &Person,
    target: &Target,
    open: Option<Conversation>,
) -> Result<Conversation, Fault> {
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
fn from_agent(
    round: &mut Round<'_>,
    agent: &Person,
    target: Option<Conversation>,
) -> Result<Conversation, Error> {
    let mut found = target.ok_or(Error::NotFound)?;
    if found.is_queued()
        && let Some(event) = found.take(agent, None, round.stamp())?
    {
        round.push(event);
    }
    Ok(found)
}
