//! What is driven and measured. Each scenario is a struct of settings and a `run` that gives a
//! [`Report`](crate::report::Report).

pub mod agent;
pub mod chat;
mod chatter;
pub mod churn;
pub mod crowd;
pub mod flat;
pub mod idle;
mod measured;
pub mod pairs;
mod rush;
pub mod storm;

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use crate::client::{Client, ClientError, Opening, Transport};
use crate::process::{Memory, Process, descriptors_max};
use crate::target::Target;
use crate::token::{TokenError, Tokens};

/// Descriptors that the tool needs besides its connections.
const DESCRIPTORS_SPARE: u64 = 64;

/// How long one session may take to open.
const OPENING_TIME: Duration = Duration::from_secs(30);

/// How long receipts and closes may take when a run is over.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// What all scenarios need to know.
pub struct Setup {
    /// The server.
    pub target: Target,
    /// What sessions authenticate with.
    pub tokens: Tokens,
    /// Name and secret for CONNECT, where the server wants them there; `{number}` in the name stands for the session's number.
    pub login: Option<(String, String)>,
    /// What carries the sessions.
    pub transport: Transport,
    /// Destinations of this run: `{name}` stands for the name that the scenario gives.
    pub destination: String,
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
        "this run needs {wanted} descriptors and {DESCRIPTORS_SPARE} more, but this process may have \
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

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("target", &self.target)
            .field("transport", &self.transport)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
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
        self.open((&self.customer_path, "customer"), number, None)
            .await
    }

    /// A session of the agent with this number.
    pub(crate) async fn agent(&self, number: u32) -> Result<Client, ScenarioError> {
        self.open((&self.agent_path, "agent"), number, None).await
    }

    /// A destination that belongs to this run.
    pub(crate) fn topic(&self, name: &str) -> String {
        let name = format!("{}.{name}", self.run);
        self.destination.replace("{name}", &name)
    }

    /// Who the session with this number is.
    pub(crate) fn user_name(&self, number: u32) -> String {
        match &self.login {
            Some((login, _)) => login.replace("{number}", &number.to_string()),
            None => format!("{}-{number}", self.run),
        }
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

    /// As [`customer`](Self::customer), but the kernel holds only so much for it that it has not read.
    pub(crate) async fn narrow_customer(
        &self,
        number: u32,
        receive_buffer_bytes: u32,
    ) -> Result<Client, ScenarioError> {
        let kind = (&*self.customer_path, "customer");
        self.open(kind, number, Some(receive_buffer_bytes)).await
    }

    async fn open(
        &self,
        (path, user_type): (&str, &str),
        number: u32,
        receive_buffer_bytes: Option<u32>,
    ) -> Result<Client, ScenarioError> {
        let name = self.user_name(number);
        let token = self.tokens.make(user_type, &name)?;
        let login = self
            .login
            .as_ref()
            .map(|(_, passcode)| (&*name, &**passcode));
        let opening = Opening {
            target: &self.target,
            path,
            transport: self.transport,
            token: token.as_deref(),
            login,
            source: self.target.source(number),
            receive_buffer_bytes,
        };
        match timeout(OPENING_TIME, Client::open(opening)).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(ScenarioError::Time(OPENING_TIME)),
        }
    }

    /// Refuses more sessions than this process can have connections.
    pub(crate) fn check_descriptors(&self, sessions: u32) -> Result<(), ScenarioError> {
        let wanted = sessions.saturating_mul(self.transport.sockets());
        match descriptors_max() {
            Some(allowed) if u64::from(wanted) + DESCRIPTORS_SPARE > allowed => {
                Err(ScenarioError::Descriptors { wanted, allowed })
            }
            _ => Ok(()),
        }
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
