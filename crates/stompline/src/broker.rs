//! Brings messages to subscribers.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use stompline_proto::Headers;
use stompline_sockjs::Push;

use crate::{
    backplane::{BackplaneError, Confirmation},
    cluster::{Cluster, envelope::Payload},
    filter::Filters,
    name::UserKey,
    news::Hearers,
    registry::{Registry, Subscribers},
    render::Rendering,
    stats::Stats,
    subscription::{SessionOutbox, Subscription},
};

/// Subscribers reached before a large topic lets others run.
const TURN_SUBSCRIBERS: usize = 2_048;

/// The broker of one node.
pub(crate) struct Broker {
    pub(crate) registry: Registry,
    pub(crate) stats: Arc<Stats>,
    /// The way to the other nodes, if there are any.
    pub(crate) cluster: Option<Arc<Cluster>>,
    pub(crate) hearers: Hearers,
    filters: Filters,
}

/// Whom a message of another node concerns: an interest in its name brings it for those who named it, one in everything for those
/// with patterns. So each gets it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Names,
    Patterns,
}

/// What a publish did on this node.
#[derive(Default)]
pub(crate) struct Published {
    /// Deliveries appended to outboxes.
    pub(crate) deliveries: usize,
    /// Outboxes that are over half full: their senders should wait a little.
    pub(crate) congested: Vec<Arc<SessionOutbox>>,
    /// What the cluster still has to confirm.
    pub(crate) confirmations: Vec<Confirmation>,
}

impl Broker {
    pub(crate) fn new(stats: Arc<Stats>, filters: Filters, cluster: Option<Arc<Cluster>>) -> Self {
        Self {
            registry: Registry::new(),
            stats,
            cluster,
            hearers: Hearers::default(),
            filters,
        }
    }

    /// Delivers to everybody subscribed to `destination`, by name or by pattern. A large topic is served in turns, so that it holds
    /// no thread; the next message of the same publisher waits for it, which keeps their order.
    pub(crate) async fn publish(
        &self,
        destination: &str,
        headers: &Headers,
        body: &Bytes,
    ) -> Published {
        let rendering = self.rendering(destination, headers, body);
        let mut published = Published::default();
        self.deliver_to_names(destination, &rendering, &mut published)
            .await;
        self.deliver_to_patterns(destination, &rendering, &mut published);
        if let Some(cluster) = &self.cluster {
            published
                .confirmations
                .push(cluster.publish(destination, &rendering));
        }
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        published
    }

    /// Delivers to the sessions of `user`, on all nodes, that are subscribed to `destination`.
    pub(crate) async fn publish_to_user(
        &self,
        user: &UserKey,
        is_here: bool,
        (destination, headers, body): (&str, &Headers, &Bytes),
    ) -> Published {
        let subscribers = self.registry.of_user(user, destination);
        let mut published = Published::default();
        if !subscribers.is_empty() || self.cluster.is_some() {
            let rendering = self.rendering(destination, headers, body);
            self.deliver(subscribers.as_slice(), &rendering, &mut published);
            if let Some(cluster) = &self.cluster {
                published.confirmations = cluster
                    .publish_to_user(user, is_here, (destination, &rendering))
                    .await;
            }
        }
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        published
    }

    /// Delivers to the sessions of `user` on this node that are subscribed to `destination`, and tells no other node.
    pub(crate) fn publish_to_user_here(
        &self,
        user: &UserKey,
        (destination, headers, body): (&str, &Headers, &Bytes),
    ) -> Published {
        let subscribers = self.registry.of_user(user, destination);
        self.publish_to(subscribers.as_slice(), (destination, headers, body))
    }

    /// Delivers to the one session with the id `session`, which is on this node.
    pub(crate) fn publish_to_session(
        &self,
        user: &UserKey,
        session: &str,
        (destination, headers, body): (&str, &Headers, &Bytes),
    ) -> Published {
        let mut subscribers = self.registry.of_user(user, destination);
        subscribers.retain(|one| one.session().id() == session);
        self.publish_to(subscribers.as_slice(), (destination, headers, body))
    }

    fn publish_to(
        &self,
        subscribers: &[Arc<Subscription>],
        (destination, headers, body): (&str, &Headers, &Bytes),
    ) -> Published {
        let mut published = Published::default();
        if !subscribers.is_empty() {
            let rendering = self.rendering(destination, headers, body);
            self.deliver(subscribers, &rendering, &mut published);
        }
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        published
    }

    /// Delivers what another node published.
    pub(crate) async fn deliver_remote(&self, destination: &str, payload: Payload, reach: Reach) {
        let parts = Parts::of(&payload);
        if Hearers::is_address(destination) {
            if reach == Reach::Names {
                self.hearers.hear(destination, parts.1);
            }
            return;
        }
        let Some(rendering) = self.received(destination, payload, &parts) else {
            return;
        };
        let mut published = Published::default();
        match reach {
            Reach::Names => {
                self.deliver_to_names(destination, &rendering, &mut published)
                    .await;
            }
            Reach::Patterns => {
                self.deliver_to_patterns(destination, &rendering, &mut published);
            }
        }
    }

    /// Delivers to the sessions of `user` on this node what another node published.
    pub(crate) fn deliver_remote_to_user(
        &self,
        user: &UserKey,
        destination: &str,
        payload: Payload,
    ) {
        let subscribers = self.registry.of_user(user, destination);
        let parts = Parts::of(&payload);
        if let Some(rendering) = self.received(destination, payload, &parts) {
            self.deliver(
                subscribers.as_slice(),
                &rendering,
                &mut Published::default(),
            );
        }
    }

    async fn deliver_to_names(
        &self,
        destination: &str,
        rendering: &Rendering<'_>,
        published: &mut Published,
    ) {
        let slices = match self.registry.subscribers(destination) {
            Subscribers::None => return,
            Subscribers::One(one) => return self.deliver(&[one], rendering, published),
            Subscribers::Many(slices) => slices,
        };
        let mut turn = 0;
        for slice in slices {
            if turn >= TURN_SUBSCRIBERS {
                turn = 0;
                tokio::task::yield_now().await;
            }
            turn += slice.len();
            self.deliver(&slice, rendering, published);
        }
    }

    fn deliver_to_patterns(
        &self,
        destination: &str,
        rendering: &Rendering<'_>,
        published: &mut Published,
    ) {
        let matching = self.registry.matching(destination);
        self.deliver(&matching, rendering, published);
    }

    /// The rendering of what another node sent. `None` if a filter of this node must see its parts and they did not come.
    fn received<'a>(
        &'a self,
        destination: &'a str,
        payload: Payload,
        parts: &'a Parts,
    ) -> Option<Rendering<'a>> {
        match payload {
            Payload::Parts(..) => Some(self.rendering(destination, &parts.0, &parts.1)),
            Payload::Tails(tails) => {
                if self
                    .filters
                    .iter()
                    .any(|(names, _)| names.matches(destination))
                {
                    tracing::error!(
                        destination,
                        "the sending node has no filter for this destination and this one has: nothing is delivered"
                    );
                    return None;
                }
                Some(Rendering::received(
                    destination,
                    tails,
                    (&parts.0, &parts.1),
                ))
            }
        }
    }

    fn rendering<'a>(
        &'a self,
        destination: &'a str,
        headers: &'a Headers,
        body: &'a Bytes,
    ) -> Rendering<'a> {
        let filter = self
            .filters
            .iter()
            .find(|(names, _)| names.matches(destination));
        Rendering::new(destination, headers, body).filtered(filter.map(|(_, filter)| &**filter))
    }

    fn deliver(
        &self,
        subscribers: &[Arc<Subscription>],
        rendering: &Rendering<'_>,
        published: &mut Published,
    ) {
        let before = published.deliveries;
        for subscriber in subscribers {
            match subscriber.deliver(rendering) {
                Push::Queued => published.deliveries += 1,
                Push::Congested => {
                    published.deliveries += 1;
                    published
                        .congested
                        .push(Arc::clone(subscriber.session().outbox()));
                }
                Push::Full => {
                    self.stats.overflows.fetch_add(1, Ordering::Relaxed);
                }
                Push::Ended | Push::Skipped => {}
            }
        }
        let added = u64::try_from(published.deliveries - before).unwrap_or_default();
        self.stats.deliveries.fetch_add(added, Ordering::Relaxed);
    }
}

/// Headers and body of a message that came in parts; nothing of one that came rendered.
struct Parts(Headers, Bytes);

impl Parts {
    fn of(payload: &Payload) -> Self {
        match payload {
            Payload::Parts(headers, body) => Self(headers.clone(), body.clone()),
            Payload::Tails(_) => Self(Headers::new(), Bytes::new()),
        }
    }
}

impl Published {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.deliveries += other.deliveries;
        self.congested.append(&mut other.congested);
        self.confirmations.append(&mut other.confirmations);
    }

    /// Waits until the cluster has confirmed everything. The first failure, if there was one.
    pub(crate) async fn confirmed(&mut self) -> Result<(), BackplaneError> {
        let mut result = Ok(());
        for confirmation in std::mem::take(&mut self.confirmations) {
            result = result.and(confirmation.await);
        }
        result
    }
}
