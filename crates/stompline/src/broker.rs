//! Brings messages to subscribers.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use stompline_proto::Headers;
use stompline_sockjs::Push;

use crate::{
    filter::Filters,
    name::UserKey,
    registry::{Registry, Slice},
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
    filters: Filters,
}

/// What a publish did on this node.
#[derive(Default)]
pub(crate) struct Published {
    /// Deliveries appended to outboxes.
    pub(crate) deliveries: usize,
    /// Outboxes that are over half full: their senders should wait a little.
    pub(crate) congested: Vec<Arc<SessionOutbox>>,
}

impl Broker {
    pub(crate) fn new(stats: Arc<Stats>, filters: Filters) -> Self {
        Self {
            registry: Registry::new(),
            stats,
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
        let mut turn = 0;
        for slice in self.registry.slices(destination) {
            if turn >= TURN_SUBSCRIBERS {
                turn = 0;
                tokio::task::yield_now().await;
            }
            turn += slice.len();
            self.deliver(&slice, &rendering, &mut published);
        }
        let matching: Slice = Arc::new(self.registry.matching(destination));
        self.deliver(&matching, &rendering, &mut published);
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        published
    }

    /// Delivers to the sessions of `user`, or to the one with the id `session`, that are subscribed to `/user` + `destination`.
    pub(crate) fn publish_to_user(
        &self,
        user: &UserKey,
        session: Option<&str>,
        (destination, headers, body): (&str, &Headers, &Bytes),
    ) -> Published {
        let mut subscribers = self.registry.of_user(user, destination);
        if let Some(session) = session {
            subscribers.retain(|one| one.session().id() == session);
        }
        let mut published = Published::default();
        if !subscribers.is_empty() {
            let rendering = self.rendering(destination, headers, body);
            self.deliver(&subscribers, &rendering, &mut published);
        }
        self.stats.published.fetch_add(1, Ordering::Relaxed);
        published
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

impl Published {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.deliveries += other.deliveries;
        self.congested.append(&mut other.congested);
    }
}
