//! Who is there, on whatever node.

mod alone;

use std::{collections::HashMap, sync::Arc};

use crate::{
    app::Core,
    backplane::{BackplaneError, SessionEntry},
    close::CloseReason,
    name::{Realm, UserKey},
};
pub(crate) use alone::Alone;

/// Something that happened to users of the cluster. One node is told of each event, once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// The user's first session came, and nobody had said that the user was online.
    Online(UserKey),
    /// The user has had no session for the time of grace.
    Offline(UserKey),
    /// A session ended because its node is gone: its disconnect event, with the reason `node-lost`.
    SessionLost(SessionEntry),
    /// A session that was announced as lost lives: its node had only been cut off, and has come back. It takes
    /// [`SessionLost`](Self::SessionLost) back. If its user had been said to be offline, [`Online`](Self::Online) follows.
    SessionFound(SessionEntry),
}

/// Somebody who wants to know. It must not block.
pub trait PresenceListener: Send + Sync + 'static {
    /// Takes note of `event`.
    fn on_presence(&self, event: &PresenceEvent);
}

impl<F: Fn(&PresenceEvent) + Send + Sync + 'static> PresenceListener for F {
    fn on_presence(&self, event: &PresenceEvent) {
        self(event);
    }
}

/// An answer, and whether it is the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What is known.
    pub value: T,
    /// True if the cluster did not answer: only this node's sessions are in it.
    pub is_partial: bool,
}

/// Asks who is there, and sends sessions away, on all nodes of the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Presence {
    core: Arc<Core>,
}

impl Presence {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Users with a session, `limit` at most, in no order.
    pub async fn online(&self, limit: usize) -> Answer<Vec<UserKey>> {
        let mut here = self.core.users.online();
        here.truncate(limit);
        let Some(cluster) = &self.core.broker.cluster else {
            return whole(here);
        };
        match cluster.backplane.online(limit).await {
            Ok(value) => whole(value),
            Err(error) => partial(here, &error),
        }
    }

    /// The sessions of each of `users`, in one round trip.
    pub async fn sessions(&self, users: &[UserKey]) -> Answer<HashMap<UserKey, Vec<SessionEntry>>> {
        let here = || {
            users
                .iter()
                .map(|user| (user.clone(), self.sessions_here(user)))
                .collect()
        };
        let Some(cluster) = &self.core.broker.cluster else {
            return whole(here());
        };
        match cluster.backplane.look_up(users.to_vec()).await {
            Ok(states) => {
                let sessions = states.into_iter().map(|state| state.sessions);
                whole(users.iter().cloned().zip(sessions).collect())
            }
            Err(error) => partial(here(), &error),
        }
    }

    /// The realms of those who were ever here.
    pub fn realms(&self) -> Vec<Realm> {
        self.core.realms()
    }

    /// Ends the session `id` wherever it is, telling its client `why`. False if there is none.
    ///
    /// # Errors
    ///
    /// If it is not here and the cluster does not answer.
    pub async fn kick_session(&self, id: &str, why: &str) -> Result<bool, BackplaneError> {
        if let Some(session) = self.core.users.session(id) {
            session.end(CloseReason::Kicked(why.to_owned()));
            return Ok(true);
        }
        let Some(cluster) = &self.core.broker.cluster else {
            return Ok(false);
        };
        let Some(entry) = cluster.backplane.find(id).await? else {
            return Ok(false);
        };
        cluster.kick(&entry.member.node, id, Some(why)).await?;
        Ok(true)
    }

    /// Ends all sessions of `user`, telling their clients `why`. The number of them.
    ///
    /// # Errors
    ///
    /// If the cluster does not answer. The sessions of this node are ended all the same.
    pub async fn kick_user(&self, user: &UserKey, why: &str) -> Result<usize, BackplaneError> {
        let here = self.core.users.of_user(user);
        for session in &here {
            session.end(CloseReason::Kicked(why.to_owned()));
        }
        let Some(cluster) = &self.core.broker.cluster else {
            return Ok(here.len());
        };
        let states = cluster.backplane.look_up(vec![user.clone()]).await?;
        let elsewhere: Vec<SessionEntry> = states
            .into_iter()
            .flat_map(|state| state.sessions)
            .filter(|one| one.member.node != *cluster.node())
            .collect();
        for entry in &elsewhere {
            cluster
                .kick(&entry.member.node, &entry.id, Some(why))
                .await?;
        }
        Ok(here.len() + elsewhere.len())
    }

    fn sessions_here(&self, user: &UserKey) -> Vec<SessionEntry> {
        let sessions = self.core.users.of_user(user);
        sessions
            .iter()
            .map(|session| self.core.entry(session))
            .collect()
    }
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presence")
    }
}

fn whole<T>(value: T) -> Answer<T> {
    Answer {
        value,
        is_partial: false,
    }
}

fn partial<T>(value: T, error: &BackplaneError) -> Answer<T> {
    tracing::debug!(%error, "the answer is of this node only");
    Answer {
        value,
        is_partial: true,
    }
}
