//! Say something.

use crate::command::{NewMessage, Target};
use crate::conversation::Conversation;
use crate::error::Error;
use crate::id::{ConversationId, MessageId};
use crate::person::{Person, Role};
use crate::reply::Ack;
use crate::store::fault::Fault;
use crate::store::ledger::{Beside, Ledger};
use crate::store::round::Round;

pub(super) async fn send<L: Ledger>(
    round: &mut Round<'_, L>,
    command: NewMessage,
) -> Result<Ack, Fault> {
    let NewMessage {
        sender,
        target,
        draft,
    } = command;
    let found = round
        .ledger
        .before_sending(&sender.user, &draft.client_id, &target)
        .await?;
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
    round
        .ledger
        .save(&conversation, Beside::Message(&message))
        .await?;
    round.push(event);
    Ok(Ack::message(&message, false))
}

/// The conversation that a customer's message belongs to: the open one; else a closed one, if it is not too old; else
/// a new one.
async fn from_customer<L: Ledger>(
    round: &mut Round<'_, L>,
    customer: &Person,
    target: &Target,
    open: Option<Conversation>,
) -> Result<Conversation, Fault> {
    let last = match (target, open) {
        (Target::Customer(user), _) if *user != customer.user => return Err(Error::NotFound.into()),
        (Target::Customer(_), Some(open)) => return Ok(open),
        (Target::Customer(_), None) => round.ledger.last_conversation(&customer.user).await?,
        (Target::Conversation(id), Some(open)) if open.id == *id => return Ok(open),
        (Target::Conversation(id), open) => {
            let named = round
                .ledger
                .conversation(*id)
                .await?
                .ok_or(Error::NotFound)?;
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

fn continue_or_open<L>(
    round: &mut Round<'_, L>,
    customer: &Person,
    last: Option<Conversation>,
) -> Conversation {
    let stamp = round.stamp();
    let window = round.context.reopen_window;
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
fn from_agent<L>(
    round: &mut Round<'_, L>,
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
