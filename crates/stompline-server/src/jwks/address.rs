//! Where a key set is published.

use std::fmt;

use crate::client::target::Target;

/// An address that keys may be fetched from: https, or http on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) target: Target,
    /// Path and query, as they are sent.
    pub(super) path: String,
}

impl Address {
    /// Reads `https://HOST[:PORT][/PATH][?QUERY]`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence. The text is not repeated.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must not have `#`, blanks or characters outside ASCII".to_owned());
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let is_http = |scheme: &str| {
            scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
        };
        if !scheme.is_some_and(is_http) {
            return Err("must begin with https://".to_owned());
        }
        let (place, query) = match text.find('?') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let target = Target::parse(place).map_err(|what| format!("has {what}"))?;
        if !target.secure && !target.is_loopback() {
            return Err(
                "must begin with https://: over http anybody on the way could put in a key of \
                 their own; http is taken for localhost, 127.0.0.1 and ::1 only"
                    .to_owned(),
            );
        }
        let after_scheme = &place[place.find("://").map_or(0, |at| at + 3)..];
        let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
        Ok(Self {
            path: format!("{path}{query}"),
            target,
        })
    }

    /// Scheme, host and port, as a browser writes an origin.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.target.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.target.authority())
    }
}

/// Without the query, which may identify somebody.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, path, shown) in [
            ("https://id.example", "/", "https://id.example/"),
            (
                "HTTPS://id.example:8443/keys/?p=a/b",
                "/keys/?p=a/b",
                "https://id.example:8443/keys/",
            ),
            (
                "http://[::1]:81/jwks.json",
                "/jwks.json",
                "http://[::1]:81/jwks.json",
            ),
            ("http://localhost?p=1", "/?p=1", "http://localhost/"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.path.as_str(), address.to_string().as_str()),
                (path, shown)
            );
        }
    }

    #[test]
    fn wrong_addresses_are_named_and_not_repeated() {
        for (text, told) in [
            ("secretive", "https://"),
            ("wss://secretive/", "https://"),
            ("http://secretive/keys", "a key of their own"),
            ("http://localhost.secretive/keys", "localhost"),
            ("https://", "no host"),
            ("https://user:secretive@id.example/", "password"),
            ("https://id.example:0/", "port"),
            ("https://id.example/#secretive", "`#`"),
            ("https://id.example/a b", "blanks"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("secretive"), "{error}");
        }
    }
}
