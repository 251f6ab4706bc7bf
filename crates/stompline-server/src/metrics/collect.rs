//! What is read from the parts of the server when somebody asks for the metrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use stompline::Stompline;
use stompline_chat::app::Chat;

use crate::jwks::Jwks;

/// Name, meaning and value.
type Figure<'a> = (&'a str, &'a str, u64);

fn gauges(encoder: &mut DescriptorEncoder<'_>, figures: &[Figure<'_>]) -> fmt::Result {
    for (name, help, value) in figures {
        let gauge = ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX));
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
    }
    Ok(())
}

fn counters(encoder: &mut DescriptorEncoder<'_>, figures: &[Figure<'_>]) -> fmt::Result {
    for (name, help, value) in figures {
        let counter = ConstCounter::new(*value);
        let descriptor = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(descriptor)?;
    }
    Ok(())
}

/// The counters of the node, read when somebody asks.
pub(super) struct Node(pub(super) Stompline);

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

impl Collector for Node {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.stats();
        gauges(
            &mut encoder,
            &[
                (
                    "sessions_open",
                    "Sessions that are connected",
                    now.sessions_open,
                ),
                ("users_online", "Users with a session", now.users_online),
                (
                    "destinations",
                    "Destinations with a subscriber",
                    now.destinations,
                ),
            ],
        )?;
        counters(
            &mut encoder,
            &[
                ("connections", "Connections accepted", now.connections),
                ("sessions", "Sessions that reached CONNECTED", now.sessions),
                ("handshakes_refused", "Handshakes refused", now.refusals),
                ("frames_received", "Frames from clients", now.frames),
                ("messages_published", "Messages published", now.published),
                ("deliveries", "Deliveries put into outboxes", now.deliveries),
                (
                    "outbox_overflows",
                    "Deliveries that found a full outbox",
                    now.overflows,
                ),
                (
                    "frames_rejected",
                    "Frames refused on a session that lives on",
                    now.rejections,
                ),
                ("errors_sent", "ERROR frames sent", now.errors),
                (
                    "undeliverable_sessions",
                    "Sessions that missed what is not text",
                    now.undeliverable,
                ),
            ],
        )?;
        self.encode_cluster(&mut encoder)
    }
}

impl Node {
    /// What crossed between nodes, if there are others.
    fn encode_cluster(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (Some(now), Some(status)) = (self.0.cluster_stats(), self.0.cluster_status()) else {
            return Ok(());
        };
        gauges(
            encoder,
            &[
                (
                    "cluster_links_dark",
                    "Links to other nodes that do not work; /readyz names them",
                    u64::try_from(status.dark.len()).unwrap_or(u64::MAX),
                ),
                (
                    "cluster_interests",
                    "Destinations that this node receives from others",
                    now.interests,
                ),
                (
                    "cluster_lag_max_microseconds",
                    "The longest time from a publish on another node to this one",
                    now.lag_us_max,
                ),
            ],
        )?;
        dark_links(encoder, &status.dark)?;
        counters(
            encoder,
            &[
                ("cluster_sent", "Envelopes to other nodes", now.sent),
                (
                    "cluster_received",
                    "Envelopes from other nodes",
                    now.received,
                ),
                (
                    "cluster_dropped",
                    "Envelopes dropped because this node was too far behind",
                    now.dropped,
                ),
                (
                    "cluster_unavailable",
                    "Messages that could not be handed to other nodes",
                    now.unavailable,
                ),
                (
                    "cluster_lookups",
                    "Users looked up in the directory",
                    now.lookups,
                ),
                (
                    "cluster_relayed",
                    "Requests of SockJS sessions that are on another node",
                    now.relayed,
                ),
                (
                    "cluster_lag_microseconds",
                    "The time that received envelopes were on their way, all together",
                    now.lag_us,
                ),
            ],
        )
    }
}

fn dark_links(encoder: &mut DescriptorEncoder<'_>, links: &[(String, String)]) -> fmt::Result {
    let dark = ConstGauge::new(1_i64);
    let mut family = encoder.encode_descriptor(
        "cluster_link_dark",
        "1 for each link that does not work",
        None,
        dark.metric_type(),
    )?;
    for (link, _) in links {
        dark.encode(family.encode_family(&[("link", link.as_str())])?)?;
    }
    Ok(())
}

/// The counters of the chat.
pub(super) struct Talk(pub(super) Chat);

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Talk")
    }
}

impl Collector for Talk {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.snapshot();
        let dark = u64::from(self.0.store_fault().is_some());
        let held = u64::try_from(now.events_held).unwrap_or(u64::MAX);
        gauges(
            &mut encoder,
            &[
                (
                    "chat_events_held",
                    "Events that wait for others of their conversations",
                    held,
                ),
                (
                    "store_dark",
                    "Whether the database does not answer; /readyz says why",
                    dark,
                ),
            ],
        )?;
        counters(
            &mut encoder,
            &[(
                "chat_gaps",
                "How often events of other nodes did not come in time",
                now.gaps,
            )],
        )
    }
}

/// The keys of the identity provider.
#[derive(Debug)]
pub(super) struct Keys(pub(super) Jwks);

impl Collector for Keys {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.figures();
        gauges(
            &mut encoder,
            &[
                (
                    "jwks_keys",
                    "Keys of the identity provider that are accepted",
                    now.keys as u64,
                ),
                (
                    "jwks_age_seconds",
                    "The time since they were fetched",
                    now.age_s,
                ),
            ],
        )?;
        counters(
            &mut encoder,
            &[
                (
                    "jwks_fetches",
                    "Fetches of the identity provider's keys",
                    now.fetches,
                ),
                (
                    "jwks_fetches_failed",
                    "Fetches that brought no keys",
                    now.failures,
                ),
            ],
        )
    }
}
