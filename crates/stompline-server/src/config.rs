//! The configuration: a file, the environment and the command line on top of defaults.
//!
//! Every key is one row (see [`key`]). The rows check what is given, name the nearest known key
//! for what is not known, make the default file and explain themselves; the structs below them are
//! what the rest of the server reads. Nothing else reads a file or the environment for settings.

mod access;
mod api;
mod auth;
mod chat;
mod check;
mod content;
mod desk;
mod endpoint;
mod fault;
mod heartbeat;
mod key;
mod kind;
mod limits;
mod listen;
mod log;
mod quantity;
mod read;
mod redis;
mod render;
mod setting;
mod shutdown;
mod store;
mod suggest;
mod widget;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use self::access::{Access, Action as RuleAction, Effect, Separator};
pub(crate) use self::api::Api;
pub(crate) use self::auth::{Auth, AuthKey};
pub(crate) use self::chat::Chat;
pub(crate) use self::desk::Desk;
pub(crate) use self::endpoint::{Endpoint, UserType};
pub(crate) use self::fault::Faults;
pub(crate) use self::heartbeat::Heartbeat;
pub(crate) use self::limits::Limits;
pub(crate) use self::log::{Format, Log};
pub(crate) use self::quantity::duration;
pub(crate) use self::redis::Redis;
pub(crate) use self::render::{default_file, explanation};
pub(crate) use self::shutdown::Shutdown;
pub(crate) use self::store::{Database, Store};
pub(crate) use self::widget::Widget;

use self::read::Reader;
use self::setting::Settings;

/// Everything that can be set, checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub trusted_proxies: Vec<String>,
    pub auth: Auth,
    pub api: Api,
    pub endpoints: BTreeMap<String, Endpoint>,
    pub heartbeat: Heartbeat,
    pub limits: Limits,
    pub access: Access,
    pub chat: Chat,
    pub widget: Widget,
    pub desk: Desk,
    pub redis: Redis,
    pub store: Store,
    pub log: Log,
    pub shutdown: Shutdown,
}

/// A configuration and where each of its values came from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub config: Config,
    settings: Settings,
}

/// Where to read from, besides the defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin<'a> {
    /// The file of `--config`.
    pub file: Option<&'a Path>,
    /// The variables of the process.
    pub environment: Vec<(String, String)>,
    /// Flag, path and text of what the command line says.
    pub flags: Vec<(&'static str, &'static str, &'a str)>,
}

/// The variables of this process. Those that are not text are none of ours.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

/// Reads all layers and checks the whole.
///
/// # Errors
///
/// Everything that is wrong, not only the first thing.
pub(crate) fn load(origin: Origin<'_>) -> Result<Loaded, Faults> {
    let mut reader = Reader::new();
    if let Some(file) = origin.file {
        reader.file(file);
    }
    reader.environment(origin.environment);
    for (flag, path, text) in origin.flags {
        reader.flag(flag, path, text);
    }
    finish(reader)
}

fn finish(reader: Reader) -> Result<Loaded, Faults> {
    let Reader {
        mut settings,
        mut faults,
    } = reader;
    settings.complete(&mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let config: Config = match settings.table().try_into() {
        Ok(config) => config,
        Err(error) => {
            faults.add("configuration", error.to_string());
            return Err(faults);
        }
    };
    check::check(&config, &settings, &mut faults);
    if faults.is_empty() {
        Ok(Loaded { config, settings })
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests;
