//! The effective value of every key, and where it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::{Table, Value};

use super::fault::Faults;
use super::key::{self, BUILT_IN_ENDPOINTS, Key, Preset, endpoint_keys, keys, preset};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File { name: String, line: usize },
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { name, line } => write!(formatter, "{name}:{line}"),
            Self::Variable(name) => formatter.write_str(name),
            Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub value: Value,
    pub source: Source,
}

/// All values, by their concrete dotted path. Later layers replace what earlier ones said.
#[derive(Clone, Debug)]
pub(crate) struct Settings(BTreeMap<String, Setting>);

impl Settings {
    /// What holds when nobody says anything.
    pub(crate) fn defaults() -> Self {
        let mut settings = Self(BTreeMap::new());
        for key in keys().filter(|key| !key.path.contains(['*', '['])) {
            settings.fill(key.path, key);
        }
        for (name, _, _) in BUILT_IN_ENDPOINTS {
            settings.fill_endpoint(name);
        }
        settings
    }

    pub(crate) fn set(&mut self, path: &str, value: Value, source: Source) {
        self.0.insert(path.to_owned(), Setting { value, source });
    }

    pub(crate) fn at(&self, path: &str) -> Option<&Setting> {
        self.0.get(path)
    }

    /// Where `path` was set, as faults name it.
    pub(crate) fn place(&self, path: &str) -> String {
        self.at(path)
            .map_or_else(|| path.to_owned(), |setting| setting.source.to_string())
    }

    /// The names of all endpoints: the built-in ones and those that some layer has named.
    pub(crate) fn endpoint_names(&self) -> BTreeSet<String> {
        let below = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix("endpoints."));
        below
            .filter_map(|rest| Some(rest.split_once('.')?.0.to_owned()))
            .collect()
    }

    /// Gives every endpoint its defaults, after all layers are in.
    pub(crate) fn complete(&mut self, faults: &mut Faults) {
        for name in self.endpoint_names() {
            self.fill_endpoint(&name);
            for (field, key) in endpoint_keys() {
                let path = format!("endpoints.{name}.{field}");
                if matches!(key::preset(&path, key), Preset::Required(_))
                    && self.at(&path).is_none()
                {
                    faults.add(format!("endpoints.{name}"), missing(&path, key));
                }
            }
        }
    }

    /// The tree that the configuration is read from. Every table is in it, also without a value.
    pub(crate) fn table(&self) -> Table {
        let mut root = Table::new();
        for key in keys().filter(|key| !key.path.contains(['*', '['])) {
            parent(&mut root, key.path);
        }
        for (path, setting) in &self.0 {
            let (table, name) = parent(&mut root, path);
            table.insert(name.to_owned(), setting.value.clone());
        }
        root
    }

    fn fill_endpoint(&mut self, name: &str) {
        for (field, key) in endpoint_keys() {
            self.fill(&format!("endpoints.{name}.{field}"), key);
        }
    }

    fn fill(&mut self, path: &str, key: &Key) {
        if self.at(path).is_none()
            && let Some(value) = preset(path, key).value()
        {
            self.set(path, value, Source::Default);
        }
    }
}

/// The table that `path` lies in, made as far as it is not there, and the last part of `path`.
fn parent<'t, 'p>(mut table: &'t mut Table, path: &'p str) -> (&'t mut Table, &'p str) {
    let mut rest = path;
    while let Some((step, below)) = rest.split_once('.') {
        table = table
            .entry(step)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .expect("no row's path goes on below another row's");
        rest = below;
    }
    (table, rest)
}

/// Says that a key is missing, and how it looks.
pub(super) fn missing(path: &str, key: &Key) -> String {
    let example = match key.preset {
        Preset::Required(example) | Preset::Unset(example) => example,
        _ => "",
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    format!("`{path}` is missing; add it, for example: {name} = {example}")
}
