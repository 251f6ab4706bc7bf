//! Whether a Redis can be used at all.

use redis::Value;
use stompline::backplane::BackplaneError;

use crate::{
    RedisSettings,
    command::Commands,
    key::{SCHEME, Tag},
    topology::text,
};

/// The first version with sharded channels.
const SHARDED_SINCE: u32 = 7;

/// Why a node cannot use a Redis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is none at the address, or it lets nobody in.
    #[error("Redis at {address}: {error}")]
    Unreachable {
        /// Hosts and ports.
        address: String,
        /// What happened.
        error: BackplaneError,
    },
    /// It may drop keys that never expire, and with them users.
    #[error(
        "Redis at {address} has the eviction policy {policy}, which may drop users: set maxmemory-policy noeviction, or allow it"
    )]
    Eviction {
        /// Hosts and ports.
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
    /// It is part of a Redis Cluster, and the address says that it is alone.
    #[error("Redis at {address} is part of a cluster: write redis+cluster://")]
    Cluster {
        /// Host and port.
        address: String,
    },
    /// It is a cluster without sharded channels.
    #[error("Redis at {address} has version {version}; a cluster needs {SHARDED_SINCE}.0")]
    Version {
        /// Hosts and ports.
        address: String,
        /// The version.
        version: String,
    },
}

/// Looks at the server that has the directory.
pub(crate) async fn check(
    settings: &RedisSettings,
    commands: &Commands,
) -> Result<(), ConnectError> {
    let address = settings.address.names();
    let info = Info::ask(commands)
        .await
        .map_err(|error| ConnectError::Unreachable {
            address: address.clone(),
            error,
        })?;
    if !settings.is_cluster() && info.field("cluster_enabled") == Some("1") {
        return Err(ConnectError::Cluster { address });
    }
    let version = info.field("redis_version").unwrap_or("unknown");
    let major = version.split('.').next().and_then(|part| part.parse().ok());
    if settings.is_cluster() && major.is_some_and(|major: u32| major < SHARDED_SINCE) {
        let version = version.to_owned();
        return Err(ConnectError::Version { address, version });
    }
    let policy = info.field("maxmemory_policy").unwrap_or("unknown");
    if policy.starts_with("allkeys") {
        if !settings.allows_eviction {
            let policy = policy.to_owned();
            return Err(ConnectError::Eviction { address, policy });
        }
        tracing::warn!(policy, "Redis may drop users from the directory");
    }
    check_scheme(settings, commands, address).await
}

async fn check_scheme(
    settings: &RedisSettings,
    commands: &Commands,
    address: String,
) -> Result<(), ConnectError> {
    let key = settings.names().scheme();
    let mut claim = redis::cmd("SET");
    claim.arg(&key).arg(SCHEME).arg("NX");
    let mut read = redis::cmd("GET");
    read.arg(&key);
    let answers = commands
        .call(Tag::DIRECTORY, vec![claim, read])
        .await
        .map_err(|error| ConnectError::Unreachable { address, error })?;
    let found = match answers.last() {
        Some(Value::BulkString(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    if found != SCHEME.to_string() {
        let prefix = settings.prefix.clone();
        return Err(ConnectError::Scheme { prefix, found });
    }
    Ok(())
}

/// What INFO says. Older versions answer about one section at a time.
struct Info(String);

impl Info {
    async fn ask(commands: &Commands) -> Result<Self, BackplaneError> {
        let sections = ["server", "memory", "cluster"].map(|section| {
            let mut info = redis::cmd("INFO");
            info.arg(section);
            info
        });
        let answers = commands.call(Tag::DIRECTORY, sections.into()).await?;
        Ok(Self(answers.iter().filter_map(text).collect()))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| Some(line.split_once(':')?.0 == name);
        let line = self.0.lines().find(|line| value(line) == Some(true))?;
        Some(line.split_once(':')?.1.trim())
    }
}
