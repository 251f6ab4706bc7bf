//! The connection that receives: everything this node is interested in, proved alive by an echo.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, PushInfo, PushKind, Value,
    aio::{MultiplexedConnection, SendError},
};
use stompline::backplane::{BackplaneError, Inlet, Interest, NodeId, Route};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    RedisSettings,
    command::{self, Commands, PAUSE_MAX, PAUSE_MIN, jittered, unreachable},
    key::{Channel, Names},
};

/// Changes of interest that may wait. A change is wanted state first and a call second, so one too many is not lost.
const CHANGES_MAX: usize = 65_536;

/// Channels in one SUBSCRIBE.
const BATCH: usize = 512;

/// How often the echo goes round.
const ECHO_EVERY: Duration = Duration::from_secs(1);

type Confirm = oneshot::Sender<Result<(), BackplaneError>>;

/// A wish of the node. What is wanted stands in [`Shared::wanted`]; this says that it changed.
struct Change {
    interest: Interest,
    joins: bool,
    confirm: Confirm,
}

/// What the node's calls and the task share.
pub(crate) struct Subscriptions {
    changes: mpsc::Sender<Change>,
    shared: Arc<Shared>,
    queue: Mutex<Option<mpsc::Receiver<Change>>>,
}

struct Shared {
    names: Names,
    wanted: Mutex<HashSet<Interest>>,
    /// Why nothing arrives, while nothing does.
    dark: Mutex<Option<Arc<str>>>,
}

impl Subscriptions {
    pub(crate) fn new(names: Names) -> Self {
        let (changes, queue) = mpsc::channel(CHANGES_MAX);
        let dark = Mutex::new(Some("not connected yet".into()));
        Self {
            changes,
            shared: Arc::new(Shared {
                names,
                wanted: Mutex::default(),
                dark,
            }),
            queue: Mutex::new(Some(queue)),
        }
    }

    pub(crate) fn change(
        &self,
        interest: Interest,
        joins: bool,
    ) -> impl Future<Output = Result<(), BackplaneError>> + Send + use<> {
        let (confirm, confirmed) = oneshot::channel();
        {
            // Under the lock, so that the calls stand in the queue in the order of the wishes.
            let mut wanted = lock(&self.shared.wanted);
            if joins {
                wanted.insert(interest.clone());
            } else {
                wanted.remove(&interest);
            }
            let change = Change {
                interest,
                joins,
                confirm,
            };
            // Full: the confirmation fails, and what is wanted is joined with the next connection.
            let _ = self.changes.try_send(change);
        }
        let dark = self.dark();
        async move {
            if let Some(why) = dark {
                return Err(BackplaneError::Unreachable(why));
            }
            confirmed
                .await
                .unwrap_or(Err(BackplaneError::Busy(CHANGES_MAX)))
        }
    }

    pub(crate) fn dark(&self) -> Option<Arc<str>> {
        lock(&self.shared.dark).clone()
    }

    /// The task. Called once.
    pub(crate) fn line(
        &self,
        settings: RedisSettings,
        commands: Commands,
        node: &NodeId,
        inlet: Inlet,
    ) -> Option<SubscriptionLine> {
        let changes = lock(&self.queue).take()?;
        Some(SubscriptionLine {
            changes,
            shared: Arc::clone(&self.shared),
            settings,
            commands,
            node: node.clone(),
            inlet,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct SubscriptionLine {
    changes: mpsc::Receiver<Change>,
    shared: Arc<Shared>,
    settings: RedisSettings,
    commands: Commands,
    node: NodeId,
    inlet: Inlet,
}

/// What the reader of the connection says to the task.
#[derive(Default)]
struct Pulse {
    /// The number of the last echo that came.
    echo: AtomicU64,
    lost: Notify,
}

impl SubscriptionLine {
    /// Keeps the connection until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let work = async {
            let mut pause = PAUSE_MIN;
            loop {
                let started = Instant::now();
                let why = self.live().await;
                tracing::warn!(address = self.settings.address(), %why, "nothing arrives from Redis");
                self.go_dark(&why.to_string());
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

    fn go_dark(&mut self, why: &str) {
        let why: Arc<str> = why.into();
        *lock(&self.shared.dark) = Some(Arc::clone(&why));
        while let Ok(change) = self.changes.try_recv() {
            let error = BackplaneError::Unreachable(Arc::clone(&why));
            let _ = change.confirm.send(Err(error));
        }
    }

    /// From one connection to its end. Returns why it ended.
    async fn live(&mut self) -> BackplaneError {
        let pulse = Arc::new(Pulse::default());
        let mut connection = match self.dial(&pulse).await {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        if let Err(error) = self.join_all(&mut connection).await {
            return error;
        }
        // What was published while nobody listened is lost; caches must not outlive it.
        self.inlet.note_loss();
        *lock(&self.shared.dark) = None;
        let mut ticks = tokio::time::interval(ECHO_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut echo = Echo::default();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = pulse.lost.notified() => {
                    return BackplaneError::Unreachable("the connection was closed".into());
                }
                _ = ticks.tick() => {
                    if let Err(error) = self.check_echo(&mut echo, &pulse) {
                        return error;
                    }
                }
                count = self.changes.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return std::future::pending().await;
                    }
                    if let Err(error) = self.apply(&mut connection, &mut batch).await {
                        for change in batch.drain(..) {
                            let _ = change.confirm.send(Err(error.clone()));
                        }
                        return error;
                    }
                }
            }
        }
    }

    /// Sends the next echo, if the last one came. One that Redis took and that did not come back means that this connection is deaf.
    fn check_echo(&self, echo: &mut Echo, pulse: &Pulse) -> Result<(), BackplaneError> {
        let now = Instant::now();
        if pulse.echo.load(Ordering::Relaxed) < echo.number {
            let taken = echo.taken.lock().map_or(None, |taken| *taken);
            return match taken {
                Some(at) if now.duration_since(at) >= self.settings.deadline * 2 => {
                    Err(BackplaneError::Timeout(self.settings.deadline * 2))
                }
                // It was not taken: that is the other connection's trouble, which makes the next attempt.
                None if self.commands.dark().is_none()
                    && now.duration_since(echo.sent) >= self.settings.deadline * 4 =>
                {
                    self.send_echo(echo, now);
                    Ok(())
                }
                _ => Ok(()),
            };
        }
        self.send_echo(echo, now);
        Ok(())
    }

    fn send_echo(&self, echo: &mut Echo, now: Instant) {
        echo.number += 1;
        echo.sent = now;
        let taken = Arc::new(Mutex::new(None));
        echo.taken = Arc::clone(&taken);
        let mut publish = redis::cmd("PUBLISH");
        publish
            .arg(self.shared.names.echo(&self.node))
            .arg(echo.number);
        let sent = self.commands.call(vec![publish]);
        // It ends by its own deadline.
        tokio::spawn(async move {
            if sent.await.is_ok() {
                *lock(&taken) = Some(Instant::now());
            }
        });
    }

    async fn dial(&self, pulse: &Arc<Pulse>) -> Result<MultiplexedConnection, BackplaneError> {
        let reader = Reader {
            inlet: self.inlet.clone(),
            pulse: Arc::clone(pulse),
            echo: self.shared.names.echo(&self.node).into_bytes(),
            direct: [
                self.shared.names.inbox(&self.node).into_bytes(),
                self.shared.names.everyone().into_bytes(),
            ],
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.settings.deadline))
            .set_response_timeout(Some(self.settings.deadline))
            .set_push_sender(move |info| {
                reader.take(info);
                Ok::<(), SendError>(())
            });
        command::connect(&self.settings, &config).await
    }

    /// The inbox first, then everything wanted. Changes that come meanwhile are applied again afterwards, which does no harm.
    async fn join_all(&self, connection: &mut MultiplexedConnection) -> Result<(), BackplaneError> {
        let names = &self.shared.names;
        let own = [
            names.inbox(&self.node),
            names.everyone(),
            names.echo(&self.node),
        ];
        self.within(connection.subscribe(&own[..])).await?;
        let wanted: Vec<Interest> = lock(&self.shared.wanted).iter().cloned().collect();
        let channels: Vec<Channel> = wanted.iter().map(|one| names.interest(one)).collect();
        for some in channels.chunks(BATCH) {
            self.switch(connection, some, true).await?;
        }
        Ok(())
    }

    /// Applies changes, in runs of the same kind.
    async fn apply(
        &self,
        connection: &mut MultiplexedConnection,
        batch: &mut Vec<Change>,
    ) -> Result<(), BackplaneError> {
        while let Some(first) = batch.first() {
            let joins = first.joins;
            let run = batch.iter().take_while(|one| one.joins == joins).count();
            let channels: Vec<Channel> = batch[..run]
                .iter()
                .map(|one| self.shared.names.interest(&one.interest))
                .collect();
            self.switch(connection, &channels, joins).await?;
            for change in batch.drain(..run) {
                let _ = change.confirm.send(Ok(()));
            }
        }
        Ok(())
    }

    async fn switch(
        &self,
        connection: &mut MultiplexedConnection,
        channels: &[Channel],
        joins: bool,
    ) -> Result<(), BackplaneError> {
        let (mut names, mut globs) = (Vec::new(), Vec::new());
        for channel in channels {
            match channel {
                Channel::Name(name) => names.push(name.as_str()),
                Channel::Glob(glob) => globs.push(glob.as_str()),
            }
        }
        if !names.is_empty() {
            if joins {
                self.within(connection.subscribe(&names[..])).await?;
            } else {
                self.within(connection.unsubscribe(&names[..])).await?;
            }
        }
        if !globs.is_empty() {
            if joins {
                self.within(connection.psubscribe(&globs[..])).await?;
            } else {
                self.within(connection.punsubscribe(&globs[..])).await?;
            }
        }
        Ok(())
    }

    async fn within(
        &self,
        call: impl Future<Output = redis::RedisResult<()>>,
    ) -> Result<(), BackplaneError> {
        let deadline = self.settings.deadline * 2;
        match tokio::time::timeout(deadline, call).await {
            Ok(done) => done.map_err(|error| unreachable(&error)),
            Err(_) => Err(BackplaneError::Timeout(deadline)),
        }
    }
}

/// The echo that is under way.
struct Echo {
    number: u64,
    sent: Instant,
    /// When Redis took it.
    taken: Arc<Mutex<Option<Instant>>>,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            number: 0,
            sent: Instant::now(),
            taken: Arc::default(),
        }
    }
}

/// Runs on the connection's own task: it hands over and never waits.
struct Reader {
    inlet: Inlet,
    pulse: Arc<Pulse>,
    echo: Vec<u8>,
    direct: [Vec<u8>; 2],
}

impl Reader {
    fn take(&self, info: PushInfo) {
        let mut data = info.data.into_iter();
        match info.kind {
            PushKind::Message => {
                let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
                    (data.next(), data.next())
                else {
                    return;
                };
                if channel == self.echo {
                    let number = std::str::from_utf8(&payload)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    self.pulse
                        .echo
                        .fetch_max(number.unwrap_or(0), Ordering::Relaxed);
                    return;
                }
                let route = if self.direct.contains(&channel) {
                    Route::Direct
                } else {
                    Route::Destination
                };
                self.inlet.offer(route, payload.into());
            }
            PushKind::PMessage => {
                // Pattern, channel, payload.
                if let Some(Value::BulkString(payload)) = data.nth(2) {
                    self.inlet.offer(Route::Everything, payload.into());
                }
            }
            PushKind::Disconnection => self.pulse.lost.notify_one(),
            _ => {}
        }
    }
}
