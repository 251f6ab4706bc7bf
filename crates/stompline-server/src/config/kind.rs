//! What a key may hold: checked, brought into one form, and described.

use std::net::SocketAddr;

use stompline::DestinationPattern;
use stompline::auth::{OriginRules, TrustedProxies};
use toml::Value;
use tracing_subscriber::EnvFilter;

use super::access::who;
use super::quantity::Unit;
use super::store;
use crate::jwks::Address;

/// The type of a key's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text but an empty one.
    Text,
    /// A text that is never printed.
    Secret,
    /// A file or directory, relative to the working directory.
    Path,
    /// An IP address and a port.
    Address,
    /// `true` or `false`.
    Flag,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A number of `unit` from `min` to `max`.
    Number { unit: Unit, min: u64, max: u64 },
    /// The path of an endpoint: `/ws/chat`.
    UrlPath,
    /// Where the store is: `sqlite:FILE` or `postgres://...`.
    StoreUrl,
    /// A level, or levels by module: `info,stompline=debug`.
    LogFilter,
    /// What a page of ours fetches or leads to: a path of this server, or https.
    WebAddress,
    /// A list whose items are of one simple kind.
    List(&'static Kind),
    /// One origin of a browser page, `*` as a wildcard in it.
    Origin,
    /// An address or a CIDR range.
    Network,
    /// A destination, or a pattern of destinations.
    Destination,
    /// Whom an access rule is for.
    Who,
    /// A list of tables; their keys have rows of their own under `path[]`.
    Tables,
}

/// The value is not what the key takes.
pub(crate) struct Mismatch;

impl Kind {
    /// A count from `min` upwards.
    pub(crate) const fn count(min: u64) -> Self {
        Self::number(Unit::Count, min)
    }

    /// A number of `unit`, `min` at least, up to what 32 bits hold: no limit needs more.
    pub(crate) const fn number(unit: Unit, min: u64) -> Self {
        Self::Number {
            unit,
            min,
            max: u32::MAX as u64,
        }
    }

    /// Whether values of this kind must never be printed.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::Secret | Self::List(Self::Secret))
    }

    /// Whether what was given must not be repeated: it is a secret or may hold one.
    pub(crate) fn may_hold_secret(&self) -> bool {
        self.is_secret() || matches!(self, Self::StoreUrl)
    }

    /// Checks a value from a file and brings it into the form that the settings are read from:
    /// numbers with a unit become plain numbers.
    pub(crate) fn check(&self, value: Value) -> Result<Value, Mismatch> {
        match (self, value) {
            (Self::Flag, Value::Boolean(flag)) => Ok(Value::Boolean(flag)),
            (Self::Number { min, max, .. }, Value::Integer(number)) => {
                in_range(u64::try_from(number).ok(), *min, *max)
            }
            (Self::List(item), Value::Array(values)) => {
                let values: Result<_, _> = values.into_iter().map(|v| item.check(v)).collect();
                values.map(Value::Array)
            }
            (Self::Flag | Self::List(_) | Self::Tables, _) => Err(Mismatch),
            (kind, Value::String(text)) => kind.parse(&text),
            _ => Err(Mismatch),
        }
    }

    /// Reads a text, as the environment and the command line give it. Lists are separated by
    /// commas here; the TOML form is the caller's business.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, Mismatch> {
        let text = text.trim();
        match self {
            Self::Flag => text.parse().map(Value::Boolean).map_err(|_| Mismatch),
            Self::Number { unit, min, max } => in_range(unit.parse(text), *min, *max),
            Self::List(item) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                let values: Result<_, _> = parts.map(|part| item.parse(part)).collect();
                values.map(Value::Array)
            }
            Self::Tables => Err(Mismatch),
            _ if self.takes(text) => Ok(Value::String(text.to_owned())),
            _ => Err(Mismatch),
        }
    }

    /// Whether a kind that is a text takes this one.
    fn takes(&self, text: &str) -> bool {
        match self {
            Self::Text | Self::Secret | Self::Path => !text.is_empty(),
            Self::Address => text.parse::<SocketAddr>().is_ok(),
            Self::Choice(words) => words.contains(&text),
            Self::UrlPath => is_url_path(text),
            Self::StoreUrl => store::is_url(text),
            Self::WebAddress => is_web_address(text),
            Self::LogFilter => !text.is_empty() && EnvFilter::builder().parse(text).is_ok(),
            Self::Origin => OriginRules::parse([text]).is_ok(),
            Self::Network => TrustedProxies::parse([text]).is_ok(),
            Self::Destination => DestinationPattern::parse(text).is_ok(),
            Self::Who => who(text).is_some(),
            Self::Flag | Self::Number { .. } | Self::List(_) | Self::Tables => false,
        }
    }

    /// What is allowed, as it follows "must be" or stands after "type".
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Secret => "a text (secret)".into(),
            Self::Path => "a path".into(),
            Self::Address => "an IP address and port such as 127.0.0.1:8080".into(),
            Self::Flag => "true or false".into(),
            Self::Choice(words) => words.join(" or "),
            Self::Number { unit, min, max } => number_words(*unit, *min, *max),
            Self::UrlPath => "a path such as /ws/chat, without a slash at its end".into(),
            Self::StoreUrl => "sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE".into(),
            Self::LogFilter => {
                "error, warn, info, debug or trace, or by module: info,stompline=debug".into()
            }
            Self::WebAddress => {
                "a path of this server such as /token, or an https address (http on this machine only)"
                    .into()
            }
            Self::List(item) => format!("a list, each item {}", item.words()),
            Self::Origin => "* or an origin such as https://*.example.com".into(),
            Self::Network => "an IP address or a range such as 10.0.0.0/8".into(),
            Self::Destination => "a destination such as /topic/news or /topic/news/**".into(),
            Self::Who => "anyone, type:TYPE, role:ROLE or claim:NAME=VALUE".into(),
            Self::Tables => "a list of tables".into(),
        }
    }
}

fn in_range(number: Option<u64>, min: u64, max: u64) -> Result<Value, Mismatch> {
    let number = number
        .filter(|number| (min..=max).contains(number))
        .ok_or(Mismatch)?;
    i64::try_from(number)
        .map(Value::Integer)
        .map_err(|_| Mismatch)
}

fn number_words(unit: Unit, min: u64, max: u64) -> String {
    let words = format!("a whole number{} from {min} to {max}", unit.words());
    match unit.example() {
        Some(example) => format!("{words}, or a text such as \"{example}\""),
        None => words,
    }
}

/// Two slashes, or a slash and a backslash, would lead a browser to another server.
fn is_web_address(text: &str) -> bool {
    if text.starts_with('/') {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
        return !text.starts_with("//") && text.bytes().all(is_plain);
    }
    Address::parse(text).is_ok_and(|address| OriginRules::any().contains(&address.origin()))
}

fn is_url_path(text: &str) -> bool {
    text.len() > 1
        && text.split('/').enumerate().all(|(index, part)| {
            (index == 0) == part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(kind: Kind, text: &str) -> bool {
        kind.parse(text).is_ok()
    }

    #[test]
    fn url_paths_start_but_never_end_with_slash() {
        for good in ["/ws", "/ws/chat", "/a-b/c.d"] {
            assert!(takes(Kind::UrlPath, good), "{good}");
        }
        for bad in ["", "/", "ws", "/ws/", "/ws//chat", "/ws/{id}", "/ws chat"] {
            assert!(!takes(Kind::UrlPath, bad), "{bad}");
        }
    }

    #[test]
    fn origins_have_no_path() {
        for good in [
            "*",
            "https://example.com",
            "https://*.example.com",
            "http://localhost:5173",
        ] {
            assert!(takes(Kind::Origin, good), "{good}");
        }
        for bad in ["", "example.com", "https://example.com/", "https://"] {
            assert!(!takes(Kind::Origin, bad), "{bad}");
        }
    }

    #[test]
    fn web_addresses_keep_tokens_safe() {
        for good in [
            "/token",
            "/staff/token?for=chat",
            "https://staff.example.com/token",
            "http://localhost:8081/token",
        ] {
            assert!(takes(Kind::WebAddress, good), "{good}");
        }
        for bad in [
            "",
            "token",
            "//evil.example/token",
            "/\\evil.example/token",
            "/to ken",
            "/token#part",
            "http://staff.example.com/token",
            "https://*.example.com/token",
            "https://a;script-src/token",
            "javascript:alert(1)",
        ] {
            assert!(!takes(Kind::WebAddress, bad), "{bad}");
        }
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let kind = Kind::Number {
            unit: Unit::Seconds,
            min: 1,
            max: 60,
        };
        for (text, expected) in [("0", false), ("1", true), ("1m", true), ("61", false)] {
            assert_eq!(takes(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn list_text_splits_at_commas() {
        let value = Kind::List(&Kind::Network).parse("10.0.0.0/8, ::1 ,").ok();
        assert_eq!(value, Some(Value::from(vec!["10.0.0.0/8", "::1"])));
        assert!(Kind::List(&Kind::Network).parse("10.0.0.0/8,here").is_err());
    }

    #[test]
    fn wrong_types_are_refused() {
        assert!(Kind::Flag.check(Value::from("true")).is_err());
        assert!(Kind::Text.check(Value::from(1)).is_err());
        assert!(Kind::count(0).check(Value::from(-1)).is_err());
        assert!(Kind::List(&Kind::Text).check(Value::from("one")).is_err());
    }
}
