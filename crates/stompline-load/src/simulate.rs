//! Many sessions in this process, over connections in memory: what the library itself costs, without
//! the kernel's sockets and the limit of open files.
//!
//! Each session is one as any other: an HTTP request that becomes a WebSocket, a token that is
//! checked, CONNECT, a subscription to its user's queue and one to a topic that all share. The
//! clients' part is made so small that it hardly counts, and is told.

mod pipe;
mod tally;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use hdrhistogram::Histogram;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use stompline::auth::{HmacAlgorithm, JwtKey, JwtSettings, JwtSigner, Principal};
use stompline::{Limits, Message, Messenger, Outgoing, Realm, Stompline, UserName};
use stompline_ws::handshake::{ClientRequest, new_key};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use self::pipe::{Pipe, QUEUE, ServerSide, TOPIC};
use self::tally::{Goal, Tally};
use crate::process::Process;
use crate::progress::Progress;
use crate::receipt::{latencies, record};
use crate::report::Report;

/// Signs the tokens of this process, which no other takes.
const SECRET: &str = "a secret that only this process uses";

/// Sessions that are being opened at a time.
const OPENING_MAX: u64 = 2000;

/// How often each client sends a heart-beat.
const BEAT_PAUSE: Duration = Duration::from_secs(45);

/// Between two lots of heart-beats of clients.
const BEAT_TICK: Duration = Duration::from_millis(10);

/// How long all sessions together may take to open, and one broadcast to arrive.
const TIME_MAX: Duration = Duration::from_mins(2);

/// Messages to single users that are timed.
const SINGLES: u32 = 1000;

/// The scenario `simulate`.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// How many sessions, each of a user of its own.
    pub sessions: u32,
    /// How long only heart-beats go to and fro while CPU time is measured.
    pub quiet: Duration,
    /// How many messages go to all.
    pub broadcasts: u32,
}

/// Why a simulation has no result.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SimulationError(String);

/// An application with sessions.
pub struct World {
    messenger: Messenger,
    pipes: Vec<Arc<Pipe>>,
    tally: Arc<Tally>,
    /// Messages so far to single users, and to all.
    said: (u64, u64),
}

impl Simulation {
    /// Opens all sessions, and measures them at rest, by a message to one and by messages to all.
    /// Wants a runtime with threads, as servers have.
    ///
    /// # Errors
    ///
    /// A session is refused or hears what it should not, or the time is over.
    pub async fn run(self) -> Result<Report, SimulationError> {
        let own = Process::new(std::process::id());
        let mut report = Report::new("simulate");
        let before = own.memory().map_err(fault)?;
        let started = Instant::now();
        let mut world = World::open(self.sessions).await?;
        report.count("sessions", self.sessions.into());
        report.number("opening_s", started.elapsed().as_secs_f64());
        let rate = f64::from(self.sessions) / started.elapsed().as_secs_f64();
        report.number("connects_per_s", rate.round());

        sleep(Duration::from_secs(1)).await;
        let after = own.memory().map_err(fault)?;
        let each = |bytes: u64| {
            let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
            f64::from(kib) * 1024.0 / f64::from(self.sessions.max(1))
        };
        let resident = after.resident_bytes.saturating_sub(before.resident_bytes);
        report.number("resident_bytes_per_session", each(resident).round());
        report.count("of_which_client_bytes", Pipe::size() as u64);
        report.count("resident_bytes", after.resident_bytes);

        self.rest(&world, own, &mut report).await?;
        self.speak_to_one(&mut world, &mut report).await?;
        self.speak_to_all(&mut world, own, &mut report).await?;
        report.faults(world.tally.fault());
        Ok(report)
    }

    /// Only heart-beats, in both directions.
    async fn rest(
        &self,
        world: &World,
        own: Process,
        report: &mut Report,
    ) -> Result<(), SimulationError> {
        let beating = async {
            let mut tick = interval(BEAT_TICK);
            let lot = f64::from(self.sessions) * BEAT_TICK.as_secs_f64() / BEAT_PAUSE.as_secs_f64();
            let mut owed = 0.0;
            for pipe in world.pipes.iter().cycle() {
                while owed < 1.0 {
                    tick.tick().await;
                    owed += lot;
                }
                pipe.beat();
                owed -= 1.0;
            }
        };
        let beats = world.tally.beats();
        let cpu = own.cpu().map_err(fault)?;
        if self.sessions > 0 && !self.quiet.is_zero() {
            tokio::select! {
                () = sleep(self.quiet) => {}
                () = beating => {}
            }
        }
        let cpu = own.cpu().map_err(fault)?.saturating_sub(cpu);
        let quiet = self.quiet.as_secs_f64().max(f64::EPSILON);
        report.number("quiet_s", self.quiet.as_secs_f64());
        report.number(
            "quiet_cpu_percent_of_core",
            100.0 * cpu.as_secs_f64() / quiet,
        );
        report.count("quiet_beats_to_clients", world.tally.beats() - beats);
        Ok(())
    }

    /// One user at a time, all over the numbers.
    async fn speak_to_one(
        &self,
        world: &mut World,
        report: &mut Report,
    ) -> Result<(), SimulationError> {
        let mut latency = latencies();
        for turn in 0..SINGLES {
            let number = turn.wrapping_mul(7919) % self.sessions.max(1);
            let started = Instant::now();
            world.say_to_one(number).await?;
            record(&mut latency, started.elapsed());
        }
        report.latency("one", &latency);
        Ok(())
    }

    /// Everybody at once, again and again.
    async fn speak_to_all(
        &self,
        world: &mut World,
        own: Process,
        report: &mut Report,
    ) -> Result<(), SimulationError> {
        let mut slowest = Duration::ZERO;
        let mut total = Duration::ZERO;
        let cpu = own.cpu().map_err(fault)?;
        for _ in 0..self.broadcasts {
            let started = Instant::now();
            world.say_to_all().await?;
            slowest = slowest.max(started.elapsed());
            total += started.elapsed();
        }
        let cpu = own.cpu().map_err(fault)?.saturating_sub(cpu);
        let count = f64::from(self.broadcasts.max(1));
        report.number("broadcast_s", total.as_secs_f64() / count);
        report.number("broadcast_max_s", slowest.as_secs_f64());
        let deliveries = count * f64::from(self.sessions.max(1));
        report.number(
            "broadcast_cpu_us_each",
            cpu.as_secs_f64() * 1e6 / deliveries,
        );
        if self.broadcasts > 0 {
            let latency = world.say_to_one_meanwhile().await?;
            report.latency("one_during_broadcast", &latency);
        }
        Ok(())
    }
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

fn fault(error: impl std::fmt::Display) -> SimulationError {
    SimulationError(error.to_string())
}

/// Runs a simulation on `threads` threads, as many as there are cores if that is 0.
///
/// # Errors
///
/// The system gives no threads. What goes wrong in the simulation is a fault in the report.
pub fn run(simulation: Simulation, threads: usize) -> io::Result<Report> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build()?;
    let report = runtime.block_on(async { tokio::spawn(simulation.run()).await });
    let report = report.map_err(io::Error::other)?;
    // What is left of a million sessions goes with the process.
    runtime.shutdown_background();
    Ok(report.unwrap_or_else(|error| {
        let mut report = Report::new("simulate");
        report.faults([error.to_string()]);
        report
    }))
}
