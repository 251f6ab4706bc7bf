//! The numbers of the running server, in the text form of Prometheus.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use stompline::{ClusterSnapshot, Stompline};
use stompline_chat::app::Chat;

/// What `/metrics` answers with, as its content type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of this process.
pub(crate) struct Metrics {
    registry: Registry,
    stompline: Stompline,
    chat: Chat,
}

impl Metrics {
    /// Starts with what is known about the process itself.
    pub(crate) fn new(stompline: Stompline, chat: Chat) -> Self {
        let mut registry = Registry::with_prefix("stompline");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that answers", build);
        let started: Gauge = Gauge::default();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        started.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        registry.register_with_unit(
            "start_time",
            "When the process started, since 1970",
            Unit::Seconds,
            started,
        );
        registry.register_collector(Box::new(Node(stompline.clone())));
        registry.register_collector(Box::new(Talk(chat.clone())));
        Self {
            registry,
            stompline,
            chat,
        }
    }

    /// What this node needs and cannot reach, each with the reason: links to other nodes, and the store.
    pub(crate) fn dark(&self) -> Vec<(String, String)> {
        let links = self.stompline.cluster_status();
        let store = self.chat.store_fault();
        links
            .map_or_else(Vec::new, |status| status.dark)
            .into_iter()
            .chain(store.map(|why| ("store".to_owned(), why)))
            .collect()
    }

    /// The text of `/metrics`.
    pub(crate) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The counters of the node, read when somebody asks.
struct Node(Stompline);

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

impl Collector for Node {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.stats();
        for (name, help, value) in [
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
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
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
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        self.encode_cluster(&mut encoder)
    }
}

impl Node {
    /// What crossed between nodes, if there are others.
    fn encode_cluster(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (Some(now), Some(status)) = (self.0.cluster_stats(), self.0.cluster_status()) else {
            return Ok(());
        };
        for (name, help, value) in [
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
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let dark = ConstGauge::new(1_i64);
        let mut family = encoder.encode_descriptor(
            "cluster_link_dark",
            "1 for each link that does not work",
            None,
            dark.metric_type(),
        )?;
        for (link, _) in &status.dark {
            dark.encode(family.encode_family(&[("link", link.as_str())])?)?;
        }
        encode_traffic(&now, encoder)
    }
}

/// The counters among what crossed.
fn encode_traffic(now: &ClusterSnapshot, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in [
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
    ] {
        let counter = ConstCounter::new(value);
        let descriptor = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(descriptor)?;
    }
    Ok(())
}

/// The counters of the chat.
struct Talk(Chat);

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Talk")
    }
}

impl Collector for Talk {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.snapshot();
        let held = ConstGauge::new(i64::try_from(now.events_held).unwrap_or(i64::MAX));
        held.encode(encoder.encode_descriptor(
            "chat_events_held",
            "Events that wait for others of their conversations",
            None,
            held.metric_type(),
        )?)?;
        let dark = ConstGauge::new(i64::from(self.0.store_fault().is_some()));
        dark.encode(encoder.encode_descriptor(
            "store_dark",
            "Whether the database does not answer; /readyz says why",
            None,
            dark.metric_type(),
        )?)?;
        let gaps = ConstCounter::new(now.gaps);
        gaps.encode(encoder.encode_descriptor(
            "chat_gaps",
            "How often events of other nodes did not come in time",
            None,
            gaps.metric_type(),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stompline_chat::app::ChatSettings;
    use stompline_chat::store::sqlite::{SqliteSettings, SqliteStore};

    use super::*;

    #[tokio::test]
    async fn text_names_the_build_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("chat.sqlite");
        let (store, _) = SqliteStore::open(&file, SqliteSettings::default())
            .await
            .unwrap();
        let chat = Chat::new(Arc::new(store), ChatSettings::default());
        let app = Stompline::builder::<()>().build().unwrap();
        let text = Metrics::new(app, chat).render().unwrap();
        let build = format!(
            r#"stompline_build_info{{version="{}"}} 1"#,
            env!("CARGO_PKG_VERSION")
        );
        assert!(text.contains(&build), "{text}");
        assert!(text.contains("stompline_start_time_seconds "), "{text}");
        for line in ["stompline_store_dark 0", "stompline_chat_gaps_total 0"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
