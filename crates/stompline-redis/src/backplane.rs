//! The backplane itself: calls become commands.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
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
    command::{self, Commands},
    directory,
    key::{Names, SCHEME},
    script::Script,
    subscription::Subscriptions,
};

/// The nodes of a cluster connected by one Redis.
///
/// A future of a call resolves within three times [`RedisSettings::deadline`], and at once while there is no connection.
pub struct RedisBackplane {
    settings: RedisSettings,
    names: Names,
    base: String,
    commands: Commands,
    subscriptions: Subscriptions,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Why a node cannot use a Redis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is none at the address, or it lets nobody in.
    #[error("Redis at {address}: {error}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What happened.
        error: BackplaneError,
    },
    /// It may drop keys that never expire, and with them users.
    #[error(
        "Redis at {address} has the eviction policy {policy}, which may drop users: set maxmemory-policy noeviction, or allow it"
    )]
    Eviction {
        /// Host and port.
        address: String,
        /// The policy.
        policy: String,
    },
    /// Nodes of another version use this prefix.
    #[error(
        "the keys under {prefix:?} have scheme {found}, this version uses {SCHEME}: choose another prefix, or stop the other nodes and delete the keys"
    )]
    Scheme {
        /// The prefix.
        prefix: String,
        /// The version that is there.
        found: String,
    },
}

impl RedisBackplane {
    /// Connects and makes sure that this Redis can be used.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(settings: RedisSettings) -> Result<Self, ConnectError> {
        let address = settings.address();
        let unreachable = |error| ConnectError::Unreachable {
            address: address.clone(),
            error,
        };
        let (commands, line) = command::open(&settings).await.map_err(unreachable)?;
        let names = Names::new(&settings.prefix);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let backplane = Self {
            base: names.directory(),
            subscriptions: Subscriptions::new(names.clone()),
            names,
            commands,
            settings,
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(line.run(stop));
        backplane.check(&address).await?;
        Ok(backplane)
    }

    async fn check(&self, address: &str) -> Result<(), ConnectError> {
        let unreachable = |error| ConnectError::Unreachable {
            address: address.to_owned(),
            error,
        };
        let policy = self.eviction_policy().await.map_err(unreachable)?;
        if policy.starts_with("allkeys") {
            if !self.settings.allows_eviction {
                let address = address.to_owned();
                return Err(ConnectError::Eviction { address, policy });
            }
            tracing::warn!(policy, "Redis may drop users from the directory");
        }
        let mut claim = redis::cmd("SET");
        claim.arg(self.names.scheme()).arg(SCHEME).arg("NX");
        let mut read = redis::cmd("GET");
        read.arg(self.names.scheme());
        let answers = self
            .commands
            .call(vec![claim, read])
            .await
            .map_err(unreachable)?;
        let found = match answers.last() {
            Some(Value::BulkString(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        if found != SCHEME.to_string() {
            let prefix = self.settings.prefix.clone();
            return Err(ConnectError::Scheme { prefix, found });
        }
        Ok(())
    }

    async fn eviction_policy(&self) -> Result<String, BackplaneError> {
        let mut info = redis::cmd("INFO");
        info.arg("memory");
        let answers = self.commands.call(vec![info]).await?;
        let text = match answers.first() {
            Some(Value::VerbatimString { text, .. }) => text.clone(),
            Some(Value::BulkString(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let policy = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("maxmemory_policy:"));
        Ok(policy.unwrap_or("unknown").to_owned())
    }

    fn script(&self, script: Script) -> Cmd {
        self.commands.script(script, &self.base)
    }

    /// Runs commands and reads their answers.
    fn ask<T: Send + 'static>(
        &self,
        commands: Vec<Cmd>,
        read: impl FnOnce(&[Value]) -> Result<T, BackplaneError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackplaneError>> {
        let call = self.commands.call(commands);
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Backplane for RedisBackplane {
    fn start(&self, node: &NodeId, inlet: Inlet) {
        let line =
            self.subscriptions
                .line(self.settings.clone(), self.commands.clone(), node, inlet);
        if let Some(line) = line {
            self.tasks.spawn(line.run(self.stop.clone()));
        }
    }

    fn publish(&self, to: Address<'_>, envelope: Bytes) -> Confirmation {
        let channel = match to {
            Address::Destination(name) => self.names.destination(name),
            Address::Node(node) => self.names.inbox(node),
            Address::Everyone => self.names.everyone(),
        };
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg(&envelope[..]);
        self.ask(vec![publish], |_| Ok(()))
    }

    fn join(&self, interest: Interest) -> Confirmation {
        self.subscriptions.change(interest, true).boxed()
    }

    fn leave(&self, interest: Interest) -> Confirmation {
        self.subscriptions.change(interest, false).boxed()
    }

    fn status(&self) -> Status {
        let dark = [
            ("redis commands", self.commands.dark()),
            ("redis subscriptions", self.subscriptions.dark()),
        ];
        let dark = dark
            .into_iter()
            .filter_map(|(link, why)| Some((link.to_owned(), why?.to_string())));
        Status::new(dark.collect())
    }

    fn renew(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'static, Result<bool, BackplaneError>> {
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
        self.ask(vec![enroll], |answers| directory::member(only(answers)?))
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
