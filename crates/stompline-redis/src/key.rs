//! The names of channels and keys. A change of any of them is a new [`SCHEME`].

use std::fmt::Write as _;

use stompline::backplane::{Interest, NodeId};

use crate::slot::slot;

/// The version of the names and of what is kept under them. Nodes of another version are refused.
pub(crate) const SCHEME: u32 = 1;

/// Partitions of the destinations. A partition's channels have one hash tag, so that they stay together on one server of many.
const PARTITIONS: u8 = 128;

/// A hash tag: everything with the same one is on the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tag(u8);

impl Tag {
    /// The inboxes of nodes, and what is for everyone.
    pub(crate) const NODES: Self = Self(PARTITIONS);

    /// The keys of the directory.
    pub(crate) const DIRECTORY: Self = Self(PARTITIONS + 1);

    /// How many there are.
    pub(crate) const COUNT: usize = PARTITIONS as usize + 2;

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=Self::DIRECTORY.0).map(Self)
    }

    /// The partition of a destination.
    pub(crate) fn of(destination: &str) -> Self {
        let partition = fnv1a(destination.as_bytes()) % u64::from(PARTITIONS);
        Self(u8::try_from(partition).unwrap_or_default())
    }

    /// The tag in a name that [`Names`] made.
    pub(crate) fn find(name: &[u8]) -> Option<Self> {
        let open = name.iter().position(|b| *b == b'{')?;
        let inside = &name[open + 1..];
        let len = inside.iter().position(|b| *b == b'}')?;
        match &inside[..len] {
            b"n" => Some(Self::NODES),
            b"d" => Some(Self::DIRECTORY),
            [b't', digits @ ..] => {
                let partition = std::str::from_utf8(digits).ok()?.parse().ok()?;
                (partition < PARTITIONS).then_some(Self(partition))
            }
            _ => None,
        }
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    pub(crate) fn is_partition(self) -> bool {
        self.0 < PARTITIONS
    }

    /// Its slot on a Redis Cluster.
    pub(crate) fn slot(self) -> u16 {
        slot(self.text().as_bytes())
    }

    fn text(self) -> String {
        match self {
            Self::NODES => "n".to_owned(),
            Self::DIRECTORY => "d".to_owned(),
            Self(partition) => format!("t{partition}"),
        }
    }
}

/// What `tags` are, for people: `partitions 0-3, 7, inboxes, directory`.
pub(crate) fn describe(tags: &[Tag]) -> String {
    let mut sorted = tags.to_vec();
    sorted.sort_unstable();
    let mut parts: Vec<String> = Vec::new();
    let mut partitions = sorted.iter().filter(|tag| tag.is_partition()).peekable();
    while let Some(first) = partitions.next() {
        let mut last = first;
        while let Some(next) = partitions.next_if(|next| next.0 == last.0 + 1) {
            last = next;
        }
        let mut run = first.0.to_string();
        if last != first {
            let _ = write!(run, "-{}", last.0);
        }
        parts.push(run);
    }
    if let Some(first) = parts.first_mut() {
        first.insert_str(0, "partitions ");
    }
    for (tag, name) in [(Tag::NODES, "inboxes"), (Tag::DIRECTORY, "directory")] {
        if sorted.contains(&tag) {
            parts.push(name.to_owned());
        }
    }
    parts.join(", ")
}

/// How messages travel: on one server to whoever subscribed, on a cluster within the server that has the channel's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PubSub {
    Plain,
    Sharded,
}

/// The names of one cluster of nodes.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    kind: PubSub,
}

impl Names {
    pub(crate) fn new(prefix: &str, kind: PubSub) -> Self {
        Self {
            prefix: prefix.to_owned(),
            kind,
        }
    }

    pub(crate) fn is_sharded(&self) -> bool {
        self.kind == PubSub::Sharded
    }

    /// The command that publishes.
    pub(crate) fn publish(&self) -> &'static str {
        match self.kind {
            PubSub::Plain => "PUBLISH",
            PubSub::Sharded => "SPUBLISH",
        }
    }

    /// What is published to a destination.
    pub(crate) fn destination(&self, destination: &str) -> String {
        let tag = Tag::of(destination).text();
        format!("{}:{{{tag}}}:{destination}", self.prefix)
    }

    /// A glob that matches all of those, and nothing else.
    fn all_destinations(&self) -> String {
        format!("{}:{{t*}}:*", self.prefix)
    }

    /// What is published to any destination of a partition: sharded channels have no globs.
    pub(crate) fn everything(&self, tag: Tag) -> String {
        format!("{}:{{{}}}all", self.prefix, tag.text())
    }

    pub(crate) fn inbox(&self, node: &NodeId) -> String {
        format!("{}:{{n}}:node:{node}", self.prefix)
    }

    /// What a node sends itself to hear whether it hears. On a cluster there is one for each tag.
    pub(crate) fn echo(&self, node: &NodeId, tag: Tag) -> String {
        match self.kind {
            PubSub::Plain => format!("{}:{{n}}:echo:{node}", self.prefix),
            PubSub::Sharded => format!("{}:{{{}}}echo:{node}", self.prefix, tag.text()),
        }
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

    /// The channels of `interest` among `tags`.
    pub(crate) fn interest(&self, interest: &Interest, tags: &[Tag]) -> Vec<(Tag, Channel)> {
        match (interest, self.kind) {
            (Interest::Destination(name), _) => {
                let tag = Tag::of(name);
                let channel = self.channel(self.destination(name));
                let here = tags.contains(&tag);
                here.then_some((tag, channel)).into_iter().collect()
            }
            (Interest::Everything, PubSub::Plain) => {
                vec![(Tag::NODES, Channel::Glob(self.all_destinations()))]
            }
            (Interest::Everything, PubSub::Sharded) => tags
                .iter()
                .filter(|tag| tag.is_partition())
                .map(|tag| (*tag, Channel::Shard(self.everything(*tag))))
                .collect(),
        }
    }

    /// The channels of `tag` that a node listens to whatever it is interested in.
    pub(crate) fn own(&self, node: &NodeId, tag: Tag) -> Vec<Channel> {
        let mut own = Vec::new();
        if tag == Tag::NODES {
            own.extend([self.inbox(node), self.everyone()]);
        }
        if self.is_sharded() || tag == Tag::NODES {
            own.push(self.echo(node, tag));
        }
        own.into_iter().map(|name| self.channel(name)).collect()
    }

    fn channel(&self, name: String) -> Channel {
        match self.kind {
            PubSub::Plain => Channel::Name(name),
            PubSub::Sharded => Channel::Shard(name),
        }
    }
}

/// What is subscribed to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Channel {
    Name(String),
    Glob(String),
    Shard(String),
}

impl Channel {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Glob(name) | Self::Shard(name) => name,
        }
    }

    /// The command that joins it, or leaves it.
    pub(crate) fn command(&self, joins: bool) -> redis::Cmd {
        let verb = match (self, joins) {
            (Self::Name(_), true) => "SUBSCRIBE",
            (Self::Name(_), false) => "UNSUBSCRIBE",
            (Self::Glob(_), true) => "PSUBSCRIBE",
            (Self::Glob(_), false) => "PUNSUBSCRIBE",
            (Self::Shard(_), true) => "SSUBSCRIBE",
            (Self::Shard(_), false) => "SUNSUBSCRIBE",
        };
        let mut command = redis::cmd(verb);
        command.arg(self.name());
        command
    }
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

    fn both() -> [Names; 2] {
        [PubSub::Plain, PubSub::Sharded].map(|kind| Names::new("stompline", kind))
    }

    #[test]
    fn names_stay_what_they_are() {
        let node = NodeId::new("n1").unwrap();
        for names in both() {
            assert_eq!(names.destination("/topic/a"), "stompline:{t121}:/topic/a");
            assert_eq!(names.directory(), "stompline:{d}");
            assert_eq!(names.inbox(&node), "stompline:{n}:node:n1");
            assert_eq!(names.everyone(), "stompline:{n}:everyone");
        }
        let [plain, sharded] = both();
        assert_eq!(plain.echo(&node, Tag(5)), "stompline:{n}:echo:n1");
        assert_eq!(sharded.echo(&node, Tag(5)), "stompline:{t5}echo:n1");
        assert_eq!(sharded.everything(Tag(5)), "stompline:{t5}all");
    }

    #[test]
    fn names_have_the_slot_of_their_tag() {
        let node = NodeId::new("n1").unwrap();
        for names in both() {
            for tag in Tag::all() {
                for channel in names.own(&node, tag) {
                    assert_eq!(slot(channel.name().as_bytes()), tag.slot(), "{channel:?}");
                }
                let text = format!("x:{{{}}}:/a/{{b}}", tag.text());
                assert_eq!(Tag::find(text.as_bytes()), Some(tag));
            }
            for name in [names.inbox(&node), names.everyone()] {
                assert_eq!(slot(name.as_bytes()), Tag::NODES.slot());
            }
            for name in [names.directory(), names.scheme()] {
                assert_eq!(slot(name.as_bytes()), Tag::DIRECTORY.slot());
            }
            // Braces in a destination change nothing: the first pair counts.
            for destination in ["/topic/a", "/topic/{x}", "/topic/}{"] {
                let name = names.destination(destination);
                let tag = Tag::of(destination);
                assert_eq!(slot(name.as_bytes()), tag.slot(), "{name}");
                assert_eq!(Tag::find(name.as_bytes()), Some(tag), "{name}");
            }
        }
    }

    #[test]
    fn tags_are_described_in_runs() {
        let tags = [Tag::DIRECTORY, Tag(7), Tag(1), Tag(0), Tag(2)];
        assert_eq!(describe(&tags), "partitions 0-2, 7, directory");
        assert_eq!(describe(&[Tag::NODES]), "inboxes");
    }

    #[test]
    fn partitions_are_used_evenly() {
        let names = Names::new("p", PubSub::Plain);
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
