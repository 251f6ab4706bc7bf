//! The times of a cluster.

use std::time::Duration;

/// How a node behaves in a cluster. Every node of a cluster should have the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// How long a node that says nothing is believed to live: 10 s, three lost renewals. Its sessions are announced as lost then.
    pub lease: Duration,
    /// How often a node renews its lease: 3 s. That is the whole cost of staying alive, however many sessions there are.
    pub renew_every: Duration,
    /// How often what is due is looked after: 1 s.
    pub tick: Duration,
    /// How long a user without a session is still said to be online: 5 s, in which a page is loaded again or a client comes back from
    /// a node that was restarted.
    pub grace: Duration,
    /// How long the RECEIPT of a SUBSCRIBE may wait for the cluster: 2 s; then it is refused.
    pub join_timeout: Duration,
    /// How long an interest outlives its last subscriber: 1 s, so that a page that is loaded again costs nothing.
    pub leave_after: Duration,
    /// How long it is believed where a user is who has no session here, should the news of a change be lost: 5 s.
    pub staleness_max: Duration,
    /// How long an answer of another node may take: 2 s.
    pub answer_timeout: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            tick: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            join_timeout: Duration::from_secs(2),
            leave_after: Duration::from_secs(1),
            staleness_max: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(2),
        }
    }
}
