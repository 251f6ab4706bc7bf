//! Questions from node to node, with an answer or a deadline.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Cluster, envelope};
use crate::backplane::{Address, BackplaneError, NodeId};

/// Questions of this node that may wait for their answers.
const OPEN_MAX: usize = 4_096;

/// Answers this node may be working at; further questions are refused.
const WORKING_MAX: usize = 1_024;

type Respondent = Arc<dyn Fn(Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

/// Who answers which subject.
pub(crate) type Respondents = HashMap<String, Respondent>;

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
    next: AtomicU64,
}

impl Questions {
    pub(super) fn new(respondents: Respondents) -> Self {
        Self {
            respondents,
            open: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    fn with_open<T>(
        &self,
        act: impl FnOnce(&mut HashMap<u64, oneshot::Sender<Option<Bytes>>>) -> T,
    ) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
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
        let id = self.questions.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let is_open = self.questions.with_open(|open| {
            let room = open.len() < OPEN_MAX;
            if room {
                open.insert(id, sender);
            }
            room
        });
        if !is_open {
            return Err(BackplaneError::Busy(OPEN_MAX).into());
        }
        let question = envelope::question(&self.origin(), id, subject, body);
        let sent = self.send(Address::Node(node), question);
        let within = self.settings.answer_timeout;
        let answered = tokio::time::timeout(within, async {
            sent.await?;
            answer.await.map_err(|_| BackplaneError::Timeout(within))
        })
        .await;
        self.questions.with_open(|open| open.remove(&id));
        answered
            .unwrap_or(Err(BackplaneError::Timeout(within)))?
            .ok_or(AskError::Unanswerable)
    }

    /// Answers a question, on a task of its own: it must not hold up what else arrives.
    pub(super) fn answer(self: &Arc<Self>, from: NodeId, id: u64, subject: &str, body: Bytes) {
        let respondent = self.questions.respondents.get(subject).cloned();
        let cluster = Arc::clone(self);
        if self.tasks.len() > WORKING_MAX {
            tracing::warn!(subject, "too many questions at once; one is not answered");
            return;
        }
        self.tasks.spawn(async move {
            let answer = match respondent {
                Some(respondent) => Some(respondent(body).await),
                None => None,
            };
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
