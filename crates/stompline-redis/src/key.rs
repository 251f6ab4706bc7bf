//! The names of channels and keys. A change of any of them is a new [`SCHEME`].

use stompline::backplane::{Interest, NodeId};

/// The version of the names and of what is kept under them. Nodes of another version are refused.
pub(crate) const SCHEME: u32 = 1;

/// Partitions of the destinations. A partition's channels have one hash tag, so that they may stay together on one server of many.
const PARTITIONS: u64 = 128;

/// The names of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// What is published to a destination.
    pub(crate) fn destination(&self, destination: &str) -> String {
        let partition = fnv1a(destination.as_bytes()) % PARTITIONS;
        format!("{}:{{t{partition}}}:{destination}", self.prefix)
    }

    /// A glob that matches all of those, and nothing else.
    pub(crate) fn all_destinations(&self) -> String {
        format!("{}:{{t*}}:*", self.prefix)
    }

    pub(crate) fn inbox(&self, node: &NodeId) -> String {
        format!("{}:{{n}}:node:{node}", self.prefix)
    }

    pub(crate) fn echo(&self, node: &NodeId) -> String {
        format!("{}:{{n}}:echo:{node}", self.prefix)
    }

    pub(crate) fn everyone(&self) -> String {
        format!("{}:{{n}}:everyone", self.prefix)
    }

    /// What all keys of the directory begin with: one hash tag, since scripts work on several of them.
    pub(crate) fn directory(&self) -> String {
        format!("{}:{{d}}", self.prefix)
    }

    pub(crate) fn scheme(&self) -> String {
        format!("{}:{{d}}:scheme", self.prefix)
    }

    pub(crate) fn interest(&self, interest: &Interest) -> Channel {
        match interest {
            Interest::Destination(name) => Channel::Name(self.destination(name)),
            Interest::Everything => Channel::Glob(self.all_destinations()),
        }
    }
}

/// How an interest is joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Channel {
    Name(String),
    Glob(String),
}

/// A hash that is the same on every node and in every version.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_what_they_are() {
        let names = Names::new("stompline");
        assert_eq!(names.destination("/topic/a"), "stompline:{t121}:/topic/a");
        assert_eq!(names.directory(), "stompline:{d}");
        let node = NodeId::new("n1").unwrap();
        assert_eq!(names.inbox(&node), "stompline:{n}:node:n1");
    }

    #[test]
    fn partitions_are_used_evenly() {
        let names = Names::new("p");
        let mut counts = std::collections::HashMap::<String, u32>::new();
        for n in 0..12_800 {
            let name = names.destination(&format!("/topic/room.{n}"));
            let partition = name.split(':').nth(1).unwrap().to_owned();
            *counts.entry(partition).or_default() += 1;
        }
        assert_eq!(counts.len(), 128);
        assert!(counts.values().all(|count| (50..200).contains(count)));
    }
}
