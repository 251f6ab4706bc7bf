//! The backplane itself: calls become commands.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
};
use redis::{Cmd, Value};
use stompline::{
    Realm, UserKey,
    backplane::{
        Address, Backplane, BackplaneError, Confirmation, Inlet, Interest, Member, NodeId,
        SessionEntry, Standing, Status, Swept, UserState,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    RedisSettings,
    check::{ConnectError, check},
    command::Commands,
    dial::reason,
    directory,
    key::{Names, Tag},
    script::Script,
    subscription::Subscriptions,
    table::Table,
    topology::{Doubt, Topology},
};

/// The nodes of a cluster connected by a Redis: one server, one behind sentinels, or a Redis Cluster.
///
/// A future of a call resolves within three times [`RedisSettings::deadline`], and at once while there is no connection.
pub struct RedisBackplane {
    names: Names,
    base: String,
    commands: Commands,
    subscriptions: Subscriptions,
    /// The history in which the directory was when this node made itself known in it.
    enrolled: Arc<Mutex<Option<Arc<str>>>>,
    /// Why it is not known what servers there are.
    lost: Arc<Mutex<Option<BackplaneError>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl RedisBackplane {
    /// Connects and makes sure that this Redis can be used.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(settings: RedisSettings) -> Result<Self, ConnectError> {
        let address = settings.address.names();
        let unreachable = |error| ConnectError::Unreachable { address, error };
        let doubt = Doubt::default();
        let mut topology = Topology::new(&settings, doubt.clone());
        let table = topology.look().await.map_err(unreachable.clone())?;
        let backplane = Self::new(&settings, doubt, topology.dark());
        backplane.commands.apply(&table);
        backplane.subscriptions.apply(&table);
        backplane.commands.tried().await;
        if let Some(error) = backplane.commands.obstacle(Tag::DIRECTORY) {
            return Err(unreachable(error));
        }
        check(&settings, &backplane.commands).await?;
        if !topology.is_fixed() {
            let (commands, subscriptions) =
                (backplane.commands.clone(), backplane.subscriptions.clone());
            let apply = move |table: &Arc<Table>| {
                subscriptions.apply(table);
                commands.apply(table);
            };
            let watch = topology.watch(apply, backplane.stop.clone());
            backplane.tasks.spawn(watch);
        }
        Ok(backplane)
    }

    fn new(
        settings: &RedisSettings,
        doubt: Doubt,
        lost: Arc<Mutex<Option<BackplaneError>>>,
    ) -> Self {
        let names = settings.names();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let commands = Commands::new(settings, doubt.clone(), stop.clone(), tasks.clone());
        let ends = (stop.clone(), tasks.clone());
        let subscriptions = Subscriptions::new(settings, commands.clone(), doubt, ends);
        Self {
            base: names.directory(),
            names,
            commands,
            subscriptions,
            enrolled: Arc::default(),
            lost,
            stop,
            tasks,
        }
    }

    /// Whether the directory is in another history than that in which this node made itself known. A master that was a replica, or came
    /// back from a file, may lack what was written last: all is to be written again, and nobody to be given up who has not done so.
    fn is_elsewhere(&self) -> bool {
        let enrolled = lock(&self.enrolled).clone();
        enrolled.is_some() && enrolled != self.commands.history(Tag::DIRECTORY)
    }

    fn script(&self, script: Script) -> Cmd {
        Commands::script(script, &self.base)
    }

    /// Runs commands on the directory and reads their answers.
    fn ask<T: Send + 'static>(
        &self,
        commands: Vec<Cmd>,
        read: impl FnOnce(&[Value]) -> Result<T, BackplaneError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackplaneError>> {
        // An empty pipeline is an error to the client library, and would count as the loss of the connection.
        if commands.is_empty() {
            return std::future::ready(read(&[])).boxed();
        }
        let call = self.commands.call(Tag::DIRECTORY, commands);
        async move { read(&call.await?) }.boxed()
    }

    /// Runs a script that answers with the state of each user.
    fn states(
        &self,
        users: Vec<UserKey>,
        commands: Vec<Cmd>,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        self.ask(commands, move |answers| {
            users
                .iter()
                .zip(answers)
                .map(|(user, answer)| directory::state(user, answer))
                .collect()
        })
    }
}

/// The one answer of a single command.
fn only(answers: &[Value]) -> Result<&Value, BackplaneError> {
    answers
        .first()
        .ok_or_else(|| directory::strange("no answer"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Backplane for RedisBackplane {
    fn start(&self, node: &NodeId, inlet: Inlet) {
        self.subscriptions.start(node, inlet);
    }

    fn publish(&self, to: Address<'_>, envelope: Bytes) -> Confirmation {
        let publish = |channel: String| {
            let mut publish = redis::cmd(self.names.publish());
            publish.arg(channel).arg(&envelope[..]);
            publish
        };
        let (tag, commands) = match to {
            Address::Destination(name) => {
                let (tag, channel) = (Tag::of(name), self.names.destination(name));
                let mut commands = vec![publish(channel)];
                if self.names.is_sharded() {
                    commands.push(publish(self.names.everything(tag)));
                }
                (tag, commands)
            }
            Address::Node(node) => (Tag::NODES, vec![publish(self.names.inbox(node))]),
            Address::Everyone => (Tag::NODES, vec![publish(self.names.everyone())]),
        };
        let call = self.commands.call(tag, commands);
        async move { call.await.map(drop) }.boxed()
    }

    fn join(&self, interest: Interest) -> Confirmation {
        self.subscriptions.change(&interest, true).boxed()
    }

    fn leave(&self, interest: Interest) -> Confirmation {
        self.subscriptions.change(&interest, false).boxed()
    }

    fn status(&self) -> Status {
        let mut dark = self.commands.dark();
        dark.extend(self.subscriptions.dark());
        if let Some(why) = lock(&self.lost).as_ref() {
            dark.push(("redis topology".to_owned(), reason(why).to_string()));
        }
        Status::new(dark)
    }

    fn obstacle(&self, interest: &Interest) -> Option<BackplaneError> {
        let deaf = self.subscriptions.obstacle(interest);
        deaf.or_else(|| match interest {
            Interest::Destination(name) => self.commands.obstacle(Tag::of(name)),
            Interest::Everything => Tag::all()
                .filter(|tag| tag.is_partition())
                .find_map(|tag| self.commands.obstacle(tag)),
        })
    }

    fn renew(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<bool, BackplaneError>> {
        if self.is_elsewhere() {
            let dark = self.commands.obstacle(Tag::DIRECTORY);
            return future::ready(dark.map_or(Ok(false), Err)).boxed();
        }
        let mut renew = self.script(Script::Renew);
        renew.arg(directory::member_text(member)).arg(millis(lease));
        self.ask(vec![renew], |answers| {
            Ok(directory::number(only(answers)?)? == 1)
        })
    }

    fn enroll(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<Member, BackplaneError>> {
        let mut enroll = self.script(Script::Enroll);
        enroll
            .arg(directory::member_text(member))
            .arg(millis(lease));
        let history = self.commands.history(Tag::DIRECTORY);
        enroll.arg(history.as_deref().unwrap_or(""));
        let enrolled = Arc::clone(&self.enrolled);
        self.ask(vec![enroll], move |answers| {
            *lock(&enrolled) = history;
            directory::member(only(answers)?)
        })
    }

    fn depart(&self, member: &Member) -> Confirmation {
        let mut depart = redis::cmd("ZREM");
        depart
            .arg(format!("{}:nodes", self.base))
            .arg(directory::member_text(member));
        let mut forget = redis::cmd("UNLINK");
        forget.arg(directory::claims_key(&self.base, member));
        self.ask(vec![depart, forget], |_| Ok(()))
    }

    fn register(
        &self,
        sessions: Vec<(SessionEntry, Standing)>,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        let mut users = Vec::with_capacity(sessions.len());
        let mut commands = Vec::with_capacity(sessions.len());
        for (entry, standing) in sessions {
            let mut register = self.script(Script::Register);
            register
                .arg(directory::user_text(&entry.user))
                .arg(&*entry.id)
                .arg(directory::entry_text(&entry))
                .arg(entry.user.realm().as_str())
                .arg(directory::standing_text(standing))
                .arg(millis(hold));
            commands.push(register);
            users.push(entry.user);
        }
        self.states(users, commands)
    }

    fn unregister(
        &self,
        sessions: Vec<SessionEntry>,
        grace: Duration,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        let mut users = Vec::with_capacity(sessions.len());
        let mut commands = Vec::with_capacity(sessions.len());
        for entry in sessions {
            let mut unregister = self.script(Script::Unregister);
            unregister
                .arg(directory::user_text(&entry.user))
                .arg(&*entry.id)
                .arg(directory::member_text(&entry.member))
                .arg(millis(grace));
            commands.push(unregister);
            users.push(entry.user);
        }
        self.states(users, commands)
    }

    fn look_up(
        &self,
        users: Vec<UserKey>,
    ) -> BoxFuture<'static, Result<Vec<UserState>, BackplaneError>> {
        let look_up = |user| {
            let mut look_up = self.script(Script::LookUp);
            look_up.arg(directory::user_text(user));
            look_up
        };
        let commands = users.iter().map(look_up).collect();
        self.states(users, commands)
    }

    fn find(
        &self,
        session: &str,
    ) -> BoxFuture<'static, Result<Option<SessionEntry>, BackplaneError>> {
        let mut find = self.script(Script::Find);
        find.arg(session);
        let id = session.to_owned();
        self.ask(vec![find], move |answers| {
            directory::found(&id, only(answers)?)
        })
    }

    fn online(&self, limit: usize) -> BoxFuture<'static, Result<Vec<UserKey>, BackplaneError>> {
        let mut online = self.script(Script::Online);
        online.arg(limit);
        self.ask(vec![online], |answers| directory::users(only(answers)?))
    }

    fn realms(&self) -> BoxFuture<'static, Result<Vec<Realm>, BackplaneError>> {
        let mut realms = redis::cmd("SMEMBERS");
        realms.arg(format!("{}:realms", self.base));
        self.ask(vec![realms], |answers| directory::realms(only(answers)?))
    }

    fn claim(
        &self,
        member: &Member,
        name: &str,
        despite: Option<&NodeId>,
    ) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>> {
        let mut claim = self.script(Script::Claim);
        claim
            .arg(directory::member_text(member))
            .arg(name)
            .arg(despite.map_or("", NodeId::as_str));
        self.ask(vec![claim], |answers| directory::claimed(only(answers)?))
    }

    fn release(&self, member: &Member, names: Vec<Arc<str>>) -> Confirmation {
        let mut release = redis::cmd("SREM");
        release.arg(directory::claims_key(&self.base, member));
        for name in &names {
            release.arg(&**name);
        }
        self.ask(vec![release], |_| Ok(()))
    }

    fn locate(&self, name: &str) -> BoxFuture<'static, Result<Option<NodeId>, BackplaneError>> {
        let mut locate = self.script(Script::Locate);
        locate.arg(name);
        self.ask(vec![locate], |answers| directory::claimed(only(answers)?))
    }

    fn sweep(
        &self,
        reap: bool,
        grace: Duration,
        hold: Duration,
    ) -> BoxFuture<'static, Result<Swept, BackplaneError>> {
        let mut sweep = self.script(Script::Sweep);
        let reap = reap && !self.is_elsewhere();
        sweep
            .arg(u8::from(reap))
            .arg(millis(grace))
            .arg(millis(hold));
        self.ask(vec![sweep], |answers| directory::swept(only(answers)?))
    }

    fn told(&self, told: Swept) -> Confirmation {
        let items = directory::items(&told);
        if items.is_empty() {
            return std::future::ready(Ok(())).boxed();
        }
        let mut settled = redis::cmd("ZREM");
        settled.arg(format!("{}:telling", self.base)).arg(items);
        let mut commands = vec![settled];
        if !told.lost.is_empty() {
            let mut forget = redis::cmd("HDEL");
            forget.arg(format!("{}:lost", self.base));
            for entry in &told.lost {
                forget.arg(&*entry.id);
            }
            commands.push(forget);
        }
        self.ask(commands, |_| Ok(()))
    }

    fn stop(&self) -> BoxFuture<'static, ()> {
        self.stop.cancel();
        self.tasks.close();
        let tasks = self.tasks.clone();
        async move { tasks.wait().await }.boxed()
    }
}

impl Drop for RedisBackplane {
    /// The connections belong to it.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
