//! Questions from node to node, with an answer or a deadline.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};

use super::{Cluster, envelope};
use crate::backplane::{Address, BackplaneError, NodeId};

/// Questions of this node that may wait for their answers.
const OPEN_MAX: usize = 4_096;

/// Answers this node may be working at; further questions are refused.
const WORKING_MAX: usize = 1_024;

/// As [`OPEN_MAX`] and [`WORKING_MAX`], for requests of sessions over HTTP on another node: each waits for seconds and costs little.
const RELAYED_MAX: usize = 16_384;

/// The number of a question whose answer nobody needs.
const UNANSWERED: u64 = 0;

type Answerer = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

/// Who answers which subject.
pub(crate) struct Respondents {
    by_subject: HashMap<String, (Answerer, Arc<Semaphore>)>,
    working: Arc<Semaphore>,
}

impl Respondents {
    pub(crate) fn new() -> Self {
        Self {
            by_subject: HashMap::new(),
            working: Arc::new(Semaphore::new(WORKING_MAX)),
        }
    }

    pub(crate) fn insert(&mut self, subject: String, answer: Answerer) {
        let working = Arc::clone(&self.working);
        self.by_subject.insert(subject, (answer, working));
    }

    /// Requests that wait take no place from other questions.
    pub(crate) fn insert_relay(&mut self, subject: &str, answer: Answerer) {
        let working = Arc::new(Semaphore::new(RELAYED_MAX));
        self.by_subject
            .insert(subject.to_owned(), (answer, working));
    }
}

/// Why another node's answer did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// This node has no backplane.
    #[error("this node is no part of a cluster")]
    Alone,
    /// Nobody there answers questions of this subject.
    #[error("the node does not answer such questions")]
    Unanswerable,
    /// The question did not get there, or its answer back, in time.
    #[error(transparent)]
    Backplane(#[from] BackplaneError),
}

pub(super) struct Questions {
    respondents: Respondents,
    open: Mutex<HashMap<u64, oneshot::Sender<Option<Bytes>>>>,
    /// Places for requests of sessions elsewhere.
    relayed: Semaphore,
    /// Places for all other questions.
    asked: Semaphore,
    next: AtomicU64,
}

impl Questions {
    pub(super) fn new(respondents: Respondents) -> Self {
        Self {
            respondents,
            open: Mutex::default(),
            relayed: Semaphore::new(RELAYED_MAX),
            asked: Semaphore::new(OPEN_MAX),
            next: AtomicU64::new(UNANSWERED + 1),
        }
    }

    fn with_open<T>(
        &self,
        act: impl FnOnce(&mut HashMap<u64, oneshot::Sender<Option<Bytes>>>) -> T,
    ) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A question that waits for its answer, with its place.
struct Open<'a> {
    questions: &'a Questions,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.questions.with_open(|open| open.remove(&self.id));
    }
}

impl Cluster {
    /// Asks `node` and waits for its answer.
    pub(crate) async fn ask(
        &self,
        node: &NodeId,
        subject: &str,
        body: &[u8],
    ) -> Result<Bytes, AskError> {
        let within = self.settings.answer_timeout;
        let place = self.questions.asked.try_acquire();
        let _place = place.map_err(|_| BackplaneError::Busy(OPEN_MAX))?;
        self.ask_within(node, subject, body, within).await
    }

    /// Asks `node` on behalf of a request that may wait.
    pub(crate) async fn relay(
        &self,
        node: &NodeId,
        subject: &str,
        body: &[u8],
        within: Duration,
    ) -> Result<Bytes, AskError> {
        let place = self.questions.relayed.try_acquire();
        let _place = place.map_err(|_| BackplaneError::Busy(RELAYED_MAX))?;
        self.ask_within(node, subject, body, within).await
    }

    async fn ask_within(
        &self,
        node: &NodeId,
        subject: &str,
        body: &[u8],
        within: Duration,
    ) -> Result<Bytes, AskError> {
        let id = self.questions.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.questions.with_open(|open| open.insert(id, sender));
        let _open = Open {
            questions: &self.questions,
            id,
        };
        let question = envelope::question(&self.origin(), id, subject, body);
        let sent = self.send(Address::Node(node), question);
        let answered = tokio::time::timeout(within, async {
            sent.await?;
            answer.await.map_err(|_| BackplaneError::Timeout(within))
        })
        .await;
        answered
            .unwrap_or(Err(BackplaneError::Timeout(within)))?
            .ok_or(AskError::Unanswerable)
    }

    /// As [`relay`](Self::relay), if nobody needs the answer.
    pub(crate) fn tell(&self, node: &NodeId, subject: &str, body: &[u8]) {
        let question = envelope::question(&self.origin(), UNANSWERED, subject, body);
        // Nobody waits for it: whoever is not told learns it by a time of its own.
        drop(self.send(Address::Node(node), question));
    }

    /// Answers a question, on a task of its own: it must not hold up what else arrives.
    pub(super) fn answer(self: &Arc<Self>, from: NodeId, id: u64, subject: &str, body: Bytes) {
        let cluster = Arc::clone(self);
        let respondents = &self.questions.respondents;
        let (respondent, working) = match respondents.by_subject.get(subject) {
            Some((respondent, working)) => (Some(Arc::clone(respondent)), working),
            None => (None, &respondents.working),
        };
        let Ok(place) = Arc::clone(working).try_acquire_owned() else {
            tracing::warn!(subject, "too many questions at once; one is not answered");
            return;
        };
        self.tasks.spawn(async move {
            let answer = match respondent {
                Some(respondent) => Some(respondent(body).await),
                None => None,
            };
            drop(place);
            if id == UNANSWERED {
                return;
            }
            let answer = envelope::answer(&cluster.origin(), id, answer.as_deref());
            if let Err(error) = cluster.send(Address::Node(&from), answer).await {
                tracing::debug!(%error, "an answer did not get back");
            }
        });
    }

    pub(super) fn answered(&self, id: u64, body: Option<Bytes>) {
        if let Some(waiting) = self.questions.with_open(|open| open.remove(&id)) {
            let _ = waiting.send(body);
        }
    }
}
