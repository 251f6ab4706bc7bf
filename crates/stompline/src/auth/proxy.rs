//! Proxies whose word about the client counts.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

/// How many forwarded addresses are looked at. Real chains have two or three.
const HOPS_MAX: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A text that is no address and no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address or network, such as 10.0.0.0/8, 192.168.1.2 or fd00::/8")]
pub struct ProxyError {
    /// The refused text.
    pub text: Box<str>,
}

/// Which header the proxies write.
///
/// There is no guessing: a proxy that writes one of them passes the other on as the client sent it, so
/// reading both would let clients choose their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto`: the default, as most proxies do.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies in front of the server, by address; what they say of the client is believed.
///
/// Default: none. A clone shares the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Arc<[Network]>,
    header: ForwardedHeader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

/// What a proxy says the client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForwardedTarget<'a> {
    pub(super) authority: &'a str,
    pub(super) scheme: Option<&'a str>,
}

impl TrustedProxies {
    /// No proxies: every client is where its connection comes from.
    pub fn none() -> Self {
        Self::default()
    }

    /// Proxies with these addresses (`192.168.1.2`, `::1`) or in these networks (`10.0.0.0/8`).
    ///
    /// # Errors
    ///
    /// One of the texts is neither; it is named.
    pub fn parse<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, ProxyError> {
        let networks = networks
            .into_iter()
            .map(|text| text.as_ref().trim().parse());
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
            header: ForwardedHeader::default(),
        })
    }

    /// Which header these proxies write. Default: [`ForwardedHeader::XForwarded`].
    pub fn with_header(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// Whether the address is one of the proxies'.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// The client's address: that of the connection, or what trusted proxies say.
    ///
    /// The list of addresses is read from the right, where our own proxy wrote, and as long as the
    /// writer is trusted. What a client put into the header itself is never reached.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return client;
        }
        let name = match self.header {
            ForwardedHeader::XForwarded => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => FORWARDED,
        };
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .collect();
        let hops = values
            .iter()
            .rev()
            .flat_map(|value| value.rsplit(','))
            .take(HOPS_MAX);
        for hop in hops {
            // Something unreadable ends what we know: the last address is the one that wrote it.
            let Some(address) = self.address(hop) else {
                return client;
            };
            client = address;
            if !self.trust(client) {
                return client;
            }
        }
        client
    }

    /// What the client asked for, if a trusted proxy says so.
    pub(super) fn target<'a>(
        &self,
        peer: IpAddr,
        headers: &'a HeaderMap,
    ) -> Option<ForwardedTarget<'a>> {
        if !self.trust(peer) {
            return None;
        }
        let first = |name: HeaderName| {
            headers
                .get(name)?
                .to_str()
                .ok()?
                .split(',')
                .next()
                .map(str::trim)
        };
        match self.header {
            ForwardedHeader::XForwarded => Some(ForwardedTarget {
                authority: first(X_FORWARDED_HOST)?,
                scheme: first(X_FORWARDED_PROTO),
            }),
            ForwardedHeader::Forwarded => {
                let element = first(FORWARDED)?;
                let scheme = parameter(element, "proto");
                Some(ForwardedTarget {
                    authority: parameter(element, "host")?,
                    scheme,
                })
            }
        }
    }

    fn address(&self, hop: &str) -> Option<IpAddr> {
        match self.header {
            ForwardedHeader::XForwarded => parse_address(hop.trim()),
            ForwardedHeader::Forwarded => parse_address(parameter(hop, "for")?),
        }
    }
}

/// A parameter of a `Forwarded` element: `for=1.2.3.4;host="a"` (RFC 7239, section 4).
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = { pairs }.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// An address with or without a port and brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differing = u32::from(ours) ^ u32::from(theirs);
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = u128::from(ours) ^ u128::from(theirs);
                differing.leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let error = || ProxyError { text: text.into() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| error())?,
            None => bits,
        };
        if prefix_bits > bits {
            return Err(error());
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse(["10.0.0.0/8", "192.168.1.2", "fd00::/8"]).unwrap()
    }

    fn client(proxies: &TrustedProxies, peer: &str, pairs: &[(&'static str, &str)]) -> String {
        proxies
            .client(peer.parse().unwrap(), &headers(pairs))
            .to_string()
    }

    #[test]
    fn client_is_read_from_the_right() {
        let forged = "1.1.1.1, 2.2.2.2";
        for (peer, forwarded, want) in [
            ("9.9.9.9", vec!["1.1.1.1"], "9.9.9.9"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", vec![forged], "2.2.2.2"),
            ("10.0.0.1", vec!["1.1.1.1, 2.2.2.2, 10.0.0.7"], "2.2.2.2"),
            (
                "10.0.0.1",
                vec!["1.1.1.1", "2.2.2.2", "10.0.0.7"],
                "2.2.2.2",
            ),
            ("10.0.0.1", vec!["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
            ("10.0.0.1", vec!["1.1.1.1, unknown, 10.0.0.7"], "10.0.0.7"),
            ("10.0.0.1", vec!["1.1.1.1:4711"], "1.1.1.1"),
            ("10.0.0.1", vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
            ("::ffff:10.0.0.1", vec!["::ffff:1.1.1.1"], "1.1.1.1"),
            ("192.168.1.2", vec!["1.1.1.1"], "1.1.1.1"),
            ("192.168.1.3", vec!["1.1.1.1"], "192.168.1.3"),
            ("fd12::1", vec!["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", vec![""], "10.0.0.1"),
        ] {
            let pairs: Vec<_> = forwarded
                .iter()
                .map(|value| ("x-forwarded-for", *value))
                .collect();
            assert_eq!(
                client(&proxies(), peer, &pairs),
                want,
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn only_the_named_header_counts() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "2.2.2.2")];
        assert_eq!(client(&proxies(), "10.0.0.1", &both), "2.2.2.2");
        let standard = proxies().with_header(ForwardedHeader::Forwarded);
        assert_eq!(client(&standard, "10.0.0.1", &both), "1.1.1.1");
    }

    #[test]
    fn forwarded_header_is_read_by_element() {
        let standard = proxies().with_header(ForwardedHeader::Forwarded);
        for (value, want) in [
            ("for=1.1.1.1;proto=https;by=10.0.0.1", "1.1.1.1"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=1.1.1.1, for=2.2.2.2;host=a, for=10.0.0.5", "2.2.2.2"),
            ("for=1.1.1.1, for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(
                client(&standard, "10.0.0.1", &[("forwarded", value)]),
                want,
                "{value}"
            );
        }
    }

    #[test]
    fn endless_chain_is_cut() {
        let chain = vec!["10.0.0.2"; 1_000].join(",");
        let value = format!("1.1.1.1,{chain}");
        assert_eq!(
            client(&proxies(), "10.0.0.1", &[("x-forwarded-for", &value)]),
            "10.0.0.2"
        );
    }

    #[test]
    fn bad_networks_are_named() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "example.org",
        ] {
            let error = TrustedProxies::parse([text]).unwrap_err();
            assert_eq!(&*error.text, text);
        }
        let all = TrustedProxies::parse(["0.0.0.0/0"]).unwrap();
        assert!(all.trust([1, 2, 3, 4].into()) && !all.trust("::1".parse().unwrap()));
    }
}
