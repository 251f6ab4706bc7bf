//! What is driven and measured. Each scenario is a struct of settings and a `run` that gives a
//! [`Report`](crate::report::Report).

pub mod agent;
pub mod chat;
mod chatter;
pub mod fanout;
pub mod flat;
pub mod idle;
pub mod pairs;

use std::io;
use std::time::{Duration, SystemTime};

use crate::client::{Client, ClientError, Opening};
use crate::process::{Memory, Process, descriptors_max};
use crate::target::Target;
use crate::token::{TokenError, Tokens};

/// Descriptors that the tool needs besides its connections.
const DESCRIPTORS_SPARE: u64 = 64;

/// How long receipts and closes may take when a run is over.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// What all scenarios need to know.
#[derive(Debug)]
pub struct Setup {
    /// The server.
    pub target: Target,
    /// What sessions authenticate with.
    pub tokens: Tokens,
    /// The endpoint of customers.
    pub customer_path: String,
    /// The endpoint of agents.
    pub agent_path: String,
    /// The server's process, if it is on this machine and known.
    pub process: Option<Process>,
    /// What all user names and topics of this run begin with, so that runs do not meet.
    pub run: String,
    /// The longest time that the measured part of a run may take.
    pub time_max: Duration,
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A session failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The server's process cannot be looked at.
    #[error("the server's process: {0}")]
    Process(#[from] io::Error),
    /// This process may not open so many connections.
    #[error(
        "{wanted} sessions need {wanted} descriptors and some more, but this process may have \
         {allowed}; raise it with `ulimit -n`"
    )]
    Descriptors {
        /// Connections wanted.
        wanted: u32,
        /// The limit.
        allowed: u64,
    },
    /// The scenario needs the process id.
    #[error("this scenario measures memory: --pid must name the server's process")]
    NoProcess,
    /// A task of the tool itself broke down.
    #[error("a task broke down: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// Nothing more happened.
    #[error("the run was not over after {0:?}")]
    Time(Duration),
    /// The server did not do what the scenario builds on.
    #[error("{0}")]
    Unexpected(String),
}

impl Setup {
    /// A name for a run that no other has.
    pub fn fresh_run() -> String {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let ms = since.unwrap_or_default().as_millis();
        format!("{ms:x}-{:x}", std::process::id())
    }

    /// A session of the customer with this number.
    pub(crate) async fn customer(&self, number: u32) -> Result<Client, ScenarioError> {
        self.open(&self.customer_path, "customer", number).await
    }

    /// A session of the agent with this number.
    pub(crate) async fn agent(&self, number: u32) -> Result<Client, ScenarioError> {
        self.open(&self.agent_path, "agent", number).await
    }

    /// A destination that belongs to this run.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("/topic/load.{}.{name}", self.run)
    }

    /// What the server has computed so far; zero if its process is not known.
    pub(crate) fn cpu(&self) -> Result<Duration, ScenarioError> {
        match self.process {
            Some(process) => Ok(process.cpu()?),
            None => Ok(Duration::ZERO),
        }
    }

    pub(crate) fn memory(&self) -> Result<Memory, ScenarioError> {
        let process = self.process.ok_or(ScenarioError::NoProcess)?;
        Ok(process.memory()?)
    }

    async fn open(
        &self,
        path: &str,
        user_type: &str,
        number: u32,
    ) -> Result<Client, ScenarioError> {
        let name = format!("{}-{number}", self.run);
        let token = self.tokens.make(user_type, &name)?;
        let opening = Opening {
            target: &self.target,
            path,
            token: &token,
            source: self.target.source(number),
        };
        Ok(Client::open(opening).await?)
    }
}

/// Refuses more sessions than this process can have connections.
pub(crate) fn check_descriptors(sessions: u32) -> Result<(), ScenarioError> {
    match descriptors_max() {
        Some(allowed) if u64::from(sessions) + DESCRIPTORS_SPARE > allowed => {
            Err(ScenarioError::Descriptors {
                wanted: sessions,
                allowed,
            })
        }
        _ => Ok(()),
    }
}

/// How many of something happened in a second.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(f64::EPSILON)
}

/// What each one of `count` took of `total`, in microseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a run are far below 2^53"
)]
pub(crate) fn us_each(total: Duration, count: u64) -> f64 {
    total.as_secs_f64() * 1e6 / (count.max(1) as f64)
}
