//! The chat over STOMP: handlers, the publisher of what was committed, checkpoints, access.
//!
//! | destination | what it does |
//! |---|---|
//! | SEND `/app/send`, `/app/chat.send` | says something; the ack comes after the commit |
//! | SEND `/app/chat.start`, `/app/chat.close` | a customer begins to wait, or either side ends |
//! | SEND `/app/chat.delivered`, `/app/chat.read`, `/app/chat.typing` | how far somebody has come |
//! | SEND `/app/agent.take`, `/app/agent.close` | for agents only |
//! | SEND `/app/sync`, `/app/history` | questions, answered on `/user/queue/sync` |
//! | SUBSCRIBE `/app/bootstrap` | everything for the first screen, once |

mod access;
mod caller;
mod checkpoint;
mod command;
mod health;
mod order;
mod publish;
mod question;
mod queue;
mod rate;
mod repair;
mod typing;
mod written;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use stompline::{
    Builder, DestinationPattern, NameError, Overflow, PatternError, Rejection, SessionEvent,
    Stompline, rate::Rate,
};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{error::Error, event::Batch, pointer::PointerWriter, store::Store};
use caller::{Caller, forget};
use checkpoint::Checkpoints;
use health::Health;
use rate::Rates;

/// The groups whose queue agents may watch; one for now.
pub const DEFAULT_GROUP: &str = "default";

/// How fast people may write, and how patient nodes are with each other.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ChatSettings {
    /// Messages of one customer: 5 a second, 20 at once. Nobody types faster, and a script is stopped.
    pub customer_rate: Rate,
    /// Messages of one agent: 50 a second, 100 at once, since tools answer for agents.
    pub agent_rate: Rate,
    /// How long an event may wait for the one before it in its conversation, which another node committed and which has not
    /// come yet: 1 s. Between nodes that are well it is milliseconds; when it does not come at all, because its node died or
    /// the cluster is torn, whoever waits is late by this time and is told to ask the store.
    pub hold_max: Duration,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            customer_rate: Rate::new(5.0, 20).unwrap_or(Rate::OFF),
            agent_rate: Rate::new(50.0, 100).unwrap_or(Rate::OFF),
            hold_max: Duration::from_secs(1),
        }
    }
}

/// What a chat has counted on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatSnapshot {
    /// Events that wait now for others of their conversations.
    pub events_held: usize,
    /// How often events of other nodes did not come in time, since the start. Whom it concerned was told to fetch them.
    pub gaps: u64,
}

#[derive(Default)]
struct Counters {
    held: AtomicUsize,
    gaps: AtomicU64,
}

/// The chat application: what its handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Chat {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    pointers: PointerWriter,
    rates: Rates,
    checkpoints: Checkpoints,
    hold_max: Duration,
    counters: Counters,
    health: Health,
    /// Whether the publisher hears the other nodes.
    in_step: watch::Sender<bool>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Chat {
    /// A chat on `store`.
    pub fn new(store: Arc<dyn Store>, settings: ChatSettings) -> Self {
        let pointers = PointerWriter::new(Arc::clone(&store));
        Self {
            shared: Arc::new(Shared {
                store,
                pointers,
                rates: Rates::new(settings),
                checkpoints: Checkpoints::default(),
                hold_max: settings.hold_max,
                counters: Counters::default(),
                health: Health::new(),
                in_step: watch::Sender::new(false),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// An application with the chat's handlers and its listener. Others may be added before it is built.
    pub fn install(&self, builder: Builder<Self>) -> Builder<Self> {
        let chat = self.clone();
        builder
            .overflow(signals(), Overflow::Conflate)
            .message("/send", command::send)
            .message("/chat.send", command::send)
            .message("/chat.start", command::start)
            .message("/chat.close", command::close)
            .message("/chat.delivered", command::delivered)
            .message("/chat.read", command::read)
            .message("/chat.typing", typing::typing)
            .message("/agent.take", command::take)
            .message("/agent.close", command::close)
            .message("/agent.list", question::list)
            .message("/sync", question::sync)
            .message("/history", question::history)
            .subscribe("/bootstrap", question::bootstrap)
            .listener(move |event: &SessionEvent| chat.note(event))
    }

    /// Starts what runs beside the sessions: the publisher of `committed` and of what other nodes commit, and the checkpoints.
    pub fn start(&self, app: &Stompline, committed: mpsc::Receiver<Batch>) {
        let Shared { tasks, stop, .. } = &*self.shared;
        let (gaps, found) = mpsc::channel(repair::GAPS_MAX);
        let publishing = publish::run(self.clone(), app.clone(), committed, gaps);
        tasks.spawn(publishing);
        tasks.spawn(repair::run(self.clone(), app.clone(), found, stop.clone()));
        tasks.spawn(checkpoint::run(self.clone(), app.clone(), stop.clone()));
        tasks.close();
    }

    /// Waits until no event of another node is missed here. What is committed before reaches sessions as well, only not at once.
    pub async fn in_step(&self) {
        let mut in_step = self.shared.in_step.subscribe();
        // It cannot fail: the sender is in hand.
        let _ = in_step.wait_for(|in_step| *in_step).await;
    }

    /// Writes what is held back, closes the store, and waits until everything committed was published.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.pointers.close().await;
        self.shared.store.close().await;
        self.shared.tasks.wait().await;
    }

    /// Whether the store answers now.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn check(&self) -> Result<(), Error> {
        self.shared.store.queue().await.map(|_| ())
    }

    /// Why the store is not there; `None` as long as it has answered within the last 5 s. It is asked every second from
    /// [`start`](Self::start) on.
    pub fn store_fault(&self) -> Option<String> {
        self.shared.health.fault()
    }

    /// What the chat has counted.
    pub fn snapshot(&self) -> ChatSnapshot {
        let Counters { held, gaps } = &self.shared.counters;
        ChatSnapshot {
            events_held: held.load(Ordering::Relaxed),
            gaps: gaps.load(Ordering::Relaxed),
        }
    }

    fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    fn note(&self, event: &SessionEvent) {
        match event {
            SessionEvent::Connected(session) => self.shared.checkpoints.watch(session.id()),
            SessionEvent::Disconnected { session, .. } => {
                self.shared.checkpoints.forget(session.id());
                forget(session);
            }
            _ => {}
        }
    }
}

/// Where signals are heard. They are true for a moment: who reads slowly gets the newest of each key, and is not closed for them.
fn signals() -> DestinationPattern {
    DestinationPattern::parse("/user/queue/signals").expect("a plain name is a pattern")
}

/// Why the chat's access rules cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// A realm has no proper name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        let rejection = Self::new(error.code(), error.to_string());
        match error.retry_after() {
            Some(after) => rejection.retry_after(after),
            None => rejection,
        }
    }
}
