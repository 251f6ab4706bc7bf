//! Which pages may connect.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::header::ORIGIN;

use super::error::excerpt;
use super::handshake::HandshakeRefusal;
use super::proxy::TrustedProxies;
use super::request::HandshakeRequest;

/// A text that is no origin and no pattern of origins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no origin; allowed are https://example.com, https://*.example.com, \
     http://localhost:8080, a port list as in http://localhost:[8080,8081], any port as in \
     http://localhost:[*], and `*`"
)]
pub struct OriginError {
    /// The refused text.
    pub text: Box<str>,
}

/// A page that may not connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the origin {origin:?} is not allowed")]
pub struct OriginForbidden {
    /// What the browser said, cut to 128 characters.
    pub origin: Box<str>,
}

impl From<OriginForbidden> for HandshakeRefusal {
    fn from(forbidden: OriginForbidden) -> Self {
        let message = "pages of this origin may not connect";
        Self::new(StatusCode::FORBIDDEN, "origin_forbidden", message)
            .with_reason(forbidden.to_string())
    }
}

/// Which origins may connect, besides the server's own.
///
/// - The same origin always may: host and port of `Origin` equal those the request was sent to.
/// - A request without `Origin` may: it does not come from a page, and other programs can claim any.
/// - An origin in the list may: `https://example.com`, with its subdomains `https://*.example.com`
///   (which does not include `example.com`), with any port `http://localhost:[*]`, with some
///   `http://localhost:[8080,8081]`, or `null`.
/// - `*` in the list: everybody may. Right where a token is needed that no browser adds by itself.
///
/// A clone shares the list.
#[derive(Clone, PartialEq, Eq)]
pub struct OriginRules {
    any: bool,
    allowed: Arc<[Allowed]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    /// What browsers send for local files and sandboxed frames.
    Null,
    Pattern {
        scheme: Box<str>,
        host: HostPattern,
        port: PortPattern,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exact(Box<str>),
    /// `.example.com`: what subdomains end in.
    Subdomains(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortPattern {
    Any,
    OneOf(Box<[u16]>),
}

/// An origin as RFC 6454 writes it, in lower case.
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl OriginRules {
    /// Everybody may.
    pub fn any() -> Self {
        Self {
            any: true,
            allowed: Arc::default(),
        }
    }

    /// Only the server's own pages may. The safe choice for tokens in cookies.
    pub fn same_origin() -> Self {
        Self {
            any: false,
            allowed: Arc::default(),
        }
    }

    /// The origins of the list may, as well as the server's own.
    ///
    /// # Errors
    ///
    /// A text is no origin; it is named, with what is allowed.
    pub fn parse<T: AsRef<str>>(list: impl IntoIterator<Item = T>) -> Result<Self, OriginError> {
        let mut any = false;
        let mut allowed = Vec::new();
        for text in list {
            match text.as_ref().trim() {
                "*" => any = true,
                "null" => allowed.push(Allowed::Null),
                text => {
                    let error = || OriginError { text: text.into() };
                    allowed.push(Allowed::parse(text).ok_or_else(error)?);
                }
            }
        }
        Ok(Self {
            any,
            allowed: allowed.into(),
        })
    }

    /// Whether everybody may, so that a cookie must not be what opens the door.
    pub fn allow_any(&self) -> bool {
        self.any
    }

    /// Whether the list has `origin`, which is written `scheme://host` or `scheme://host:port`.
    ///
    /// A text that is no origin is never in it, `null` and what `*` lets connect included: whoever asks
    /// wants to name the origin to somebody.
    pub fn contains(&self, origin: &str) -> bool {
        Origin::parse(origin).is_some_and(|origin| {
            self.any || self.allowed.iter().any(|allowed| allowed.matches(&origin))
        })
    }

    /// Whether the page that sent the request may connect.
    ///
    /// A forwarded host counts only if `proxies` trust the peer.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn check(
        &self,
        request: &HandshakeRequest<'_>,
        proxies: &TrustedProxies,
    ) -> Result<(), OriginForbidden> {
        let Some(value) = request.headers().get(ORIGIN) else {
            return Ok(());
        };
        if self.any {
            return Ok(());
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = text.trim();
        let allowed = match Origin::parse(text) {
            Some(origin) => {
                self.allowed.iter().any(|allowed| allowed.matches(&origin))
                    || is_same(&origin, request, proxies)
            }
            None => text == "null" && self.allowed.contains(&Allowed::Null),
        };
        if allowed {
            Ok(())
        } else {
            Err(OriginForbidden {
                origin: excerpt(text, 128),
            })
        }
    }
}

/// Whether the request went to the origin it came from.
fn is_same(origin: &Origin, request: &HandshakeRequest<'_>, proxies: &TrustedProxies) -> bool {
    // Behind a proxy that ends TLS we cannot know the scheme, so host and port decide; the port that is
    // not written is then the one of the origin's scheme.
    if request
        .authority()
        .is_some_and(|authority| origin.is_at(authority))
    {
        return true;
    }
    let Some(target) = proxies.target(request.peer().ip(), request.headers()) else {
        return false;
    };
    let scheme_fits = target
        .scheme
        .is_none_or(|scheme| origin.scheme.eq_ignore_ascii_case(scheme));
    scheme_fits && origin.is_at(target.authority)
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let (host, port) = split_port(authority)?;
        if !is_scheme(scheme) || !is_host(host) {
            return None;
        }
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            Some(_) => return None,
            None => default_port(scheme),
        };
        Some(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port,
        })
    }

    /// Whether this origin's host and port are those of a `Host` header.
    fn is_at(&self, authority: &str) -> bool {
        let Some((host, port)) = split_port(authority) else {
            return false;
        };
        let port = match port {
            Some(port) => port.parse().ok(),
            None => Some(default_port(&self.scheme)),
        };
        host.eq_ignore_ascii_case(&self.host) && port == Some(self.port)
    }
}

impl Allowed {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        // An IPv6 address ends in `]` as well, but has a `[` only in front.
        let listed = authority
            .strip_suffix(']')
            .and_then(|rest| rest.rsplit_once(":["));
        let (host, port) = if let Some((host, list)) = listed {
            (host, port_list(list)?)
        } else {
            let (host, port) = split_port(authority)?;
            let port = match port {
                Some(port) => port.parse().ok()?,
                None => default_port(scheme),
            };
            (host, PortPattern::OneOf([port].into()))
        };
        let (bare, host) = match host.strip_prefix("*.") {
            Some(domain) => (domain, HostPattern::Subdomains(format!(".{domain}").into())),
            None => (host, HostPattern::Exact(host.into())),
        };
        if !is_scheme(scheme) || !is_host(bare) {
            return None;
        }
        Some(Self::Pattern {
            scheme: scheme.into(),
            host,
            port,
        })
    }

    fn matches(&self, origin: &Origin) -> bool {
        let Self::Pattern { scheme, host, port } = self else {
            return false;
        };
        let host_fits = match host {
            HostPattern::Exact(host) => **host == *origin.host,
            HostPattern::Subdomains(end) => origin
                .host
                .strip_suffix(&**end)
                .is_some_and(|labels| !labels.is_empty()),
        };
        let port_fits = match port {
            PortPattern::Any => true,
            PortPattern::OneOf(ports) => ports.contains(&origin.port),
        };
        **scheme == *origin.scheme && host_fits && port_fits
    }
}

fn port_list(list: &str) -> Option<PortPattern> {
    if list == "*" {
        return Some(PortPattern::Any);
    }
    let ports: Option<Vec<u16>> = list
        .split(',')
        .map(|port| port.trim().parse().ok())
        .collect();
    ports.map(|ports| PortPattern::OneOf(ports.into()))
}

/// Splits host and port; an IPv6 address keeps its brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let host_end = authority.find(']').map_or(0, |at| at + 1);
    match authority[host_end..].find(':') {
        Some(at) => {
            let (host, port) = authority.split_at(host_end + at);
            Some((host, Some(&port[1..])))
        }
        None if host_end == 0 || host_end == authority.len() => Some((authority, None)),
        None => None,
    }
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "https" | "wss" => 443,
        "http" | "ws" => 80,
        // Other schemes (apps, extensions) have no ports; all of theirs are equal then.
        _ => 0,
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn is_host(text: &str) -> bool {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let (text, others) = bracketed.map_or((text, "-._"), |address| (address, ":."));
    !text.is_empty()
        && !text.starts_with('.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

impl fmt::Debug for OriginRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.any {
            return f.write_str("OriginRules(*)");
        }
        f.debug_tuple("OriginRules").field(&self.allowed).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::header::HeaderName;
    use http::{HeaderMap, Method, Uri};

    use super::*;

    fn check(rules: &OriginRules, pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let uri = Uri::from_static("/ws/chat");
        let peer = SocketAddr::from(([10, 0, 0, 1], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, peer);
        let proxies = TrustedProxies::parse(["10.0.0.1"]).unwrap();
        rules.check(&request, &proxies).is_ok()
    }

    #[test]
    fn listed_origins_pass() {
        for (allowed, origin, want) in [
            ("https://a.com", "https://a.com", true),
            ("https://a.com", "HTTPS://A.COM", true),
            ("https://a.com", "https://a.com:443", true),
            ("https://a.com:443", "https://a.com", true),
            ("https://a.com", "http://a.com", false),
            ("https://a.com", "https://a.com:8443", false),
            ("https://a.com", "https://a.com.evil.com", false),
            ("https://a.com", "https://evila.com", false),
            ("https://*.a.com", "https://b.a.com", true),
            ("https://*.a.com", "https://c.b.a.com", true),
            ("https://*.a.com", "https://a.com", false),
            ("https://*.a.com", "https://.a.com", false),
            ("https://*.a.com", "https://evila.com", false),
            ("https://*.a.com", "https://b.a.com:8443", false),
            ("http://localhost:[*]", "http://localhost:3000", true),
            ("http://localhost:[*]", "https://localhost:3000", false),
            (
                "http://localhost:[3000, 3001]",
                "http://localhost:3001",
                true,
            ),
            (
                "http://localhost:[3000,3001]",
                "http://localhost:3002",
                false,
            ),
            ("https://*.a.com:[*]", "https://b.a.com:8443", true),
            ("http://[::1]:3000", "http://[::1]:3000", true),
            ("http://[::1]", "http://[::1]", true),
            ("http://[::1]:[*]", "http://[::1]:9", true),
            ("null", "null", true),
            ("https://a.com", "null", false),
            ("*", "null", true),
            ("*", "rubbish", true),
            ("https://a.com", "rubbish", false),
            ("https://a.com", "https://a.com/", false),
            ("https://a.com", "", false),
            ("capacitor://localhost", "capacitor://localhost", true),
        ] {
            let rules = OriginRules::parse([allowed]).unwrap();
            let passes = check(&rules, &[("origin", origin), ("host", "server")]);
            assert_eq!(passes, want, "{origin} with {allowed}");
        }
    }

    #[test]
    fn only_origins_are_contained() {
        for (allowed, origin, want) in [
            ("https://a.com", "https://a.com", true),
            ("https://a.com", "https://a.com:8443", false),
            ("https://*.a.com", "https://b.a.com", true),
            ("http://localhost:[*]", "http://localhost:3000", true),
            ("*", "https://a.com", true),
            ("*", "http://[::1]:80", true),
            ("*", "null", false),
            ("null", "null", false),
            ("*", "https://a.com/", false),
            ("*", "https://a.com; script-src *", false),
            ("*", "https://*.a.com", false),
            ("*", "https://a.com,b.com", false),
            ("*", "https://a.com:+80", false),
            ("*", "https://a.com:", false),
            ("*", "", false),
        ] {
            let rules = OriginRules::parse([allowed]).unwrap();
            assert_eq!(rules.contains(origin), want, "{origin} in {allowed}");
        }
    }

    #[test]
    fn same_origin_passes() {
        for (origin, host, want) in [
            ("https://chat.a.com", "chat.a.com", true),
            ("https://chat.a.com", "CHAT.a.com:443", true),
            ("http://chat.a.com", "chat.a.com", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8081", false),
            ("https://chat.a.com", "chat.a.com:8443", false),
            ("https://a.com", "chat.a.com", false),
            ("null", "null", false),
        ] {
            let passes = check(
                &OriginRules::same_origin(),
                &[("origin", origin), ("host", host)],
            );
            assert_eq!(passes, want, "{origin} at {host}");
        }
    }

    #[test]
    fn absent_origin_passes() {
        assert!(check(&OriginRules::same_origin(), &[("host", "a.com")]));
    }

    #[test]
    fn forwarded_host_counts_from_trusted_proxies() {
        let origin = ("origin", "https://chat.a.com");
        let forwarded = ("x-forwarded-host", "chat.a.com");
        let rules = OriginRules::same_origin();
        assert!(check(
            &rules,
            &[origin, ("host", "backend:8080"), forwarded]
        ));
        let proto = |scheme| ("x-forwarded-proto", scheme);
        assert!(check(
            &rules,
            &[origin, ("host", "backend"), forwarded, proto("https")]
        ));
        assert!(!check(
            &rules,
            &[origin, ("host", "backend"), forwarded, proto("http")]
        ));

        let mut headers = HeaderMap::new();
        headers.insert("origin", "https://chat.a.com".parse().unwrap());
        headers.insert("x-forwarded-host", "chat.a.com".parse().unwrap());
        let uri = Uri::from_static("/ws/chat");
        let stranger = SocketAddr::from(([9, 9, 9, 9], 9));
        let request = HandshakeRequest::new(&Method::GET, &uri, &headers, stranger);
        let forbidden = rules.check(&request, &TrustedProxies::none()).unwrap_err();
        assert_eq!(
            forbidden.to_string(),
            "the origin \"https://chat.a.com\" is not allowed"
        );
        let refusal = HandshakeRefusal::from(forbidden);
        assert_eq!(
            (refusal.status(), refusal.code()),
            (StatusCode::FORBIDDEN, "origin_forbidden")
        );
        assert!(!refusal.message().contains("a.com"));
    }

    #[test]
    fn bad_rules_are_named() {
        for text in [
            "",
            "a.com",
            "https://",
            "https://*",
            "https://*a.com",
            "https://a.*.com",
            "https://a.com/",
            "https://a.com/path",
            "https://a.com:99999",
            "https://a.com:[x]",
            "https://*.",
            "*.a.com",
            "://a.com",
        ] {
            let error = OriginRules::parse([text]).unwrap_err();
            assert_eq!(&*error.text, text);
        }
        assert!(
            OriginRules::parse(["https://a.com", "*"])
                .unwrap()
                .allow_any()
        );
        assert!(!OriginRules::parse(["https://a.com"]).unwrap().allow_any());
    }
}
