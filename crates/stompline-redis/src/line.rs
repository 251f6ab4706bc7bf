//! The connection for commands to one server: in the order of the calls, whatever waits in one write, each with a deadline.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, Pipeline, Value, aio::MultiplexedConnection};
use stompline::backplane::BackplaneError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    RedisSettings,
    address::Server,
    dial::{PAUSE_MAX, PAUSE_MIN, dial, jittered, reason, unreachable},
    script,
    topology::{Doubt, text},
};

/// Requests that may wait.
const WAITING_MAX: usize = 16_384;

/// Bytes of requests that may wait.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Requests in one write.
const BATCH: usize = 512;

pub(crate) type Answer = Result<Vec<Value>, BackplaneError>;

struct Request {
    commands: Vec<Cmd>,
    bytes: usize,
    answer: oneshot::Sender<Answer>,
}

/// Hands commands to the connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Line {
    queue: mpsc::Sender<Request>,
    state: Arc<State>,
    /// Ends the task.
    pub(crate) stop: CancellationToken,
}

struct State {
    bytes: AtomicUsize,
    /// Why there is no connection, while there is none.
    dark: Mutex<Option<BackplaneError>>,
    /// Which history of changes the server is in: another server, or one that came back, is in another.
    history: Mutex<Option<Arc<str>>>,
    /// Whether the first attempt to connect is over.
    tried: watch::Sender<bool>,
    deadline: Duration,
}

/// The other end, to be run by a task.
pub(crate) struct LineTask {
    queue: mpsc::Receiver<Request>,
    state: Arc<State>,
    settings: RedisSettings,
    server: Server,
    doubt: Doubt,
    /// The last connection that was open.
    last: Option<Opened>,
    stop: CancellationToken,
}

/// What a server says of itself and of a connection to it.
#[derive(Clone, PartialEq)]
struct Opened {
    history: Option<Arc<str>>,
    /// The server's number for it.
    id: Option<i64>,
}

impl Line {
    pub(crate) fn new(
        settings: &RedisSettings,
        server: &Server,
        doubt: &Doubt,
        stop: CancellationToken,
    ) -> (Self, LineTask) {
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        let state = Arc::new(State {
            bytes: AtomicUsize::new(0),
            dark: Mutex::new(Some(BackplaneError::Unreachable(
                "not connected yet".into(),
            ))),
            history: Mutex::default(),
            tried: watch::Sender::new(false),
            deadline: settings.deadline,
        });
        let line = Self {
            queue: sender,
            state: Arc::clone(&state),
            stop: stop.clone(),
        };
        let task = LineTask {
            queue,
            state,
            settings: settings.clone(),
            server: server.clone(),
            doubt: doubt.clone(),
            last: None,
            stop,
        };
        (line, task)
    }

    /// Hands over commands that answer together. They are in order with those of all other calls.
    pub(crate) fn call(&self, commands: Vec<Cmd>) -> impl Future<Output = Answer> + Send + use<> {
        let handed = self.hand_over(commands);
        // The connection has a deadline; what waits in front of it has had one as well when this has passed.
        let deadline = self.state.deadline * 3;
        async move {
            match tokio::time::timeout(deadline, handed?).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(BackplaneError::Unreachable(
                    "the connection was given up".into(),
                )),
                Err(_) => Err(BackplaneError::Timeout(deadline)),
            }
        }
    }

    fn hand_over(&self, commands: Vec<Cmd>) -> Result<oneshot::Receiver<Answer>, BackplaneError> {
        if let Some(why) = self.dark() {
            return Err(BackplaneError::Unreachable(reason(&why)));
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

    /// Why there is no connection now.
    pub(crate) fn dark(&self) -> Option<BackplaneError> {
        lock(&self.state.dark).clone()
    }

    /// Resolves when the first attempt to connect has succeeded or failed, which has a deadline.
    pub(crate) async fn tried(&self) {
        let _ = self.state.tried.subscribe().wait_for(|tried| *tried).await;
    }

    pub(crate) fn history(&self) -> Option<Arc<str>> {
        lock(&self.state.history).clone()
    }
}

impl LineTask {
    /// Serves the queue until it is told to stop.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        let work = async {
            loop {
                let connection = self.connect().await;
                let why = self.serve(connection).await;
                tracing::warn!(address = self.server.name(), %why, "the connection to Redis is lost");
                *lock(&self.state.dark) = Some(why);
                self.doubt.raise();
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
            if let Some(error) = answer(&mut requests, &counts, values, &self.doubt) {
                return error;
            }
        }
    }

    async fn connect(&mut self) -> MultiplexedConnection {
        let mut pause = PAUSE_MIN;
        loop {
            // What was handed over before it was known that there is no connection.
            while let Ok(request) = self.queue.try_recv() {
                self.state.bytes.fetch_sub(request.bytes, Ordering::Relaxed);
                let why = lock(&self.state.dark).as_ref().map(reason);
                let why = why.unwrap_or_else(|| "no connection".into());
                let _ = request.answer.send(Err(BackplaneError::Unreachable(why)));
            }
            let connected = self.open().await;
            let result = match connected {
                Ok((connection, opened)) => {
                    tracing::info!(address = self.server.name(), "connected to Redis");
                    (*lock(&self.state.history)).clone_from(&opened.history);
                    self.last = Some(opened);
                    *lock(&self.state.dark) = None;
                    Some(connection)
                }
                Err(error) => {
                    *lock(&self.state.dark) = Some(error);
                    self.doubt.raise();
                    None
                }
            };
            self.state.tried.send_replace(true);
            if let Some(connection) = result {
                return connection;
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// A connection to a master that has the scripts, behind which the one before can bring nothing more.
    async fn open(&self) -> Result<(MultiplexedConnection, Opened), BackplaneError> {
        let mut connection = dial(&self.settings, &self.server).await?;
        let mut pipeline = Pipeline::new();
        for script in script::ALL {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text());
        }
        pipeline.cmd("INFO").arg("replication");
        pipeline.cmd("CLIENT").arg("ID");
        let answers = self.ask(&mut connection, &pipeline).await?;
        let [.., info, id] = answers.as_slice() else {
            return Err(BackplaneError::Refused("an answer is missing".into()));
        };
        let info = text(info).unwrap_or_default();
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
        if field("role:").is_some_and(|role| role.trim() != "master") {
            return Err(BackplaneError::Unreachable("it is a replica".into()));
        }
        let opened = Opened {
            history: field("master_replid:").map(|id| id.trim().into()),
            id: match id {
                Value::Int(id) => Some(*id),
                _ => None,
            },
        };
        self.end_last(&mut connection, &opened).await?;
        Ok((connection, opened))
    }

    /// What is still on its way on the connection before would come behind what goes on this one. Numbers of connections are given
    /// anew when a server restarts, which another history shows.
    async fn end_last(
        &self,
        connection: &mut MultiplexedConnection,
        now: &Opened,
    ) -> Result<(), BackplaneError> {
        let Some(Opened {
            history,
            id: Some(id),
        }) = &self.last
        else {
            return Ok(());
        };
        if history.is_none() || *history != now.history {
            return Ok(());
        }
        let mut pipeline = Pipeline::new();
        pipeline.ignore_errors();
        pipeline.cmd("CLIENT").arg("KILL").arg("ID").arg(*id);
        let answers = self.ask(connection, &pipeline).await?;
        if let Some(Value::ServerError(error)) = answers.first() {
            tracing::warn!(%error, "the connection before cannot be ended; messages may come out of order");
        }
        Ok(())
    }

    async fn ask(
        &self,
        connection: &mut MultiplexedConnection,
        pipeline: &Pipeline,
    ) -> Result<Vec<Value>, BackplaneError> {
        let deadline = self.settings.deadline;
        let answers = pipeline.query_async(connection);
        match tokio::time::timeout(deadline, answers).await {
            Ok(answers) => answers.map_err(|error| unreachable(&error)),
            Err(_) => Err(BackplaneError::Timeout(deadline)),
        }
    }
}

/// Gives every request its part. A script that Redis does not know any more means that it has forgotten all: the connection is made anew.
fn answer(
    requests: &mut Vec<Request>,
    counts: &[usize],
    values: Vec<Value>,
    doubt: &Doubt,
) -> Option<BackplaneError> {
    let mut fatal = None;
    let mut values = values.into_iter();
    for (request, count) in requests.drain(..).zip(counts) {
        let part: Vec<Value> = values.by_ref().take(*count).collect();
        let error = part.iter().find_map(|value| match value {
            Value::ServerError(error) => Some(error),
            _ => None,
        });
        let answer = match error {
            None if part.len() == *count => Ok(part),
            None => Err(BackplaneError::Refused("an answer is missing".into())),
            Some(error) => {
                let code = error.code();
                let refused = BackplaneError::Refused(code.into());
                if ["NOSCRIPT", "READONLY", "LOADING", "MASTERDOWN"].contains(&code) {
                    fatal = Some(refused.clone());
                }
                doubt.raise_on(error);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
