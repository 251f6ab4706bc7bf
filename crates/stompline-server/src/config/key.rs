//! The keys: one row for each, from which reading, checking, defaults and explanations follow.

use toml::Value;

use super::kind::Kind;
use super::{
    access, api, auth, chat, content, desk, endpoint, heartbeat, limits, listen, log, redis,
    shutdown, store, widget,
};

/// A key of the configuration.
///
/// `path` is dotted. `*` in it stands for a name of the administrator's choosing
/// (`endpoints.*.path`), `[]` for each item of a list of tables (`auth.keys[].kid`).
pub(crate) struct Key {
    pub path: &'static str,
    pub kind: Kind,
    pub preset: Preset,
    /// What the key does, and why the default is what it is.
    pub meaning: &'static str,
}

/// What a key holds when nobody sets it.
#[derive(Clone, Copy)]
pub(crate) enum Preset {
    Text(&'static str),
    Number(u32),
    Flag(bool),
    List(&'static [&'static str]),
    /// Nothing; the text shows how a value looks, in TOML.
    Unset(&'static str),
    /// Nothing, and the table it belongs to is incomplete without it.
    Required(&'static str),
}

impl Preset {
    /// The default, if there is one.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Text(text) => Some(Value::from(text)),
            Self::Number(number) => Some(Value::from(number)),
            Self::Flag(flag) => Some(Value::from(flag)),
            Self::List(items) => Some(Value::from(items.to_vec())),
            Self::Unset(_) | Self::Required(_) => None,
        }
    }
}

/// The built-in endpoints: name, path, user type. Everything else about them is the general default.
pub(crate) const BUILT_IN_ENDPOINTS: &[(&str, &str, &str)] = &[
    ("chat", "/ws/chat", "customer"),
    ("agent", "/ws/agent", "agent"),
];

/// Every key, in the order in which they are explained. Keys outside a table come first, as TOML
/// wants them.
pub(crate) fn keys() -> impl Iterator<Item = &'static Key> {
    let tables: [&'static [Key]; 15] = [
        listen::KEYS,
        auth::KEYS,
        api::KEYS,
        endpoint::KEYS,
        heartbeat::KEYS,
        limits::KEYS,
        content::KEYS,
        access::KEYS,
        chat::KEYS,
        widget::KEYS,
        desk::KEYS,
        redis::KEYS,
        store::KEYS,
        log::KEYS,
        shutdown::KEYS,
    ];
    tables.into_iter().flatten()
}

/// What a path leads to.
pub(crate) enum Place {
    Key(&'static Key),
    Table,
    Nothing,
}

/// Looks `path` up. Items of lists are written as in the rows: `auth.keys[].kid`.
pub(crate) fn find(path: &str) -> Place {
    let mut inside = false;
    for key in keys() {
        match covers(key.path, path) {
            Some(0) => return Place::Key(key),
            Some(_) => inside = true,
            None => {}
        }
    }
    if inside { Place::Table } else { Place::Nothing }
}

/// The keys of the items of the list at `path`.
pub(crate) fn item_keys(path: &str) -> impl Iterator<Item = (&'static str, &'static Key)> {
    let prefix = format!("{path}[].");
    keys().filter_map(move |key| Some((key.path.strip_prefix(prefix.as_str())?, key)))
}

/// The keys of every endpoint, with their names inside the endpoint's table.
pub(crate) fn endpoint_keys() -> impl Iterator<Item = (&'static str, &'static Key)> {
    keys().filter_map(|key| Some((key.path.strip_prefix("endpoints.*.")?, key)))
}

/// The default of the key at the concrete `path`, with what is special to a built-in endpoint.
pub(crate) fn preset(path: &str, key: &Key) -> Preset {
    for (name, url_path, user_type) in BUILT_IN_ENDPOINTS {
        let Some(field) = path
            .strip_prefix("endpoints.")
            .and_then(|p| p.strip_prefix(name))
        else {
            continue;
        };
        match field {
            ".path" => return Preset::Text(url_path),
            ".user_type" => return Preset::Text(user_type),
            _ => {}
        }
    }
    key.preset
}

/// The name of the environment variable that overrides `path`.
pub(crate) fn variable(path: &str) -> String {
    format!("STOMPLINE_{}", path.replace('.', "__").to_uppercase())
}

/// How many levels `pattern` goes on below `path`, if `path` is on the way to it.
fn covers(pattern: &str, path: &str) -> Option<usize> {
    let mut pattern = pattern.split('.');
    for segment in path.split('.') {
        let expected = pattern.next()?;
        if expected != segment && (expected != "*" || !is_name(segment)) {
            return None;
        }
    }
    Some(pattern.count())
}

/// Whether `segment` may name an endpoint: it must survive the way through an environment variable.
fn is_name(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_lowercase())
        && !segment.contains("__")
        && segment
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_is_of_its_kind() {
        for key in keys().filter(|key| !matches!(key.kind, Kind::Tables)) {
            let Some(value) = key.preset.value() else {
                continue;
            };
            let checked = key.kind.check(value.clone()).ok();
            assert_eq!(checked, Some(value), "{}", key.path);
        }
    }

    #[test]
    fn every_example_is_of_its_kind() {
        for key in keys() {
            let (Preset::Unset(example) | Preset::Required(example)) = key.preset else {
                continue;
            };
            let table: toml::Table = format!("example = {example}").parse().unwrap();
            if !matches!(key.kind, Kind::Tables) {
                assert!(
                    key.kind.check(table["example"].clone()).is_ok(),
                    "{}",
                    key.path
                );
            }
        }
    }

    #[test]
    fn paths_are_unique_and_explained() {
        let mut seen = BTreeSet::new();
        for key in keys() {
            assert!(seen.insert(key.path), "{} twice", key.path);
            assert!(
                key.meaning.ends_with('.'),
                "{} has no whole sentence",
                key.path
            );
        }
    }

    #[test]
    fn paths_lead_to_keys_or_tables() {
        assert!(matches!(find("chat.rate.customer_per_s"), Place::Key(_)));
        assert!(matches!(find("chat.rate"), Place::Table));
        assert!(matches!(find("endpoints.partner.path"), Place::Key(_)));
        assert!(matches!(find("endpoints.partner"), Place::Table));
        assert!(matches!(find("auth.keys[].kid"), Place::Key(_)));
        for unknown in [
            "chat.rates",
            "endpoints.Partner.path",
            "listen.port",
            "rabbit",
        ] {
            assert!(matches!(find(unknown), Place::Nothing), "{unknown}");
        }
    }
}
