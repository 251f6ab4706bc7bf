//! What this node listens to, on one link to each server that has something of it.

mod connected;
mod echo;
mod link;
mod reader;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future;
use stompline::backplane::{BackplaneError, Inlet, Interest, NodeId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::link::{Health, Link};
use crate::{
    RedisSettings,
    address::Server,
    command::Commands,
    dial::reason,
    key::{Channel, Names, Tag, describe},
    table::Table,
    topology::Doubt,
};

/// Changes of interest that may wait for a link. A change is wanted state first and a call second, so one too many is not lost.
const CHANGES_MAX: usize = 65_536;

type Confirm = oneshot::Sender<Result<(), BackplaneError>>;

/// A wish of the node. What is wanted stands in [`Wanted`]; this says that it changed.
struct Change {
    interest: Interest,
    joins: bool,
    confirm: Confirm,
}

/// What the node's calls and the links share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Subscriptions(Arc<Shared>);

struct Shared {
    settings: RedisSettings,
    names: Names,
    commands: Commands,
    doubt: Doubt,
    owners: Owners,
    state: Mutex<State>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    wanted: Wanted,
    table: Arc<Table>,
    links: HashMap<Server, Handle>,
    /// Links are numbered from 1.
    links_made: u64,
    /// Who listens, once it does.
    listener: Option<(NodeId, Inlet)>,
}

/// What the node wants to hear.
#[derive(Default)]
struct Wanted {
    destinations: HashMap<Tag, HashSet<Arc<str>>>,
    everything: bool,
}

/// A link, as the others see it.
struct Handle {
    number: u64,
    changes: mpsc::Sender<Change>,
    tags: watch::Sender<Arc<[Tag]>>,
    health: Arc<Health>,
    stop: CancellationToken,
}

/// Which link each tag's messages are taken from. A tag that moves is taken from its new link before that joins it, so that nothing of
/// the old one comes behind what the new one brings.
struct Owners(Vec<AtomicU64>);

impl Owners {
    fn new() -> Self {
        Self(Tag::all().map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, tag: Tag, link: u64) {
        self.0[tag.index()].store(link, Ordering::Release);
    }

    fn is(&self, tag: Tag, link: u64) -> bool {
        self.0[tag.index()].load(Ordering::Acquire) == link
    }
}

impl Subscriptions {
    pub(crate) fn new(
        settings: &RedisSettings,
        commands: Commands,
        doubt: Doubt,
        (stop, tasks): (CancellationToken, TaskTracker),
    ) -> Self {
        Self(Arc::new(Shared {
            settings: settings.clone(),
            names: settings.names(),
            commands,
            doubt,
            owners: Owners::new(),
            state: Mutex::default(),
            stop,
            tasks,
        }))
    }

    /// Begins to listen. The first call counts.
    pub(crate) fn start(&self, node: &NodeId, inlet: Inlet) {
        let mut state = self.0.lock();
        if state.listener.is_none() {
            state.listener = Some((node.clone(), inlet));
            self.set_up(&mut state);
        }
    }

    /// Goes by `table` from now on.
    pub(crate) fn apply(&self, table: &Arc<Table>) {
        let mut state = self.0.lock();
        state.table = Arc::clone(table);
        self.set_up(&mut state);
    }

    /// One link to each server in the table, and no other.
    fn set_up(&self, state: &mut State) {
        let Some((node, inlet)) = state.listener.clone() else {
            return;
        };
        let mut servers = Vec::new();
        for (server, mut tags) in state.table.servers() {
            // Nothing is published under it.
            tags.retain(|tag| *tag != Tag::DIRECTORY);
            if !tags.is_empty() {
                servers.push((server, tags));
            }
        }
        state.links.retain(|server, handle| {
            let stays = servers.iter().any(|(one, _)| one == server);
            if !stays {
                handle.stop.cancel();
            }
            stays
        });
        for (server, tags) in servers {
            let State {
                links, links_made, ..
            } = &mut *state;
            let handle = links.entry(server.clone()).or_insert_with(|| {
                *links_made += 1;
                let (handle, link) = self.make(&server, *links_made);
                self.0.tasks.spawn(link.run(node.clone(), inlet.clone()));
                handle
            });
            for tag in &tags {
                self.0.owners.set(*tag, handle.number);
            }
            handle.tags.send_if_modified(|now| {
                let changed = **now != *tags;
                *now = tags.into();
                changed
            });
        }
    }

    fn make(&self, server: &Server, number: u64) -> (Handle, Link) {
        let (changes, queue) = mpsc::channel(CHANGES_MAX);
        let tags = watch::Sender::new(Arc::from([]));
        let health = Arc::new(Health::default());
        let stop = self.0.stop.child_token();
        let link = Link {
            shared: Arc::clone(&self.0),
            server: server.clone(),
            number,
            changes: queue,
            tags: tags.subscribe(),
            health: Arc::clone(&health),
            stop: stop.clone(),
        };
        let handle = Handle {
            number,
            changes,
            tags,
            health,
            stop,
        };
        (handle, link)
    }

    /// Joins or leaves, on every link that the interest concerns.
    pub(crate) fn change(
        &self,
        interest: &Interest,
        joins: bool,
    ) -> impl Future<Output = Result<(), BackplaneError>> + Send + use<> {
        // Under the lock, so that the calls stand in the queues in the order of the wishes.
        let mut state = self.0.lock();
        state.wanted.change(interest, joins);
        let handed: Result<Vec<_>, BackplaneError> = self
            .0
            .places(interest)
            .into_iter()
            .map(|place| state.hand_over(place, interest, joins))
            .collect();
        drop(state);
        async move {
            let confirmed = future::try_join_all(handed?.into_iter().flatten().map(Receipt::wait));
            confirmed.await.map(drop)
        }
    }

    /// Why what is published to `interest` does not arrive now, if it does not.
    pub(crate) fn obstacle(&self, interest: &Interest) -> Option<BackplaneError> {
        let state = self.0.lock();
        let mut places = self.0.places(interest).into_iter();
        places.find_map(|tag| match state.link(tag) {
            Ok(handle) => handle.health.obstacle(tag),
            Err(error) => Some(error),
        })
    }

    /// The links that are dark, and what the others do not hear.
    pub(crate) fn dark(&self) -> Vec<(String, String)> {
        let state = self.0.lock();
        if state.listener.is_none() {
            return vec![("redis subscriptions".into(), "not connected yet".into())];
        }
        let mut dark = Vec::new();
        for (server, handle) in &state.links {
            if let Some(why) = handle.health.dark() {
                let tags = handle.tags.borrow().clone();
                let link = self.0.commands.label("redis subscriptions", server, &tags);
                dark.push((link, reason(&why).to_string()));
                continue;
            }
            for (tags, why) in handle.health.unheard() {
                dark.push((format!("redis {}", describe(&tags)), why.to_string()));
            }
        }
        dark.sort();
        dark
    }
}

impl Shared {
    /// The tags that an interest is about.
    fn places(&self, interest: &Interest) -> Vec<Tag> {
        match interest {
            Interest::Destination(name) => vec![Tag::of(name)],
            Interest::Everything if self.names.is_sharded() => {
                Tag::all().filter(|tag| tag.is_partition()).collect()
            }
            Interest::Everything => vec![Tag::NODES],
        }
    }

    /// Everything that `node` listens to under `tags`.
    fn channels(&self, node: &NodeId, tags: &[Tag]) -> Vec<(Tag, Channel)> {
        let mut channels = Vec::new();
        for tag in tags {
            let own = self.names.own(node, *tag).into_iter();
            channels.extend(own.map(|channel| (*tag, channel)));
        }
        let state = self.lock();
        for tag in tags {
            for name in state.wanted.destinations.get(tag).into_iter().flatten() {
                let interest = Interest::Destination(Arc::clone(name));
                channels.extend(self.names.interest(&interest, &[*tag]));
            }
        }
        if state.wanted.everything {
            channels.extend(self.names.interest(&Interest::Everything, tags));
        }
        channels
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Wanted {
    fn change(&mut self, interest: &Interest, joins: bool) {
        match interest {
            Interest::Everything => self.everything = joins,
            Interest::Destination(name) => {
                let tag = Tag::of(name);
                let names = self.destinations.entry(tag).or_default();
                if joins {
                    names.insert(Arc::clone(name));
                } else {
                    names.remove(name);
                    if names.is_empty() {
                        self.destinations.remove(&tag);
                    }
                }
            }
        }
    }
}

/// What a link has been told, and what it thought of itself when it was.
struct Receipt {
    dark: Option<BackplaneError>,
    confirmed: oneshot::Receiver<Result<(), BackplaneError>>,
}

impl Receipt {
    async fn wait(self) -> Result<(), BackplaneError> {
        if let Some(why) = self.dark {
            return Err(BackplaneError::Unreachable(reason(&why)));
        }
        let given_up = BackplaneError::Unreachable("the link was given up".into());
        self.confirmed.await.unwrap_or(Err(given_up))
    }
}

impl State {
    fn link(&self, tag: Tag) -> Result<&Handle, BackplaneError> {
        let server = self.table.owner(tag);
        let handle = server.and_then(|server| self.links.get(server));
        handle.ok_or_else(|| {
            let none = format!("no server has {}", describe(&[tag]));
            BackplaneError::Unreachable(none.into())
        })
    }

    fn hand_over(
        &self,
        tag: Tag,
        interest: &Interest,
        joins: bool,
    ) -> Result<Option<Receipt>, BackplaneError> {
        let handle = self.link(tag)?;
        // A link is told once of what concerns several of its tags.
        if *interest == Interest::Everything
            && handle.tags.borrow().iter().find(|one| one.is_partition()) != Some(&tag)
            && tag.is_partition()
        {
            return Ok(None);
        }
        let (confirm, confirmed) = oneshot::channel();
        let change = Change {
            interest: interest.clone(),
            joins,
            confirm,
        };
        // Full: the confirmation fails, and what is wanted is joined with the next connection.
        if handle.changes.try_send(change).is_err() {
            return Err(BackplaneError::Busy(CHANGES_MAX));
        }
        let dark = handle.health.dark();
        Ok(Some(Receipt { dark, confirmed }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
