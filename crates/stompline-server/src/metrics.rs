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
use stompline::Stompline;

use crate::jwks::Jwks;

/// What `/metrics` answers with, as its content type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of this process.
pub(crate) struct Metrics {
    registry: Registry,
    stompline: Stompline,
    jwks: Option<Jwks>,
}

impl Metrics {
    /// Starts with what is known about the process itself.
    pub(crate) fn new(stompline: Stompline, jwks: Option<Jwks>) -> Self {
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
        if let Some(jwks) = &jwks {
            registry.register_collector(Box::new(Keys(jwks.clone())));
        }
        Self {
            registry,
            stompline,
            jwks,
        }
    }

    /// The links to other nodes and to the identity provider that do not work, each with the reason.
    pub(crate) fn dark(&self) -> Vec<(String, String)> {
        let status = self.stompline.cluster_status();
        let mut dark = status.map_or_else(Vec::new, |status| status.dark);
        let fault = self.jwks.as_ref().and_then(Jwks::fault);
        dark.extend(fault.map(|why| ("jwks".to_owned(), why)));
        dark
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
}

/// The keys of the identity provider.
#[derive(Debug)]
struct Keys(Jwks);

impl Collector for Keys {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.0.figures();
        for (name, help, value) in [
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
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
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
        ] {
            let counter = ConstCounter::new(value);
            let descriptor = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(descriptor)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_the_build_and_ends() {
        let text = Metrics::new(Stompline::builder::<()>().build().unwrap(), None)
            .render()
            .unwrap();
        let build = format!(
            r#"stompline_build_info{{version="{}"}} 1"#,
            env!("CARGO_PKG_VERSION")
        );
        assert!(text.contains(&build), "{text}");
        assert!(text.contains("stompline_start_time_seconds "), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
