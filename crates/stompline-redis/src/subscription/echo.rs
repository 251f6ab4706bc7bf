//! The echo of a link: a message of the node to itself, once a second, which must come back.

use futures_util::{FutureExt, future::BoxFuture};
use stompline::backplane::{BackplaneError, NodeId};
use tokio::time::Instant;

use crate::{
    command::Commands,
    key::{Names, Tag},
};

/// Refusals in a row that count as darkness.
const REFUSALS_MAX: u32 = 3;

type Outcome = Result<Instant, BackplaneError>;

/// The echo that is under way.
#[derive(Default)]
pub(super) struct Echo {
    pub(super) number: u64,
    tag: Option<Tag>,
    call: Option<BoxFuture<'static, Outcome>>,
    outcome: Option<Outcome>,
    refusals: u32,
}

/// What follows from an echo that did not come.
pub(super) enum Missing {
    /// Nothing yet.
    Patience,
    /// It was not taken, or its tag is no longer asked for here: the next one is to go.
    Again,
    /// It was taken, and did not come in time: the link is deaf.
    Deaf,
}

impl Echo {
    /// Sends the next one, on another tag than the last, so that all have their turn.
    pub(super) fn send(&mut self, tags: &[Tag], (names, node): (&Names, &NodeId), to: &Commands) {
        let after = tags.iter().find(|tag| Some(**tag) > self.tag);
        let Some(tag) = after.or(tags.first()).copied() else {
            return;
        };
        self.number += 1;
        self.tag = Some(tag);
        let mut publish = redis::cmd(names.publish());
        publish.arg(names.echo(node, tag)).arg(self.number);
        let sent = to.call(tag, vec![publish]);
        self.outcome = None;
        self.call = Some(sent.map(|sent| sent.map(|_| Instant::now())).boxed());
    }

    /// Resolves when Redis has taken it or not, which has a deadline.
    pub(super) async fn answered(&mut self) {
        let Some(call) = &mut self.call else {
            return std::future::pending().await;
        };
        let outcome = call.await;
        self.call = None;
        match outcome {
            Ok(_) => self.refusals = 0,
            Err(BackplaneError::Refused(_)) => self.refusals += 1,
            // The trouble of the line for commands, which says so itself.
            Err(_) => {}
        }
        self.outcome = Some(outcome);
    }

    /// Judges one that has not come.
    pub(super) fn missing(&self, tags: &[Tag], patience: std::time::Duration) -> Missing {
        let asked = self.tag.is_some_and(|tag| tags.contains(&tag));
        match &self.outcome {
            None if self.call.is_some() => Missing::Patience,
            Some(Ok(at)) if asked && at.elapsed() < patience => Missing::Patience,
            Some(Ok(_)) if asked => Missing::Deaf,
            _ => Missing::Again,
        }
    }

    /// Why Redis has not taken the last ones.
    pub(super) fn refusal(&self) -> Option<BackplaneError> {
        if self.refusals < REFUSALS_MAX {
            return None;
        }
        self.outcome.as_ref()?.as_ref().err().cloned()
    }
}
