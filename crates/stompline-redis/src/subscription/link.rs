//! The link to one server that receives, proved alive by an echo.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use redis::{AsyncConnectionConfig, ServerError, aio::SendError};
use stompline::backplane::{BackplaneError, Inlet, NodeId};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    Change, Shared,
    connected::Connected,
    echo::{Echo, Missing},
    lock,
    reader::{Pulse, Reader},
};
use crate::{
    address::Server,
    dial::{PAUSE_MAX, PAUSE_MIN, connect, jittered, reason},
    key::Tag,
};

/// Changes taken at once.
const BATCH: usize = 512;

/// How often the echo goes round.
const ECHO_EVERY: Duration = Duration::from_secs(1);

/// How often it is tried again to hear what a server would not give.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What a link says of itself.
pub(super) struct Health {
    /// Why nothing arrives, while nothing does.
    dark: Mutex<Option<BackplaneError>>,
    /// Tags that the server would not let this node hear, and why.
    unheard: Mutex<BTreeMap<Tag, Arc<str>>>,
    /// Why the echo is not taken.
    refusal: Mutex<Option<BackplaneError>>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            dark: Mutex::new(Some(BackplaneError::Unreachable(
                "not connected yet".into(),
            ))),
            unheard: Mutex::default(),
            refusal: Mutex::default(),
        }
    }
}

impl Health {
    pub(super) fn dark(&self) -> Option<BackplaneError> {
        let dark = lock(&self.dark).clone();
        dark.or_else(|| lock(&self.refusal).clone())
    }

    /// Why `tag` is not heard, if it is not.
    pub(super) fn obstacle(&self, tag: Tag) -> Option<BackplaneError> {
        let unheard = lock(&self.unheard).get(&tag).cloned();
        self.dark().or(unheard.map(BackplaneError::Unreachable))
    }

    /// What is not heard, by reason.
    pub(super) fn unheard(&self) -> Vec<(Vec<Tag>, Arc<str>)> {
        let mut by_reason: BTreeMap<Arc<str>, Vec<Tag>> = BTreeMap::new();
        for (tag, why) in lock(&self.unheard).iter() {
            by_reason.entry(Arc::clone(why)).or_default().push(*tag);
        }
        let turned = by_reason.into_iter().map(|(why, tags)| (tags, why));
        turned.collect()
    }
}

pub(super) struct Link {
    pub(super) shared: Arc<Shared>,
    pub(super) server: Server,
    pub(super) number: u64,
    pub(super) changes: mpsc::Receiver<Change>,
    pub(super) tags: watch::Receiver<Arc<[Tag]>>,
    pub(super) health: Arc<Health>,
    pub(super) stop: CancellationToken,
}

/// What happened at a link.
enum Event {
    News,
    Tick,
    Retry,
    Tags,
    Changes,
    Answered,
}

impl Link {
    /// Keeps a connection until told to stop.
    pub(super) async fn run(mut self, node: NodeId, inlet: Inlet) {
        let stop = self.stop.clone();
        let work = async {
            let mut pause = PAUSE_MIN;
            loop {
                let started = Instant::now();
                let why = self.live(&node, &inlet).await;
                tracing::warn!(address = self.server.name(), %why, "nothing arrives from Redis");
                self.go_dark(why);
                if started.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    fn go_dark(&mut self, why: BackplaneError) {
        let error = BackplaneError::Unreachable(reason(&why));
        *lock(&self.health.dark) = Some(why);
        self.shared.doubt.raise();
        while let Ok(change) = self.changes.try_recv() {
            let _ = change.confirm.send(Err(error.clone()));
        }
    }

    /// From one connection to its end. Returns why it ended.
    async fn live(&mut self, node: &NodeId, inlet: &Inlet) -> BackplaneError {
        let mut line = match self.dial(node, inlet).await {
            Ok(line) => line,
            Err(error) => return error,
        };
        lock(&self.health.unheard).clear();
        *lock(&self.health.refusal) = None;
        if let Err(error) = self.follow(&mut line, node).await {
            return error;
        }
        // What was published while nobody listened is lost; caches must not outlive it.
        inlet.note_loss();
        *lock(&self.health.dark) = None;
        let mut ticks = tokio::time::interval(ECHO_EVERY);
        let mut retries = tokio::time::interval(RETRY_EVERY);
        for interval in [&mut ticks, &mut retries] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut batch = Vec::new();
        loop {
            let misses = !lock(&self.health.unheard).is_empty();
            let event = tokio::select! {
                () = line.pulse.news.notified() => Event::News,
                _ = ticks.tick() => Event::Tick,
                _ = retries.tick(), if misses => Event::Retry,
                changed = self.tags.changed() => match changed {
                    Ok(()) => Event::Tags,
                    Err(_) => return std::future::pending().await,
                },
                count = self.changes.recv_many(&mut batch, BATCH) => match count {
                    0 => return std::future::pending().await,
                    _ => Event::Changes,
                },
                () = line.echo.answered() => Event::Answered,
            };
            let done = match event {
                Event::News => self.hear_news(&line),
                Event::Tick => self.check_echo(&mut line, node),
                Event::Retry => self.retry(&mut line, node, inlet).await,
                Event::Tags => self
                    .follow(&mut line, node)
                    .await
                    .inspect(|()| inlet.note_loss()),
                Event::Changes => self.apply(&mut line, &mut batch).await,
                Event::Answered => {
                    *lock(&self.health.refusal) = line.echo.refusal();
                    Ok(())
                }
            };
            if let Err(error) = done {
                for change in batch.drain(..) {
                    let _ = change.confirm.send(Err(error.clone()));
                }
                return error;
            }
        }
    }

    async fn dial(&self, node: &NodeId, inlet: &Inlet) -> Result<Connected, BackplaneError> {
        let pulse = Arc::new(Pulse::default());
        let reader = Reader::new(&self.shared, self.number, (node, inlet), &pulse);
        let settings = &self.shared.settings;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.deadline))
            .set_response_timeout(Some(settings.deadline))
            .set_push_sender(move |info| {
                reader.take(info);
                Ok::<(), SendError>(())
            });
        let connection = connect(settings, &self.server, &config).await?;
        Ok(Connected {
            connection,
            pulse,
            joined: BTreeSet::new(),
            echo: Echo::default(),
        })
    }

    fn hear_news(&self, line: &Connected) -> Result<(), BackplaneError> {
        if line.pulse.is_lost.load(Ordering::Acquire) {
            let closed = "the connection was closed".into();
            return Err(BackplaneError::Unreachable(closed));
        }
        line.untangled()?;
        let gone = std::mem::take(&mut *lock(&line.pulse.gone));
        let mut unheard = lock(&self.health.unheard);
        for tag in gone.intersection(&line.joined) {
            unheard.insert(*tag, "it went to another server".into());
        }
        drop(unheard);
        self.shared.doubt.raise();
        Ok(())
    }

    /// Sends the next echo, if the last one came. One that Redis took and that did not come back means that this connection is deaf.
    fn check_echo(&self, line: &mut Connected, node: &NodeId) -> Result<(), BackplaneError> {
        let tags = self.heard(line);
        let patience = self.shared.settings.deadline * 2;
        if line.pulse.echo.load(Ordering::Relaxed) < line.echo.number {
            match line.echo.missing(&tags, patience) {
                Missing::Patience => return Ok(()),
                Missing::Deaf => return Err(BackplaneError::Timeout(patience)),
                Missing::Again => {}
            }
        }
        let whose = (&self.shared.names, node);
        line.echo.send(&tags, whose, &self.shared.commands);
        Ok(())
    }

    /// The tags whose messages arrive here.
    fn heard(&self, line: &Connected) -> Vec<Tag> {
        let (tags, unheard) = (self.tags.borrow(), lock(&self.health.unheard));
        let mut heard = tags.to_vec();
        heard.retain(|tag| line.joined.contains(tag) && !unheard.contains_key(tag));
        heard
    }

    /// Joins the tags that have come to this link, and leaves those that have gone.
    async fn follow(&mut self, line: &mut Connected, node: &NodeId) -> Result<(), BackplaneError> {
        let tags = self.tags.borrow_and_update().clone();
        let wanted: BTreeSet<Tag> = tags.iter().copied().collect();
        let lost: Vec<Tag> = line.joined.difference(&wanted).copied().collect();
        let gained: Vec<Tag> = wanted.difference(&line.joined).copied().collect();
        let left = self.shared.channels(node, &lost);
        line.switch_all(&left, false).await?;
        line.joined = wanted;
        lock(&self.health.unheard).retain(|tag, _| !lost.contains(tag));
        self.join(line, node, &gained).await
    }

    /// Joins everything that is wanted under `tags`. Changes that come meanwhile are applied again afterwards, which does no harm.
    async fn join(
        &self,
        line: &mut Connected,
        node: &NodeId,
        tags: &[Tag],
    ) -> Result<(), BackplaneError> {
        let channels = self.shared.channels(node, tags);
        let refused = line.switch_all(&channels, true).await?;
        let mut unheard = lock(&self.health.unheard);
        for tag in tags {
            match refused.get(tag) {
                None => unheard.remove(tag),
                Some(error) => {
                    self.shared.doubt.raise_on(error);
                    unheard.insert(*tag, error.to_string().into())
                }
            };
        }
        Ok(())
    }

    /// Tries again to hear what the server would not give.
    async fn retry(
        &self,
        line: &mut Connected,
        node: &NodeId,
        inlet: &Inlet,
    ) -> Result<(), BackplaneError> {
        let tags: Vec<Tag> = lock(&self.health.unheard).keys().copied().collect();
        self.join(line, node, &tags).await?;
        inlet.note_loss();
        Ok(())
    }

    /// Applies changes, in runs of the same kind.
    async fn apply(
        &self,
        line: &mut Connected,
        batch: &mut Vec<Change>,
    ) -> Result<(), BackplaneError> {
        while let Some(first) = batch.first() {
            let joins = first.joins;
            let run = batch.iter().take_while(|one| one.joins == joins).count();
            let tags = self.tags.borrow().clone();
            let (mut channels, mut counts) = (Vec::new(), Vec::with_capacity(run));
            for change in &batch[..run] {
                let some = self.shared.names.interest(&change.interest, &tags);
                counts.push(some.len());
                channels.extend(some);
            }
            let refused = line.switch_all(&channels, joins).await?;
            let mut channels = channels.into_iter();
            for (change, count) in batch.drain(..run).zip(counts) {
                let mut own = channels.by_ref().take(count);
                let error = own.find_map(|(tag, _)| refused.get(&tag));
                own.by_ref().for_each(drop);
                if let Some(error) = error {
                    self.shared.doubt.raise_on(error);
                }
                let _ = change.confirm.send(confirmation(count, error));
            }
        }
        Ok(())
    }
}

fn confirmation(channels: usize, error: Option<&ServerError>) -> Result<(), BackplaneError> {
    match error {
        Some(error) => Err(BackplaneError::Refused(error.to_string().into())),
        None if channels == 0 => {
            let moved = "it is moving to another server".into();
            Err(BackplaneError::Unreachable(moved))
        }
        None => Ok(()),
    }
}
