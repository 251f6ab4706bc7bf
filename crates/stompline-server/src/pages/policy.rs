//! What each page may load, talk to, and be shown in (Content Security Policy Level 3).

use axum::http::HeaderValue;
use stompline::auth::OriginRules;

/// What every page may do: load from here, and talk to here. No inline script or style.
const COMMON: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// The policies of the pages, as the configuration wants them.
pub(super) struct Policies {
    /// A page that only this server's own pages may show.
    pub(super) own: HeaderValue,
    pub(super) desk: HeaderValue,
    widget_origins: OriginRules,
}

impl Policies {
    /// `token_origin`: another server that the desk gets its tokens from.
    pub(super) fn new(widget_origins: OriginRules, token_origin: Option<&str>) -> Self {
        Self {
            own: policy(None, None),
            desk: policy(token_origin, None),
            widget_origins,
        }
    }

    /// The widget's policy, where its frame says that it is on a page of `site`.
    ///
    /// The answer names that one site and not the whole list: the list may have forms that the header
    /// cannot express, and is nobody's business. A frame that names another site than the one it is on is
    /// not shown, so the page inside can take the name as true.
    pub(super) fn widget(&self, site: Option<&str>) -> HeaderValue {
        site.filter(|site| self.widget_origins.contains(site))
            .map_or_else(|| self.own.clone(), |site| policy(None, Some(site)))
    }
}

fn policy(connect: Option<&str>, site: Option<&str>) -> HeaderValue {
    let sources = |more: Option<&str>| more.map(|more| format!(" {more}")).unwrap_or_default();
    let text = format!(
        "{COMMON}; connect-src 'self' ws: wss:{}; frame-ancestors 'self'{}",
        sources(connect),
        sources(site)
    );
    HeaderValue::from_str(&text).expect("an origin consists of visible ASCII characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widget(list: &[&str], site: Option<&str>) -> String {
        let policies = Policies::new(OriginRules::parse(list).unwrap(), None);
        policies.widget(site).to_str().unwrap().to_owned()
    }

    #[test]
    fn listed_site_may_show_the_widget() {
        let list = ["https://*.shop.example", "http://localhost:[*]"];
        for (site, want) in [
            (
                Some("https://a.shop.example"),
                "'self' https://a.shop.example",
            ),
            (Some("http://localhost:81"), "'self' http://localhost:81"),
            (Some("https://shop.example"), "'self'"),
            (Some("https://evil.example"), "'self'"),
            (Some("https://a.shop.example; script-src *"), "'self'"),
            (None, "'self'"),
        ] {
            let told = widget(&list, site);
            assert!(
                told.ends_with(&format!("; frame-ancestors {want}")),
                "{site:?}: {told}"
            );
        }
    }

    #[test]
    fn star_lets_every_site_and_nothing_else_in() {
        assert!(widget(&["*"], Some("https://a.example")).ends_with("'self' https://a.example"));
        for rubbish in ["*", "null", "https:", "https://a.example *"] {
            assert!(
                widget(&["*"], Some(rubbish)).ends_with("ancestors 'self'"),
                "{rubbish}"
            );
        }
    }

    #[test]
    fn desk_talks_to_where_its_tokens_are() {
        let policies = Policies::new(OriginRules::same_origin(), Some("https://staff.example"));
        let desk = policies.desk.to_str().unwrap();
        assert!(
            desk.contains("connect-src 'self' ws: wss: https://staff.example;"),
            "{desk}"
        );
        assert!(!policies.own.to_str().unwrap().contains("staff"));
    }
}
