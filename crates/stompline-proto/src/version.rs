use std::{fmt, str::FromStr};

use thiserror::Error;

/// A version of the STOMP protocol; later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// STOMP 1.0: header values are raw, there are no heart-beats, subscription ids are optional.
    V1_0,
    /// STOMP 1.1: escapes `\n \c \\`, heart-beats, `NACK`, subscription ids.
    V1_1,
    /// STOMP 1.2: adds the escape `\r`, CR LF line ends and the `ack` header.
    V1_2,
}

impl Version {
    /// All versions spoken by this crate, the newest first.
    pub const ALL: [Self; 3] = [Self::V1_2, Self::V1_1, Self::V1_0];

    /// All versions as the `version` header of an ERROR and the `accept-version` header of a
    /// CONNECT list them.
    pub const LIST: &'static str = "1.0,1.1,1.2";

    /// Chooses the highest version that `accept-version` and this crate have in common.
    ///
    /// An absent header means 1.0 (STOMP 1.2, "Protocol Negotiation"). Blanks around the commas
    /// and unknown versions are skipped. `None` means that nothing is in common: the server then
    /// answers ERROR with [`Version::LIST`] and closes.
    pub fn negotiate(accept_version: Option<&str>) -> Option<Self> {
        let Some(list) = accept_version else {
            return Some(Self::V1_0);
        };
        list.split(',')
            .filter_map(|item| item.trim().parse().ok())
            .max()
    }

    /// The version as headers write it, such as `1.2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
        }
    }

    /// The WebSocket sub-protocol that stands for this version, such as `v12.stomp`.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::V1_0 => "v10.stomp",
            Self::V1_1 => "v11.stomp",
            Self::V1_2 => "v12.stomp",
        }
    }

    /// Finds the version a WebSocket sub-protocol stands for.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.subprotocol() == name)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or(UnknownVersion)
    }
}

/// The text is none of `1.0`, `1.1` and `1.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown STOMP version, known are {}", Version::LIST)]
pub struct UnknownVersion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_common_version_is_chosen() {
        let table = [
            (None, Some(Version::V1_0)),
            (Some("1.0,1.1,2.0"), Some(Version::V1_1)),
            (Some("1.2,1.1,1.0"), Some(Version::V1_2)),
            (Some(" 1.1 , 1.0 "), Some(Version::V1_1)),
            (Some("1.0"), Some(Version::V1_0)),
            (Some("2.0"), None),
            (Some("1.20"), None),
            (Some(""), None),
            (Some(",,"), None),
        ];
        for (accept, expected) in table {
            assert_eq!(
                Version::negotiate(accept),
                expected,
                "accept-version {accept:?}"
            );
        }
    }

    #[test]
    fn names_round_trip() {
        for version in Version::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
            assert_eq!(version.to_string(), version.as_str());
            assert_eq!(
                Version::from_subprotocol(version.subprotocol()),
                Some(version)
            );
        }
        assert_eq!("1.3".parse::<Version>(), Err(UnknownVersion));
        assert_eq!(Version::from_subprotocol("wamp"), None);
    }

    #[test]
    fn later_versions_compare_greater() {
        assert!(Version::V1_0 < Version::V1_1 && Version::V1_1 < Version::V1_2);
    }
}
