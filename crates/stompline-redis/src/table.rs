//! Which server has which hash tag, as one look at Redis shows it.

use redis::Value;

use crate::{
    address::{Address, Server},
    key::{Tag, describe},
    slot::SLOTS,
    topology::text,
};

/// The owner of every tag. Without a cluster one server owns all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// By [`Tag::index`]; empty for a table that knows nothing.
    owners: Vec<Option<Server>>,
}

impl Table {
    pub(crate) fn whole(server: &Server) -> Self {
        Self {
            owners: vec![Some(server.clone()); Tag::COUNT],
        }
    }

    /// From the answer to CLUSTER SLOTS that `from` gave.
    pub(crate) fn read(slots: &Value, from: &Server, address: &Address) -> Option<Self> {
        let Value::Array(rows) = slots else {
            return None;
        };
        let ranges: Vec<(u16, u16, Option<Server>)> = rows
            .iter()
            .map(|row| range(row, from, address))
            .collect::<Option<_>>()?;
        let owner = |tag: Tag| {
            let slot = tag.slot();
            let mut having = ranges
                .iter()
                .filter(|(first, last, _)| (*first..=*last).contains(&slot));
            having.next().and_then(|(_, _, server)| server.clone())
        };
        Some(Self {
            owners: Tag::all().map(owner).collect(),
        })
    }

    pub(crate) fn owner(&self, tag: Tag) -> Option<&Server> {
        self.owners.get(tag.index())?.as_ref()
    }

    /// Every server that owns something, with what it owns.
    pub(crate) fn servers(&self) -> Vec<(Server, Vec<Tag>)> {
        let mut servers: Vec<(Server, Vec<Tag>)> = Vec::new();
        for tag in Tag::all() {
            let Some(owner) = self.owner(tag) else {
                continue;
            };
            match servers.iter_mut().find(|(server, _)| server == owner) {
                Some((_, tags)) => tags.push(tag),
                None => servers.push((owner.clone(), vec![tag])),
            }
        }
        servers
    }

    /// What has no owner, for people.
    pub(crate) fn ownerless(&self) -> Option<String> {
        let none: Vec<Tag> = Tag::all()
            .filter(|tag| self.owner(*tag).is_none())
            .collect();
        (!none.is_empty()).then(|| describe(&none))
    }
}

/// First slot, last slot, and the master if it can be told where that is.
fn range(row: &Value, from: &Server, address: &Address) -> Option<(u16, u16, Option<Server>)> {
    let Value::Array(fields) = row else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(master),
        ..,
    ] = fields.as_slice()
    else {
        return None;
    };
    let slots = |slot: &i64| u16::try_from(*slot).ok().filter(|slot| *slot < SLOTS);
    let [host, Value::Int(port), ..] = master.as_slice() else {
        return None;
    };
    // Without a host it is the one at which we asked; with a question mark that server has not heard the other one's name yet.
    let host = text(host).filter(|host| !host.is_empty());
    let host = host.as_deref().unwrap_or(from.host());
    let server = address.server(host, u16::try_from(*port).ok()?).ok();
    let server = server.filter(|_| host != "?");
    Some((slots(first)?, slots(last)?, server))
}

#[cfg(test)]
mod tests {
    use redis::TlsCertificates;

    use super::*;

    fn row(first: i64, last: i64, host: Option<&str>, port: i64) -> Value {
        let host = host.map_or(Value::Nil, |host| Value::BulkString(host.into()));
        let replica = Value::Array(vec![
            Value::BulkString(b"replica".into()),
            Value::Int(9),
            Value::BulkString(b"id".into()),
        ]);
        let master = Value::Array(vec![host, Value::Int(port)]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master, replica])
    }

    #[test]
    fn slots_become_owners() {
        let tls = TlsCertificates {
            client_tls: None,
            root_cert: None,
        };
        let address = Address::parse("redis+cluster://seed:7", &tls).unwrap();
        let read = |rows| Table::read(&Value::Array(rows), &address.seeds[0], &address);
        let table = read(vec![
            row(0, 11_297, Some("a"), 1),
            row(11_298, 11_298, None, 2),
            row(11_299, 16_000, Some("b"), 3),
        ]);
        let table = table.unwrap();
        let owner = table.owner(Tag::DIRECTORY).map(Server::name);
        assert_eq!(owner, Some("seed:2"), "11298 is its slot");
        let counts: Vec<usize> = table.servers().iter().map(|one| one.1.len()).collect();
        let ownerless = Tag::all().filter(|tag| tag.slot() > 16_000).count();
        assert_eq!(counts.iter().sum::<usize>(), Tag::COUNT - ownerless);
        assert_eq!(table.ownerless().is_some(), ownerless > 0);
        let unnamed = read(vec![row(0, 16_383, Some("?"), 1)]).unwrap();
        assert!(unnamed.servers().is_empty());
        for strange in [row(0, 20_000, None, 1), row(-1, 0, None, 1), Value::Okay] {
            assert_eq!(read(vec![strange]), None);
        }
        let empty = read(Vec::new()).unwrap();
        let all = "partitions 0-127, inboxes, directory";
        assert_eq!(empty.ownerless().as_deref(), Some(all));
    }
}
