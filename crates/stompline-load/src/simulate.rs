//! Many sessions in this process, over connections in memory: what the library itself costs, without
//! the kernel's sockets and the limit of open files.
//!
//! Each session is one as any other: an HTTP request that becomes a WebSocket, a token that is
//! checked, CONNECT, a subscription to its user's queue and one to a topic that all share. The
//! clients' part is made so small that it hardly counts, and is told.

mod pipe;
mod tally;
mod world;

use std::io;
use std::time::{Duration, Instant};

use tokio::time::{interval, sleep};

use self::pipe::Pipe;
pub use self::world::World;
use crate::process::Process;
use crate::receipt::{latencies, record};
use crate::report::Report;
use crate::scenario::{per_second, us_each};

/// How often each client sends a heart-beat.
const BEAT_PAUSE: Duration = Duration::from_secs(45);

/// Between two lots of heart-beats of clients.
const BEAT_TICK: Duration = Duration::from_millis(10);

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
    /// How many messages go to single users, from many publishers at once.
    pub flat: u32,
}

/// Why a simulation has no result.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SimulationError(String);

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
        self.speak_flat_out(&mut world, own, &mut report).await?;
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

    /// Many publishers at once, each with users of its own.
    async fn speak_flat_out(
        &self,
        world: &mut World,
        own: Process,
        report: &mut Report,
    ) -> Result<(), SimulationError> {
        if self.flat == 0 {
            return Ok(());
        }
        let cpu = own.cpu().map_err(fault)?;
        let started = Instant::now();
        world.say_to_many(self.flat).await?;
        let elapsed = started.elapsed();
        let cpu = own.cpu().map_err(fault)?.saturating_sub(cpu);
        report.number(
            "flat_messages_per_s",
            per_second(self.flat.into(), elapsed).round(),
        );
        report.number("flat_cpu_us_each", us_each(cpu, self.flat.into()));
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
