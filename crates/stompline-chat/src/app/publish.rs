//! The one publisher: what was committed, here or on other nodes, reaches the sessions of this node in order.
//!
//! Every node tells the others what it committed, and each delivers all that it hears to its own sessions. So each can
//! see what is missing, and puts a conversation's events in order before anybody sees them.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use stompline::{Message, Messenger, Outgoing, Stompline, backplane::Confirmation};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::Chat;
use super::order::{Chained, Gap, Order};
use super::queue::Queues;
use super::written::{self, Written};
use crate::event::Batch;
use crate::person::Role;

/// Where durable events go, behind `/user`.
const MESSAGES: &str = "/queue/messages";

/// What nodes tell each other.
const SUBJECT: &str = "chat.events";

/// Parcels of other nodes that may wait for the publisher. What does not fit is missing, and is repaired like that.
const HEARD_MAX: usize = 1_024;

/// Confirmations that are waited for, to say what went wrong.
const TOLD_MAX: usize = 256;

/// How long the last events may take to other nodes before this one ends without knowing.
const FAREWELL: Duration = Duration::from_secs(2);

/// Between two attempts to listen to the other nodes.
const RETRY: Duration = Duration::from_millis(50);

/// Listens to the other nodes from now on.
fn listen(app: &Stompline) -> mpsc::Receiver<Bytes> {
    let (sender, parcels) = mpsc::channel(HEARD_MAX);
    // What is said of it now is asked for again by `in_step`.
    drop(app.hear_nodes(SUBJECT, move |parcel| {
        if sender.try_send(parcel).is_err() {
            tracing::debug!(
                "more events of other nodes than can be published; they are fetched from the store"
            );
        }
    }));
    parcels
}

/// Resolves when nothing that other nodes commit is missed any more. How far the store is then, if it says so.
async fn in_step(chat: &Chat, app: &Stompline) -> Option<u64> {
    while let Err(error) = app.hears_nodes(SUBJECT).await {
        tracing::debug!(%error, "other nodes are not heard yet");
        sleep(RETRY).await;
    }
    match chat.store().settled().await {
        Ok(rev) => Some(rev),
        Err(error) => {
            tracing::debug!(%error, "the store does not say how far it is");
            None
        }
    }
}

/// Publishes until the store is closed.
pub(super) async fn run(
    chat: Chat,
    app: Stompline,
    mut committed: mpsc::Receiver<Batch>,
    gaps: mpsc::Sender<Gap>,
) {
    let mut parcels = listen(&app);
    let mut publisher = Publisher::new(chat.clone(), app.clone(), gaps);
    let mut in_step = pin!(in_step(&chat, &app));
    stompline::batched(async {
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = publisher.order.deadline();
            let patience = sleep_until(deadline.unwrap_or_else(Instant::now));
            tokio::select! {
                batch = committed.recv() => match batch {
                    Some(batch) => publisher.take_committed(batch),
                    None => break,
                },
                Some(parcel) = parcels.recv() => publisher.take_heard(&parcel),
                () = patience, if deadline.is_some() => publisher.give_up(),
                settled = &mut in_step, if !publisher.is_in_step => publisher.begin(settled),
                _ = seconds.tick(), if publisher.is_clustered => publisher.look(),
                Some(told) = publisher.told.next(), if !publisher.told.is_empty() => {
                    if let Err(error) = told {
                        tracing::debug!(%error, "other nodes did not hear of events; they fetch them from the store");
                    }
                }
            }
        }
        publisher.finish().await;
    })
    .await;
}

struct Publisher {
    chat: Chat,
    app: Stompline,
    messenger: Messenger,
    is_clustered: bool,
    /// Whether the other nodes are heard.
    is_in_step: bool,
    order: Order<Written>,
    /// How far the store was a second ago: what was committed until then should have come.
    seen: u64,
    told: FuturesUnordered<Confirmation>,
    gaps: mpsc::Sender<Gap>,
    queues: Queues,
    /// What goes out next; empty between calls.
    out: Vec<Written>,
}

impl Publisher {
    /// Waits for nothing until it [begins](Self::begin) to.
    fn new(chat: Chat, app: Stompline, gaps: mpsc::Sender<Gap>) -> Self {
        let messenger = app.messenger();
        let queues = Queues::start(messenger.clone(), &chat.shared.tasks);
        Self {
            is_clustered: app.cluster_status().is_some(),
            is_in_step: false,
            order: Order::new(Duration::ZERO),
            seen: 0,
            told: FuturesUnordered::new(),
            out: Vec::new(),
            messenger,
            queues,
            chat,
            app,
            gaps,
        }
    }

    /// What is committed after `settled` comes, here or from other nodes.
    fn begin(&mut self, settled: Option<u64>) {
        self.is_in_step = true;
        self.order.wait_for(self.chat.shared.hold_max);
        if let Some(settled) = settled {
            self.order.expect(Instant::now(), settled);
        }
        self.chat.shared.in_step.send_replace(true);
    }

    /// What this node committed goes to the others first, so that it is on its way while it is delivered here.
    fn take_committed(&mut self, batch: Batch) {
        let mut events = Vec::with_capacity(batch.events.len());
        for event in batch.events {
            match Written::new(event) {
                Ok(event) => events.push(event),
                Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
            }
        }
        if self.is_clustered {
            self.tell(&events);
        }
        self.take(events);
        if let Some(change) = batch.queue {
            self.queues.publish(change);
        }
    }

    fn tell(&mut self, events: &[Written]) {
        for parcel in written::pack(events) {
            match parcel {
                Ok(parcel) => {
                    let told = self.app.tell_nodes(SUBJECT, &parcel);
                    if self.told.len() < TOLD_MAX {
                        self.told.push(told);
                    }
                }
                Err(error) => tracing::error!(%error, "events cannot be written as JSON"),
            }
        }
    }

    fn take_heard(&mut self, parcel: &[u8]) {
        match written::unpack(parcel) {
            Ok(events) => self.take(events),
            Err(error) => {
                tracing::warn!(%error, "events of another node make no sense; is another version in this cluster?");
            }
        }
    }

    fn take(&mut self, events: Vec<Written>) {
        let now = Instant::now();
        for event in events {
            self.chat.shared.checkpoints.advance(event.rev());
            let gap = self.order.offer(now, event, &mut self.out);
            self.deliver();
            self.repair(gap);
        }
        self.count_held();
    }

    fn count_held(&self) {
        let held = &self.chat.shared.counters.held;
        held.store(self.order.held(), Ordering::Relaxed);
    }

    fn give_up(&mut self) {
        let gap = self.order.give_up(Instant::now(), &mut self.out);
        self.deliver();
        self.repair(gap);
        self.count_held();
    }

    /// What the store knows of and did not come is missing, even if nothing comes after it. While the cluster is not
    /// there nothing of it will come, and nothing waits for it.
    fn look(&mut self) {
        let is_well = self
            .app
            .cluster_status()
            .is_some_and(|status| status.is_well());
        let hold = if is_well && self.is_in_step {
            self.chat.shared.hold_max
        } else {
            Duration::ZERO
        };
        self.order.wait_for(hold);
        let latest = self.chat.shared.checkpoints.latest();
        if self.seen > 0 {
            self.order.expect(Instant::now(), self.seen);
        }
        self.seen = latest;
    }

    fn repair(&self, gap: Option<Gap>) {
        if let Some(gap) = gap {
            self.chat
                .shared
                .counters
                .gaps
                .fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                first = gap.first,
                last = gap.last,
                "events did not come in time"
            );
            // When many wait already they will find this as well: each asks for all that is new since it begins.
            let _ = self.gaps.try_send(gap);
        }
    }

    fn deliver(&mut self) {
        for event in self.out.drain(..) {
            for recipient in &event.recipients {
                let message = event.message(recipient.role);
                let (realm, name) = (recipient.role.as_str(), &*recipient.id);
                let outgoing = Outgoing::user(realm, name, MESSAGES, message);
                if let Err(error) = self.messenger.publish_here(&outgoing) {
                    tracing::error!(%error, rev = event.rev(), "an event could not be published");
                }
            }
        }
    }

    /// Lets go of everything, and waits until the others have what was told last.
    async fn finish(mut self) {
        self.order.give_up_all(Instant::now(), &mut self.out);
        self.deliver();
        let told = async { while self.told.next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, told).await.is_err() {
            tracing::debug!("other nodes may not have heard of the last events");
        }
    }
}

/// Where signals go, behind `/user`.
pub(super) const SIGNALS: &str = "/queue/signals";

/// Tells one person something that is true for a moment.
pub(super) async fn signal<T: Serialize>(
    messenger: &Messenger,
    (role, id): (Role, &str),
    (event, key): (&str, &str),
    body: &T,
) {
    let message = match Message::json(body) {
        Ok(message) => message.header("event", event).header("key", key),
        Err(error) => {
            tracing::error!(%error, event, "a signal cannot be written as JSON");
            return;
        }
    };
    let outgoing = Outgoing::user(role.as_str(), id, SIGNALS, message);
    if let Err(error) = messenger.publish(outgoing).await {
        tracing::debug!(%error, event, "a signal could not be published");
    }
}
