//! What the directory of a cluster holds.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::name::UserKey;

/// The longest name of a node, in bytes.
const NODE_BYTES_MAX: usize = 64;

/// The name of a node: letters, digits and `-`, at most 64. A clone shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// A node called `name`. `None` if that is no name for a node.
    pub fn new(name: &str) -> Option<Self> {
        let fits = !name.is_empty() && name.len() <= NODE_BYTES_MAX;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (fits && plain).then(|| Self(name.into()))
    }

    /// A name that no other node has: every start of a process is another node.
    pub fn fresh() -> Self {
        Self(crate::session::fresh_name().into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node and how often it has joined the cluster: who lost its lease comes back as another member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// Counts from 1.
    pub incarnation: u64,
}

/// One session, as the directory shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEntry {
    /// The session's id.
    pub id: Arc<str>,
    /// Whose it is.
    pub user: UserKey,
    /// Where it is.
    pub member: Member,
    /// The prefix of its endpoint.
    pub endpoint: Arc<str>,
    /// What carries it: [`Transport::name`](crate::Transport::name).
    pub transport: Arc<str>,
    /// When it was opened, in milliseconds since 1970.
    pub since_ms: u64,
}

/// What the directory is to make of a session that is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not registered before.
    New,
    /// It was registered before, and the directory has forgotten nothing since. If it is not there any more, it was announced as lost: it
    /// is found again then, and so is a user who was said to be offline.
    Known,
    /// It was registered in a directory that has forgotten everything since. Nobody was told that it is gone, so nobody is told that it is
    /// there.
    Forgotten,
}

/// What a user has at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserState {
    /// Grows with every change of the directory: of two states of a user, the one with the greater number is the newer.
    pub version: u64,
    /// The user's sessions on nodes that live.
    pub sessions: Vec<SessionEntry>,
    /// Whether the call that returned this brought the user online, which is to be announced.
    pub came_online: bool,
    /// Whether the session that the call registered had been handed out as lost. That it is found again is to be announced.
    pub was_lost: bool,
}

/// What has to be announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions whose node is gone.
    pub lost: Vec<SessionEntry>,
    /// Sessions that were lost and are there again.
    pub found: Vec<SessionEntry>,
    /// Users who have come.
    pub online: Vec<UserKey>,
    /// Users who have been without a session for the time of grace.
    pub offline: Vec<UserKey>,
}
