//! The connection for commands: in the order of the calls, whatever waits in one write, each with a deadline.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{AsyncConnectionConfig, Cmd, Pipeline, Value, aio::MultiplexedConnection};
use stompline::backplane::BackplaneError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    RedisSettings,
    script::{ALL, Script},
};

/// Requests that may wait.
const WAITING_MAX: usize = 16_384;

/// Bytes of requests that may wait.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Requests in one write.
const BATCH: usize = 512;

/// Pauses between attempts to connect; each is drawn between half of it and the whole.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(250);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(2);

type Answer = Result<Vec<Value>, BackplaneError>;

struct Request {
    commands: Vec<Cmd>,
    bytes: usize,
    answer: oneshot::Sender<Answer>,
}

/// Hands commands to the connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Commands {
    queue: mpsc::Sender<Request>,
    state: Arc<State>,
}

struct State {
    bytes: AtomicUsize,
    /// Why there is no connection, while there is none.
    dark: Mutex<Option<Arc<str>>>,
    /// The names that Redis gave the scripts; they follow from the texts.
    scripts: Vec<String>,
    deadline: Duration,
}

/// The other end, to be run by a task.
pub(crate) struct CommandLine {
    queue: mpsc::Receiver<Request>,
    state: Arc<State>,
    settings: RedisSettings,
    connection: Option<MultiplexedConnection>,
}

pub(crate) async fn open(
    settings: &RedisSettings,
) -> Result<(Commands, CommandLine), BackplaneError> {
    let mut connection = dial(settings).await?;
    let scripts = load_scripts(&mut connection, settings.deadline).await?;
    let (sender, queue) = mpsc::channel(WAITING_MAX);
    let state = Arc::new(State {
        bytes: AtomicUsize::new(0),
        dark: Mutex::new(None),
        scripts,
        deadline: settings.deadline,
    });
    let commands = Commands {
        queue: sender,
        state: Arc::clone(&state),
    };
    let line = CommandLine {
        queue,
        state,
        settings: settings.clone(),
        connection: Some(connection),
    };
    Ok((commands, line))
}

impl Commands {
    /// Hands over commands that answer together. They are in order with those of all other calls.
    pub(crate) fn call(&self, commands: Vec<Cmd>) -> impl Future<Output = Answer> + Send + use<> {
        let handed = self.hand_over(commands);
        // The connection has a deadline; what waits in front of it has had one as well when this has passed.
        let deadline = self.state.deadline * 3;
        async move {
            match tokio::time::timeout(deadline, handed?).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(BackplaneError::Unreachable("this node is stopping".into())),
                Err(_) => Err(BackplaneError::Timeout(deadline)),
            }
        }
    }

    fn hand_over(&self, commands: Vec<Cmd>) -> Result<oneshot::Receiver<Answer>, BackplaneError> {
        if let Some(why) = self.state.dark() {
            return Err(BackplaneError::Unreachable(why));
        }
        let bytes: usize = commands.iter().map(command_bytes).sum();
        let waiting = self.state.bytes.load(Ordering::Relaxed);
        if waiting + bytes > WAITING_BYTES_MAX {
            return Err(BackplaneError::Busy(WAITING_MAX));
        }
        let (answer, answered) = oneshot::channel();
        let request = Request {
            commands,
            bytes,
            answer,
        };
        self.queue
            .try_send(request)
            .map_err(|_| BackplaneError::Busy(WAITING_MAX))?;
        self.state.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(answered)
    }

    /// A command that runs `script`.
    pub(crate) fn script(&self, script: Script, base: &str) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        let place = script as usize;
        command.arg(&self.state.scripts[place]).arg(1).arg(base);
        command
    }

    /// Why there is no connection now.
    pub(crate) fn dark(&self) -> Option<Arc<str>> {
        self.state.dark()
    }
}

impl State {
    fn dark(&self) -> Option<Arc<str>> {
        self.dark
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_dark(&self, why: Option<Arc<str>>) {
        *self.dark.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

impl CommandLine {
    /// Serves the queue until it is told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let work = async {
            loop {
                let connection = match self.connection.take() {
                    Some(connection) => connection,
                    None => self.reconnect().await,
                };
                let why = self.serve(connection).await;
                tracing::warn!(address = self.settings.address(), %why, "the connection to Redis is lost");
                self.state.set_dark(Some(why.to_string().into()));
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Writes and answers batches. Returns why it cannot go on.
    async fn serve(&mut self, mut connection: MultiplexedConnection) -> BackplaneError {
        let mut requests = Vec::with_capacity(BATCH);
        loop {
            requests.clear();
            if self.queue.recv_many(&mut requests, BATCH).await == 0 {
                return std::future::pending().await;
            }
            let bytes: usize = requests.iter().map(|one| one.bytes).sum();
            self.state.bytes.fetch_sub(bytes, Ordering::Relaxed);
            let mut pipeline = Pipeline::with_capacity(requests.len());
            pipeline.ignore_errors();
            let mut counts = Vec::with_capacity(requests.len());
            for request in &mut requests {
                counts.push(request.commands.len());
                for command in request.commands.drain(..) {
                    pipeline.add_command(command);
                }
            }
            let count = counts.iter().sum();
            let sent = connection.send_packed_commands(&pipeline, 0, count);
            let deadline = self.settings.deadline;
            let values = match tokio::time::timeout(deadline, sent).await {
                Ok(Ok(values)) => values,
                Ok(Err(error)) => return fail(requests, &unreachable(&error)),
                Err(_) => return fail(requests, &BackplaneError::Timeout(deadline)),
            };
            if let Some(error) = answer(&mut requests, &counts, values) {
                return error;
            }
        }
    }

    async fn reconnect(&mut self) -> MultiplexedConnection {
        let mut pause = PAUSE_MIN;
        loop {
            // What was handed over before it was known that there is no connection.
            while let Ok(request) = self.queue.try_recv() {
                self.state.bytes.fetch_sub(request.bytes, Ordering::Relaxed);
                let why = self.state.dark().unwrap_or_else(|| "no connection".into());
                let _ = request.answer.send(Err(BackplaneError::Unreachable(why)));
            }
            let connected = async {
                let mut connection = dial(&self.settings).await?;
                load_scripts(&mut connection, self.settings.deadline).await?;
                Ok::<_, BackplaneError>(connection)
            };
            match connected.await {
                Ok(connection) => {
                    tracing::info!(
                        address = self.settings.address(),
                        "connected to Redis again"
                    );
                    self.state.set_dark(None);
                    return connection;
                }
                Err(error) => self.state.set_dark(Some(error.to_string().into())),
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Gives every request its part. A script that Redis does not know any more means that it has forgotten all: the connection is made anew.
fn answer(
    requests: &mut Vec<Request>,
    counts: &[usize],
    values: Vec<Value>,
) -> Option<BackplaneError> {
    let mut fatal = None;
    let mut values = values.into_iter();
    for (request, count) in requests.drain(..).zip(counts) {
        let part: Vec<Value> = values.by_ref().take(*count).collect();
        let error = part.iter().find_map(|value| match value {
            Value::ServerError(error) => Some(error.code().to_owned()),
            _ => None,
        });
        let answer = match error {
            None if part.len() == *count => Ok(part),
            None => Err(BackplaneError::Refused("an answer is missing".into())),
            Some(code) => {
                let refused = BackplaneError::Refused(code.as_str().into());
                if ["NOSCRIPT", "READONLY", "LOADING", "MASTERDOWN"].contains(&&*code) {
                    fatal = Some(refused.clone());
                }
                Err(refused)
            }
        };
        let _ = request.answer.send(answer);
    }
    fatal
}

fn fail(requests: Vec<Request>, error: &BackplaneError) -> BackplaneError {
    for request in requests {
        let _ = request.answer.send(Err(error.clone()));
    }
    error.clone()
}

fn command_bytes(command: &Cmd) -> usize {
    command
        .args_iter()
        .map(|argument| match argument {
            redis::Arg::Simple(bytes) => bytes.len() + 16,
            _ => 16,
        })
        .sum()
}

async fn dial(settings: &RedisSettings) -> Result<MultiplexedConnection, BackplaneError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.deadline))
        .set_response_timeout(Some(settings.deadline));
    connect(settings, &config).await
}

pub(crate) async fn connect(
    settings: &RedisSettings,
    config: &AsyncConnectionConfig,
) -> Result<MultiplexedConnection, BackplaneError> {
    let connected = settings
        .client
        .get_multiplexed_async_connection_with_config(config);
    // Twice the deadline: for the connection, and for the greeting on it.
    match tokio::time::timeout(settings.deadline * 2, connected).await {
        Ok(connected) => connected.map_err(|error| unreachable(&error)),
        Err(_) => Err(BackplaneError::Timeout(settings.deadline * 2)),
    }
}

async fn load_scripts(
    connection: &mut MultiplexedConnection,
    deadline: Duration,
) -> Result<Vec<String>, BackplaneError> {
    let mut pipeline = Pipeline::new();
    for script in ALL {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text());
    }
    match tokio::time::timeout(deadline, pipeline.query_async(connection)).await {
        Ok(loaded) => loaded.map_err(|error| unreachable(&error)),
        Err(_) => Err(BackplaneError::Timeout(deadline)),
    }
}

pub(crate) fn unreachable(error: &redis::RedisError) -> BackplaneError {
    BackplaneError::Unreachable(error.to_string().into())
}

/// Between half of `pause` and the whole, so that nodes do not all come at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let half = pause / 2;
    let span = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_micros(getrandom::u64().unwrap_or_default() % span)
}
