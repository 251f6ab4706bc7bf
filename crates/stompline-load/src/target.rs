//! Which server is driven, and from which addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Source addresses in use: enough for seven million connections at 28,000 ports each.
const SOURCES: u32 = 250;

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where to connect to.
    pub address: SocketAddr,
    /// What the `Host` header and CONNECT's `host` say.
    pub host: String,
}

/// Why a URL is no target.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Another scheme, a path, or no port.
    #[error("`{0}` is not of the form ws://HOST:PORT")]
    Malformed(String),
    /// No such host.
    #[error("`{host}` cannot be resolved: {why}")]
    Unresolved {
        /// What was asked for.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The host is another machine, and nobody said that this is meant.
    #[error("{0} is not this machine; --any-host allows to load another one")]
    NotLoopback(SocketAddr),
}

impl Target {
    /// Reads `ws://HOST:PORT`. Hosts other than this one only if `any_host`.
    ///
    /// # Errors
    ///
    /// The text is no such URL, the host is unknown, or it is not allowed.
    pub fn parse(url: &str, any_host: bool) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.to_owned());
        let host = ["ws://", "http://"]
            .into_iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .unwrap_or(url)
            .trim_end_matches('/');
        let port = host.rsplit_once(':').ok_or_else(malformed)?.1;
        if host.contains('/') || port.parse::<u16>().is_err() {
            return Err(malformed());
        }
        let unresolved = |why: String| TargetError::Unresolved {
            host: host.to_owned(),
            why,
        };
        let address = host
            .to_socket_addrs()
            .map_err(|why| unresolved(why.to_string()))?
            .next()
            .ok_or_else(|| unresolved("it has no address".to_owned()))?;
        if !address.ip().is_loopback() && !any_host {
            return Err(TargetError::NotLoopback(address));
        }
        Ok(Self {
            address,
            host: host.to_owned(),
        })
    }

    /// The local address for the connection with this number. On loopback they are spread over
    /// 127.1.0.0/24, because one pair of addresses has only some 28,000 ports.
    pub fn source(&self, number: u32) -> Option<SocketAddr> {
        let IpAddr::V4(server) = self.address.ip() else {
            return None;
        };
        let last = u8::try_from(1 + number % SOURCES).ok()?;
        server
            .is_loopback()
            .then(|| SocketAddr::from((Ipv4Addr::new(127, 1, 0, last), 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_may_leave_out_its_scheme() {
        for url in [
            "ws://127.0.0.1:8080",
            "127.0.0.1:8080",
            "ws://127.0.0.1:8080/",
        ] {
            let target = Target::parse(url, false).unwrap();
            assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
            assert_eq!(target.host, "127.0.0.1:8080");
        }
    }

    #[test]
    fn malformed_urls_are_refused() {
        for url in [
            "ws://127.0.0.1",
            "wss://127.0.0.1:1",
            "127.0.0.1:8080/ws",
            "127.0.0.1:x",
        ] {
            assert!(
                matches!(Target::parse(url, true), Err(TargetError::Malformed(_))),
                "{url}"
            );
        }
    }

    #[test]
    fn other_machines_need_a_word() {
        let url = "ws://192.0.2.1:80";
        let address = "192.0.2.1:80".parse().unwrap();
        assert_eq!(
            Target::parse(url, false),
            Err(TargetError::NotLoopback(address))
        );
        assert_eq!(Target::parse(url, true).unwrap().address, address);
    }

    #[test]
    fn sources_are_spread_on_loopback_only() {
        let target = Target::parse("127.0.0.1:80", false).unwrap();
        assert_eq!(target.source(0), Some("127.1.0.1:0".parse().unwrap()));
        assert_eq!(target.source(249), Some("127.1.0.250:0".parse().unwrap()));
        assert_eq!(target.source(250), target.source(0));
        let other = Target::parse("192.0.2.1:80", true).unwrap();
        assert_eq!(other.source(0), None);
    }
}
