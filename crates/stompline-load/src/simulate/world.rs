//! An application with many sessions over connections in memory.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use hdrhistogram::Histogram;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use stompline::auth::{HmacAlgorithm, JwtKey, JwtSettings, JwtSigner, Principal};
use stompline::{Limits, Message, Messenger, Outgoing, PublishError, Realm, Stompline, UserName};
use stompline_ws::handshake::{ClientRequest, new_key};
use tokio::task::JoinSet;

use super::pipe::{Pipe, QUEUE, ServerSide, TOPIC};
use super::tally::{Goal, Tally};
use super::{SimulationError, fault};
use crate::progress::Progress;
use crate::receipt::{latencies, record};

/// Signs the tokens of this process, which no other takes.
const SECRET: &str = "a secret that only this process uses";

/// Sessions that are being opened at a time.
const OPENING_MAX: u64 = 2000;

/// How long all sessions together may take to open, and one broadcast to arrive.
const TIME_MAX: Duration = Duration::from_mins(2);

/// Tasks that publish at once.
const PUBLISHERS: u32 = 64;

/// An application with sessions.
pub struct World {
    messenger: Messenger,
    pub(super) pipes: Vec<Arc<Pipe>>,
    pub(super) tally: Arc<Tally>,
    /// Messages so far to single users, and to all.
    said: (u64, u64),
}

impl World {
    /// An application with so many sessions, all of which are open.
    ///
    /// # Errors
    ///
    /// A session is refused or hears what it should not, or two minutes are over.
    pub async fn open(sessions: u32) -> Result<Self, SimulationError> {
        let (app, router) = application()?;
        let signer = JwtSigner::new(HmacAlgorithm::Hs256, SECRET).map_err(fault)?;
        let mut world = Self {
            messenger: app.messenger(),
            pipes: Vec::with_capacity(sessions as usize),
            tally: Arc::new(Tally::default()),
            said: (0, 0),
        };
        let mut progress = Progress::new("opening sessions", sessions.into());
        let mut serving = JoinSet::new();
        for number in 0..sessions {
            let pipe = Arc::new(Pipe::new(
                request(&signer, number)?,
                Arc::clone(&world.tally),
            ));
            world.pipes.push(Arc::clone(&pipe));
            let service = TowerToHyperService::new(router.clone());
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(ServerSide(pipe)), service)
                .with_upgrades();
            // It is over when the upgrade has taken the connection.
            serving.spawn(connection);
            while serving.try_join_next().is_some() {}
            let ahead = (u64::from(number) + 1).saturating_sub(OPENING_MAX);
            if ahead > world.tally.opened() {
                world.wait(Goal::Opened, ahead, "open").await?;
            }
            progress.set(world.tally.opened());
        }
        world.wait(Goal::Opened, sessions.into(), "open").await?;
        Ok(world)
    }

    /// Sends a message to the user with this number, and waits until it is there.
    ///
    /// # Errors
    ///
    /// It does not come within two minutes, or something else does.
    pub async fn say_to_one(&mut self, number: u32) -> Result<(), SimulationError> {
        let message = Message::text("hello");
        let outgoing = Outgoing::user("customer", name(number), QUEUE, message);
        self.messenger.publish(outgoing).await.map_err(fault)?;
        self.said.0 += 1;
        self.wait(Goal::Singles, self.said.0, "hear their own")
            .await
    }

    /// Sends `count` messages, each to one user, from [`PUBLISHERS`] tasks, and waits until all are there.
    ///
    /// # Errors
    ///
    /// One does not come within two minutes, or something else does.
    pub async fn say_to_many(&mut self, count: u32) -> Result<(), SimulationError> {
        let sessions = u32::try_from(self.pipes.len()).unwrap_or(u32::MAX).max(1);
        let mut publishing = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let messenger = self.messenger.clone();
            let own = count / PUBLISHERS + u32::from(publisher < count % PUBLISHERS);
            publishing.spawn(async move {
                for turn in 0..own {
                    let number = (turn * PUBLISHERS + publisher) % sessions;
                    let message = Message::text("hello");
                    let outgoing = Outgoing::user("customer", name(number), QUEUE, message);
                    messenger.publish(outgoing).await?;
                    // Others get their turn, as between the frames of different sessions.
                    tokio::task::consume_budget().await;
                }
                Ok::<_, PublishError>(())
            });
        }
        while let Some(published) = publishing.join_next().await {
            published.map_err(fault)?.map_err(fault)?;
        }
        self.said.0 += u64::from(count);
        self.wait(Goal::Singles, self.said.0, "hear their own")
            .await
    }

    /// Sends a message to all, and waits until everybody has it.
    ///
    /// # Errors
    ///
    /// It does not come to all within two minutes, or something else does.
    pub async fn say_to_all(&mut self) -> Result<(), SimulationError> {
        let outgoing = self.next_broadcast();
        self.messenger.publish(outgoing).await.map_err(fault)?;
        self.hear_broadcast().await
    }

    /// Sends a message to all, and meanwhile one message after another to single users. Gives how
    /// long those took.
    ///
    /// # Errors
    ///
    /// As [`say_to_all`](Self::say_to_all).
    pub async fn say_to_one_meanwhile(&mut self) -> Result<Histogram<u64>, SimulationError> {
        let outgoing = self.next_broadcast();
        let messenger = self.messenger.clone();
        let mut broadcast = JoinSet::new();
        broadcast.spawn(async move { messenger.publish(outgoing).await });
        let mut latency = latencies();
        let sessions = u32::try_from(self.pipes.len()).unwrap_or(u32::MAX).max(1);
        let all = self.said.1 * u64::from(sessions);
        for turn in 0_u32.. {
            let started = Instant::now();
            self.say_to_one(turn.wrapping_mul(7919) % sessions).await?;
            record(&mut latency, started.elapsed());
            if self.tally.broadcasts() >= all {
                break;
            }
            // Where this thread is the only one, the broadcast has to get its turn.
            tokio::task::yield_now().await;
        }
        if let Some(published) = broadcast.join_next().await {
            published.map_err(fault)?.map_err(fault)?;
        }
        self.hear_broadcast().await?;
        Ok(latency)
    }

    fn next_broadcast(&mut self) -> Outgoing {
        let body = format!("{:020} is what everybody hears", self.said.1);
        self.said.1 += 1;
        Outgoing::topic(TOPIC, Message::text(body))
    }

    async fn hear_broadcast(&self) -> Result<(), SimulationError> {
        let sessions = u64::try_from(self.pipes.len()).unwrap_or(u64::MAX);
        let all = self.said.1 * sessions;
        self.wait(Goal::Broadcasts, all, "hear the broadcast").await
    }

    async fn wait(&self, goal: Goal, count: u64, what: &str) -> Result<(), SimulationError> {
        if self.tally.reach(goal, count, TIME_MAX).await {
            return Ok(());
        }
        Err(SimulationError(match self.tally.fault() {
            Some(fault) => format!("a session heard: {fault:?}"),
            None => format!("not all sessions {what} within {TIME_MAX:?}"),
        }))
    }
}

/// An application without handlers, and its routes.
fn application() -> Result<(Stompline, Router), SimulationError> {
    let mut limits = Limits::default();
    limits.connects_per_s = 0;
    let app = Stompline::builder::<()>()
        .limits(limits)
        .build()
        .map_err(fault)?;
    let keys = [JwtKey::secret(SECRET).map_err(fault)?];
    let jwt = JwtSettings::new(keys).build().map_err(fault)?;
    let endpoint = app.endpoint("/ws").authenticate(jwt);
    let router = endpoint.into_router().map_err(fault)?;
    Ok((app, router))
}

/// The handshake of the session with this number.
fn request(signer: &JwtSigner, number: u32) -> Result<Vec<u8>, SimulationError> {
    let now = SystemTime::now();
    let realm = Realm::new("customer").map_err(fault)?;
    let user = UserName::new(name(number)).map_err(fault)?;
    let principal = Principal::new(realm, user).with_expiry(now + Duration::from_hours(1));
    let token = signer.sign(&principal, now).map_err(fault)?;
    let mut bytes = Vec::new();
    let request = ClientRequest {
        host: "localhost",
        path: "/ws",
        key: &new_key().map_err(fault)?,
        protocols: &["v12.stomp"],
        headers: &[("Authorization", &format!("Bearer {token}"))],
    };
    request.write(&mut bytes).map_err(fault)?;
    Ok(bytes)
}

fn name(number: u32) -> String {
    format!("user-{number}")
}
