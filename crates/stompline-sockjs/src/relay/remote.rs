//! The receiver of a session that is on another node: it fetches frames, and says how its response ended.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Sleep;

use super::{Answer, HOLD, Line, ON_THE_WAY, Question, Unanswered};
use crate::receiver::Received;

/// What the client of a session hears whose node is lost, so that it begins a new one at once. Where the
/// protocol's own servers say 1002 this says 1001, that a server went away, since 1002 follows an ERROR here and tells clients to stay away.
const INTERRUPTED: &[u8] = br#"c[1001,"Connection interrupted"]"#;

/// Most bytes of frames fetched at once.
const FETCH_BYTES: usize = 32 * 1024;

/// How long the other node may have nothing to say before it is asked again: the lost node of a silent session is found out in so long
/// and [`ON_THE_WAY`].
const PATIENCE: Duration = Duration::from_secs(5);

/// As [`PATIENCE`], for the first question: an answer that does not come is found out sooner.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(1);

/// See the module page. When it is dropped before it was told to leave, its socket must have broken, and the session ends.
pub(crate) struct Remote {
    line: Arc<dyn Line>,
    receiver: u64,
    asking: Option<BoxFuture<'static, Result<Bytes, Unanswered>>>,
    /// Runs while nobody fetches what was given.
    stuck: Option<Pin<Box<Sleep>>>,
    attached: bool,
}

/// What the other node says first.
pub(crate) enum First {
    /// It has the session; there is something for the client.
    Received(Received),
    /// It has the session, which has nothing to say yet.
    Nothing,
    /// It has the session, and another request receives.
    Occupied,
    /// It has no such session, any more.
    Gone,
}

impl Remote {
    /// Attaches to the session at the other end of `line`.
    pub(crate) async fn attach(line: Arc<dyn Line>, bytes_max: usize) -> (Self, First) {
        let mut receiver = [0; 8];
        getrandom::fill(&mut receiver)
            .expect("the system gives random numbers; without them no server can run safely");
        let mut remote = Self {
            line,
            receiver: u64::from_ne_bytes(receiver),
            asking: None,
            stuck: None,
            attached: true,
        };
        let answer = remote.ask(bytes_max, PATIENCE_AT_FIRST).await;
        let first = match remote.read(answer) {
            Answer::Frame { frame, is_last } => First::Received(Received { frame, is_last }),
            Answer::Nothing => First::Nothing,
            Answer::Occupied => First::Occupied,
            _ => First::Gone,
        };
        (remote, first)
    }

    /// The next frame, or the one that ends the session if its node is lost. `None` when the session broke.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Option<Received>> {
        self.stuck = None;
        loop {
            let mut asking = match self.asking.take() {
                Some(asking) => asking,
                None => self.ask(bytes_max, PATIENCE),
            };
            let Poll::Ready(answer) = asking.as_mut().poll(context) else {
                self.asking = Some(asking);
                return Poll::Pending;
            };
            match self.read(answer) {
                Answer::Nothing => {}
                Answer::Frame { frame, is_last } => {
                    return Poll::Ready(Some(Received { frame, is_last }));
                }
                _ => return Poll::Ready(None),
            }
        }
    }

    /// Ready when what was given has not left for so long that the session has ended.
    pub(crate) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(HOLD)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(())
    }

    /// Leaves after a whole response; the client will come again.
    pub(crate) fn leave(&mut self) {
        if std::mem::replace(&mut self.attached, false) {
            let receiver = self.receiver;
            self.line.tell(Question::Done { receiver }.encode());
        }
    }

    fn ask(
        &self,
        bytes_max: usize,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Bytes, Unanswered>> {
        let question = Question::Give {
            receiver: self.receiver,
            bytes_max: bytes_max.min(FETCH_BYTES),
            patience,
        };
        self.line.ask(question.encode(), patience + ON_THE_WAY)
    }

    /// What an answer means. The receiver stays attached as long as the session waits to hear how the response ends; without an answer,
    /// frames may be lost, and both sides end the session.
    fn read(&mut self, answer: Result<Bytes, Unanswered>) -> Answer {
        let answer = answer.ok().and_then(|answer| Answer::decode(&answer));
        let answer = answer.unwrap_or_else(|| {
            tracing::debug!(node = self.line.node(), "the node of a session is silent");
            self.break_off();
            Answer::Frame {
                frame: INTERRUPTED.to_vec(),
                is_last: true,
            }
        });
        if !matches!(
            answer,
            Answer::Nothing | Answer::Frame { is_last: false, .. }
        ) {
            self.attached = false;
        }
        answer
    }

    fn break_off(&mut self) {
        if std::mem::replace(&mut self.attached, false) {
            let receiver = self.receiver;
            self.line.tell(Question::Broken { receiver }.encode());
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.break_off();
    }
}
