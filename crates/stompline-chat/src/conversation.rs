//! A conversation and the rules by which it changes.
//!
//! A store loads one, calls one of the transitions here inside its writer, and saves what came of it together with
//! the [`Event`] returned. So every store obeys the same rules.

use std::sync::Arc;
use std::time::Duration;

use crate::command::Draft;
use crate::error::Error;
use crate::event::{Change, Event, Prev, QueueEffect};
use crate::head::{Head, Pointer, Preview};
use crate::id::{ConversationId, MessageId};
use crate::message::{Content, Message, Visibility};
use crate::person::{Person, Role, UserRef};
use crate::time::Timestamp;

pub use self::state::{Assignment, Closure, Phase, Stamp, State};

mod state;

/// The group of an installation that has only one.
pub const GROUP_DEFAULT: &str = "default";

/// One conversation as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its name.
    pub id: ConversationId,
    /// Whose queue it waits in.
    pub group_id: Arc<str>,
    /// Who asks.
    pub customer: Person,
    /// Where it stands.
    pub state: State,
    /// Counts the changes of hands.
    pub assign_rev: u64,
    /// The conversation it follows.
    pub previous_id: Option<ConversationId>,
    /// The `seq` of the last message.
    pub last_seq: u64,
    /// The last message.
    pub last_message: Option<Preview>,
    /// How far each participant has come.
    pub pointers: Vec<Pointer>,
    /// The chain of all changes.
    pub rev: u64,
    /// The chain of the changes that customers see.
    pub public_rev: u64,
    /// The change by which it last stopped waiting; agents who saw it wait must learn of that.
    pub left_queue_rev: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When the customer's last waiting began.
    pub queued_at: Timestamp,
    /// How often it was taken up again.
    pub reopen_count: u64,
}

impl Conversation {
    /// A customer begins to wait.
    pub fn open(
        id: ConversationId,
        customer: Person,
        previous_id: Option<ConversationId>,
        stamp: Stamp,
    ) -> (Self, Event) {
        let mut conversation = Self {
            id,
            group_id: Arc::from(GROUP_DEFAULT),
            customer,
            state: State::Queued,
            assign_rev: 1,
            previous_id,
            last_seq: 0,
            last_message: None,
            pointers: Vec::new(),
            rev: 0,
            public_rev: 0,
            left_queue_rev: 0,
            created_at: stamp.at,
            queued_at: stamp.at,
            reopen_count: 0,
        };
        let event = conversation.record(stamp, |it| Change::Created(it.agent_head()));
        (conversation, event)
    }

    /// An agent takes it out of the queue; nothing happens if it is theirs already.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyTaken`] when another agent was faster, [`Error::Stale`] when `assign_rev` names another
    /// stage of the queue, [`Error::Closed`].
    pub fn take(
        &mut self,
        agent: &Person,
        assign_rev: Option<u64>,
        stamp: Stamp,
    ) -> Result<Option<Event>, Error> {
        match &self.state {
            State::Active(held) if held.agent.user == agent.user => return Ok(None),
            State::Active(held) => {
                return Err(Error::AlreadyTaken {
                    assignee: held.agent.clone(),
                });
            }
            State::Closed { .. } => return Err(Error::Closed),
            State::Queued => {}
        }
        if assign_rev.is_some_and(|seen| seen != self.assign_rev) {
            return Err(Error::Stale {
                assign_rev: self.assign_rev,
            });
        }
        let waited = stamp.at.since(self.queued_at);
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.leave_queue(
            State::Active(Assignment {
                agent: agent.clone(),
                since: stamp.at,
            }),
            stamp.rev,
        );
        let mut event = self.record(stamp, |it| Change::Assigned {
            waited_ms,
            head: it.agent_head(),
        });
        event.queue = Some(QueueEffect::Left);
        Ok(Some(event))
    }

    /// Somebody who takes part says something.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] for anybody else, [`Error::Closed`], and
    /// [`Error::BadRequest`] for an answer to a message that does not exist.
    pub fn append(
        &mut self,
        sender: &Person,
        draft: Draft,
        id: MessageId,
        stamp: Stamp,
    ) -> Result<(Message, Event), Error> {
        self.may_take_part(&sender.user)?;
        if matches!(self.state, State::Closed { .. }) {
            return Err(Error::Closed);
        }
        if draft
            .reply_to
            .is_some_and(|seq| seq == 0 || seq > self.last_seq)
        {
            return Err(Error::bad_request(
                "`replyTo` names no message of this conversation",
            ));
        }
        self.last_seq += 1;
        let message = Message {
            id,
            conversation_id: self.id,
            seq: self.last_seq,
            rev: stamp.rev,
            client_id: draft.client_id,
            visibility: Visibility::Public,
            sender: sender.clone(),
            content: draft.content,
            reply_to: draft.reply_to,
            created_at: stamp.at,
        };
        self.last_message = Some(preview(&message));
        let event = self.record(stamp, |_| Change::MessageCreated(Box::new(message.clone())));
        Ok((message, event))
    }

    /// One side ends it; nothing happens if it is over already.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] or [`Error::NotFound`] for those who take no part.
    pub fn close(
        &mut self,
        by: &UserRef,
        reason: Option<Arc<str>>,
        stamp: Stamp,
    ) -> Result<Option<Event>, Error> {
        self.may_take_part(by)?;
        let closure = Closure {
            at: stamp.at,
            by: by.role,
            reason,
        };
        let was_queued = self.is_queued();
        match &self.state {
            State::Closed { .. } => return Ok(None),
            State::Queued => {
                self.leave_queue(
                    State::Closed {
                        assignment: None,
                        closure,
                    },
                    stamp.rev,
                );
            }
            State::Active(assignment) => {
                let assignment = Some(assignment.clone());
                self.change_hands(State::Closed {
                    assignment,
                    closure,
                });
            }
        }
        let mut event = self.record(stamp, |it| Change::Closed(it.agent_head()));
        event.queue = was_queued.then_some(QueueEffect::Left);
        Ok(Some(event))
    }

    /// True when the customer's next message continues this closed conversation instead of starting another.
    pub fn reopens(&self, now: Timestamp, window: Duration) -> bool {
        match &self.state {
            State::Closed { closure, .. } => now.since(closure.at) < window,
            _ => false,
        }
    }

    /// The customer came back: it waits again. Whoever had it is told, once.
    pub fn reopen(&mut self, stamp: Stamp) -> Event {
        let former = self.assignee().map(|agent| agent.user.clone());
        self.change_hands(State::Queued);
        self.queued_at = stamp.at;
        self.reopen_count += 1;
        let mut event = self.record(stamp, |it| Change::Reopened(it.agent_head()));
        event.recipients.extend(former);
        event
    }

    /// Moves the pointers of somebody who may read this. They only grow, and never pass the last message; what
    /// was read was delivered too. Nothing happens if they stand there already.
    ///
    /// # Errors
    ///
    /// As [`Conversation::may_read`].
    pub fn point(
        &mut self,
        who: &UserRef,
        delivered: u64,
        read: u64,
        stamp: Stamp,
    ) -> Result<Option<Event>, Error> {
        self.may_read(who)?;
        let read = read.min(self.last_seq);
        let delivered = delivered.min(self.last_seq).max(read);
        let index = self
            .pointers
            .iter()
            .position(|pointer| pointer.user == *who);
        let (old_delivered, old_read) = index.map_or((0, 0), |index| {
            (
                self.pointers[index].delivered_seq,
                self.pointers[index].read_seq,
            )
        });
        if delivered <= old_delivered && read <= old_read {
            return Ok(None);
        }
        let moved = Pointer {
            user: who.clone(),
            delivered_seq: delivered.max(old_delivered),
            read_seq: read.max(old_read),
        };
        match index {
            Some(index) => self.pointers[index] = moved.clone(),
            None => self.pointers.push(moved.clone()),
        }
        Ok(Some(self.record(stamp, |_| Change::PointerMoved(moved))))
    }

    /// Somebody who takes part now goes by another name.
    pub fn rename(&mut self, person: &Person, stamp: Stamp) -> Option<Event> {
        let shown = match &mut self.state {
            _ if self.customer.user == person.user => &mut self.customer.name,
            State::Active(held) if held.agent.user == person.user => &mut held.agent.name,
            _ => return None,
        };
        if *shown == person.name {
            return None;
        }
        *shown = Arc::clone(&person.name);
        Some(self.record(stamp, |it| Change::Updated(it.agent_head())))
    }

    /// Whether somebody may see this conversation: its customer; an agent while it waits, and the assignee.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for other customers, who must not learn that it exists; [`Error::Forbidden`] for other
    /// agents.
    pub fn may_read(&self, who: &UserRef) -> Result<(), Error> {
        match who.role {
            Role::Customer if self.customer.user == *who => Ok(()),
            Role::Customer => Err(Error::NotFound),
            Role::Agent if self.is_queued() => Ok(()),
            Role::Agent if self.assignee().is_some_and(|agent| agent.user == *who) => Ok(()),
            Role::Agent => Err(Error::Forbidden("another agent has this conversation")),
        }
    }

    fn may_take_part(&self, who: &UserRef) -> Result<(), Error> {
        self.may_read(who)?;
        if who.role == Role::Agent && self.is_queued() {
            return Err(Error::Forbidden(
                "this conversation still waits; take it first",
            ));
        }
        Ok(())
    }

    /// The head as readers of that role see it.
    pub fn head(&self, reader: Role) -> Head {
        let (assignment, closure) = match &self.state {
            State::Queued => (None, None),
            State::Active(assignment) => (Some(assignment), None),
            State::Closed {
                assignment,
                closure,
            } => (assignment.as_ref(), Some(closure)),
        };
        Head {
            id: self.id,
            rev: match reader {
                Role::Customer => self.public_rev,
                Role::Agent => self.rev,
            },
            state: self.phase(),
            assign_rev: self.assign_rev,
            group_id: Arc::clone(&self.group_id),
            customer: self.customer.clone(),
            assignee: assignment.map(|assignment| assignment.agent.clone()),
            last_seq: self.last_seq,
            last_message: self.last_message.clone(),
            pointers: self.pointers.clone(),
            previous_id: self.previous_id,
            reopen_count: self.reopen_count,
            created_at: self.created_at,
            queued_at: self.queued_at,
            assigned_at: assignment.map(|assignment| assignment.since),
            closed_at: closure.map(|closure| closure.at),
            closed_by: closure.map(|closure| closure.by),
            close_reason: closure.and_then(|closure| closure.reason.clone()),
        }
    }

    /// Where it stands, by name.
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Queued => Phase::Queued,
            State::Active(_) => Phase::Active,
            State::Closed { .. } => Phase::Closed,
        }
    }

    /// True while the customer waits for an agent.
    pub const fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued)
    }

    /// Who has it or, once closed, had it last.
    pub const fn assignee(&self) -> Option<&Person> {
        match &self.state {
            State::Active(assignment)
            | State::Closed {
                assignment: Some(assignment),
                ..
            } => Some(&assignment.agent),
            _ => None,
        }
    }

    fn leave_queue(&mut self, state: State, rev: u64) {
        self.left_queue_rev = rev;
        self.change_hands(state);
    }

    fn change_hands(&mut self, state: State) {
        self.state = state;
        self.assign_rev += 1;
    }

    /// Chains a change that everybody may see to the ones before it.
    fn record(&mut self, stamp: Stamp, change: impl FnOnce(&Self) -> Change) -> Event {
        let prev = Prev {
            public: self.public_rev,
            internal: self.rev,
        };
        self.rev = stamp.rev;
        self.public_rev = stamp.rev;
        let assignee = self.assignee().map(|agent| agent.user.clone());
        Event {
            conversation_id: self.id,
            rev: stamp.rev,
            prev,
            visibility: Visibility::Public,
            recipients: std::iter::once(self.customer.user.clone())
                .chain(assignee)
                .collect(),
            change: change(self),
            queue: self
                .is_queued()
                .then(|| QueueEffect::Waits(self.agent_head())),
        }
    }

    /// A public change has the same stamp in both audiences, so its head serves both.
    fn agent_head(&self) -> Box<Head> {
        Box::new(self.head(Role::Agent))
    }
}

fn preview(message: &Message) -> Preview {
    let Content::Text(text) = &message.content;
    Preview {
        seq: message.seq,
        sender: message.sender.clone(),
        text: text.start(Preview::CHARS_MAX).to_owned(),
        created_at: message.created_at,
    }
}

#[cfg(test)]
mod tests;
