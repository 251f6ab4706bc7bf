//! Finds out which servers there are and what each has: at once when something looks wrong, and from time to time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{Pipeline, ServerError, Value};
use stompline::backplane::BackplaneError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    RedisSettings,
    address::{Layout, Server},
    dial::{dial, jittered, unreachable},
    sentinel::Sentinels,
    table::Table,
};

/// How often sentinels and clusters are asked while nothing looks wrong: some changes can be seen in no other way.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The least pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Servers asked at the same time.
const ASKED_MAX: usize = 16;

/// Where the rest of the crate says that what is known may be wrong. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Doubt(Arc<Doubts>);

#[derive(Default)]
struct Doubts {
    raised: Notify,
    /// Host and port of one that should know better.
    hint: Mutex<Option<(String, u16)>>,
}

impl Doubt {
    pub(crate) fn raise(&self) {
        self.0.raised.notify_one();
    }

    /// Takes note of an error that says where something is now, or that the cluster is about to change.
    pub(crate) fn raise_on(&self, error: &ServerError) {
        match error.code() {
            "MOVED" => {
                let to = error
                    .details()
                    .and_then(|details| details.split(' ').nth(1));
                if let Some((host, port)) = to.and_then(|to| to.rsplit_once(':'))
                    && !host.is_empty()
                    && let Ok(port) = port.parse()
                {
                    *lock(&self.0.hint) = Some((host.to_owned(), port));
                }
                self.raise();
            }
            "CLUSTERDOWN" | "READONLY" | "MASTERDOWN" => self.raise(),
            _ => {}
        }
    }
}

/// Looks at the installation.
pub(crate) struct Topology {
    settings: RedisSettings,
    doubt: Doubt,
    sentinels: Sentinels,
    /// Who answered last.
    good: Option<Server>,
    known: Arc<Table>,
    dark: Arc<Mutex<Option<BackplaneError>>>,
}

/// What one server of a cluster says.
struct View {
    from: Server,
    is_ok: bool,
    epoch: u64,
    table: Table,
}

impl Topology {
    pub(crate) fn new(settings: &RedisSettings, doubt: Doubt) -> Self {
        Self {
            settings: settings.clone(),
            sentinels: Sentinels::new(settings, &doubt),
            doubt,
            good: None,
            known: Arc::default(),
            dark: Arc::default(),
        }
    }

    /// Why the last look failed, if it did.
    pub(crate) fn dark(&self) -> Arc<Mutex<Option<BackplaneError>>> {
        Arc::clone(&self.dark)
    }

    /// Whether it can change at all.
    pub(crate) fn is_fixed(&self) -> bool {
        self.settings.address.layout == Layout::One
    }

    /// Hands every change to `apply`, until told to stop.
    pub(crate) async fn watch(mut self, apply: impl Fn(&Arc<Table>), stop: CancellationToken) {
        let work = async {
            loop {
                let due = tokio::time::sleep(jittered(LOOK_EVERY));
                tokio::select! {
                    () = self.doubt.0.raised.notified() => {}
                    () = due => {}
                }
                let before = Arc::clone(&self.known);
                match self.look().await {
                    Ok(table) if table != before => {
                        tracing::info!(masters = ?masters(&table), "the masters of Redis are others now");
                        apply(&table);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "the masters of Redis are not known"),
                }
                tokio::time::sleep(jittered(PAUSE)).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// The present table.
    pub(crate) async fn look(&mut self) -> Result<Arc<Table>, BackplaneError> {
        let found = match self.settings.address.layout.clone() {
            Layout::One => Ok(Table::whole(&self.settings.address.seeds[0])),
            Layout::Sentinel(master) => self.sentinels.find(&self.settings, &master).await,
            Layout::Cluster => self.ask_cluster().await,
        };
        *lock(&self.dark) = found.as_ref().err().cloned();
        let found = found?;
        if found != *self.known {
            self.known = Arc::new(found);
        }
        Ok(Arc::clone(&self.known))
    }

    /// The one that answered last, or the one that was named in an answer; should that not do, all that are known. A view whose server
    /// belongs to the majority counts before one that does not, then the newest.
    async fn ask_cluster(&mut self) -> Result<Table, BackplaneError> {
        let hint = lock(&self.doubt.0.hint).take();
        let hint = hint.and_then(|(host, port)| self.settings.address.server(&host, port).ok());
        let first = hint.or_else(|| self.good.clone());
        let mut best: Option<View> = None;
        let mut failure = BackplaneError::Unreachable("no server of the cluster".into());
        let rest = self.candidates(first.as_ref());
        for round in [first.into_iter().collect(), rest] {
            let mut asked: FuturesUnordered<_> =
                round.iter().map(|one| self.ask_master(one)).collect();
            while let Some(answer) = asked.next().await {
                match answer {
                    Ok(view) if best.as_ref().is_none_or(|best| view.rank() > best.rank()) => {
                        best = Some(view);
                    }
                    Ok(_) => {}
                    Err(error) => failure = error,
                }
                if best.as_ref().is_some_and(|view| view.is_ok) {
                    break;
                }
            }
            if best.as_ref().is_some_and(|view| view.is_ok) {
                break;
            }
        }
        let view = best.ok_or(failure)?;
        self.good = Some(view.from);
        Ok(view.table)
    }

    fn candidates(&self, but: Option<&Server>) -> Vec<Server> {
        let seeds = self.settings.address.seeds.iter().cloned();
        let mut all = Vec::new();
        for one in self
            .good
            .iter()
            .cloned()
            .chain(masters(&self.known))
            .chain(seeds)
        {
            if Some(&one) != but && !all.contains(&one) && all.len() < ASKED_MAX {
                all.push(one);
            }
        }
        all
    }

    async fn ask_master(&self, server: &Server) -> Result<View, BackplaneError> {
        let mut question = Pipeline::new();
        question.cmd("CLUSTER").arg("INFO");
        question.cmd("CLUSTER").arg("SLOTS");
        let answers = self.ask(server, &question).await?;
        let read = |answers: &[Value]| {
            let [info, slots] = answers else {
                return None;
            };
            let info = text(info)?;
            let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
            let epoch = field("cluster_current_epoch:")?.trim().parse().ok()?;
            Some(View {
                from: server.clone(),
                is_ok: field("cluster_state:")?.trim() == "ok",
                epoch,
                table: Table::read(slots, server, &self.settings.address)?,
            })
        };
        read(&answers).ok_or_else(|| {
            BackplaneError::Refused("what a server says of its cluster makes no sense".into())
        })
    }

    /// Dials and asks, in twice the deadline and once more at most.
    async fn ask(
        &self,
        server: &Server,
        question: &Pipeline,
    ) -> Result<Vec<Value>, BackplaneError> {
        let mut connection = dial(&self.settings, server).await?;
        let deadline = self.settings.deadline;
        match tokio::time::timeout(deadline, question.query_async(&mut connection)).await {
            Ok(answers) => answers.map_err(|error| unreachable(&error)),
            Err(_) => Err(BackplaneError::Timeout(deadline)),
        }
    }
}

impl View {
    fn rank(&self) -> (bool, u64) {
        (self.is_ok, self.epoch)
    }
}

fn masters(table: &Table) -> Vec<Server> {
    let servers = table.servers().into_iter();
    servers.map(|(server, _)| server).collect()
}

/// A text, in whatever form Redis says it.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
