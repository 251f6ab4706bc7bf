//! The numbers of the running server, in the text form of Prometheus.

mod collect;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use stompline::Stompline;
use stompline_chat::app::Chat;

use self::collect::{Keys, Node, Talk};
use crate::jwks::Jwks;
use crate::session_log::SessionsEnded;

/// What `/metrics` answers with, as its content type.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of this process.
pub(crate) struct Metrics {
    registry: Registry,
    stompline: Stompline,
    chat: Chat,
    jwks: Option<Jwks>,
}

impl Metrics {
    /// Starts with what is known about the process itself.
    pub(crate) fn new(
        stompline: Stompline,
        chat: Chat,
        ended: &SessionsEnded,
        jwks: Option<Jwks>,
    ) -> Self {
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
        ended.register(&mut registry);
        registry.register_collector(Box::new(Node(stompline.clone())));
        registry.register_collector(Box::new(Talk(chat.clone())));
        if let Some(jwks) = &jwks {
            registry.register_collector(Box::new(Keys(jwks.clone())));
        }
        Self {
            registry,
            stompline,
            chat,
            jwks,
        }
    }

    /// What this node needs and cannot reach, each with the reason: links to other nodes, the store, the identity provider.
    pub(crate) fn dark(&self) -> Vec<(String, String)> {
        let links = self.stompline.cluster_status();
        let store = self.chat.store_fault();
        let keys = self.jwks.as_ref().and_then(Jwks::fault);
        links
            .map_or_else(Vec::new, |status| status.dark)
            .into_iter()
            .chain(store.map(|why| ("store".to_owned(), why)))
            .chain(keys.map(|why| ("jwks".to_owned(), why)))
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
        let text = Metrics::new(app, chat, &SessionsEnded::default(), None)
            .render()
            .unwrap();
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
