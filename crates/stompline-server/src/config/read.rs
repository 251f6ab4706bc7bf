//! Reading the layers: the file, the environment, the command line.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::fault::Faults;
use super::key::{Key, Place, Preset, find, item_keys, keys, variable};
use super::kind::Kind;
use super::setting::{Settings, Source, missing};
use super::suggest::{nearest_key, nearest_table};

/// What every variable of ours begins with.
const PREFIX: &str = "STOMPLINE_";

/// How much of a wrong value is repeated in a message.
const SHOWN_CHARS_MAX: usize = 60;

/// Collects values and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Reader {
    pub settings: Settings,
    pub faults: Faults,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::defaults(),
            faults: Faults::default(),
        }
    }

    /// Reads a file in TOML.
    pub(crate) fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => self.text(&name, &text),
            Err(error) => self
                .faults
                .add(name, format!("the file cannot be read: {error}")),
        }
    }

    /// Reads the text of a file called `name`.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let layer = Layer::File { name, text };
        match DeTable::parse(text) {
            Ok(table) => self.table(&layer, "", table.get_ref()),
            Err(error) => {
                let place = layer.source(&error.span().unwrap_or_default()).to_string();
                self.faults
                    .add(place, format!("this is not TOML: {}", error.message()));
            }
        }
    }

    /// Reads those of the `variables` that are ours.
    pub(crate) fn environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let path = rest.to_lowercase().replace("__", ".");
            match find(&path) {
                Place::Key(key) => self.variable(&name, &path, key, &text),
                Place::Table | Place::Nothing => self.unknown_variable(&name, &path),
            }
        }
    }

    /// Takes a value from the command line.
    pub(crate) fn flag(&mut self, flag: &'static str, path: &str, text: &str) {
        let Place::Key(key) = find(path) else { return };
        match key.kind.parse(text) {
            Ok(value) => self.settings.set(path, value, Source::Flag(flag)),
            Err(_) => self.faults.add(flag, refusal(path, key, text)),
        }
    }

    fn variable(&mut self, name: &str, path: &str, key: &'static Key, text: &str) {
        let listed = matches!(key.kind, Kind::Tables)
            || matches!(key.kind, Kind::List(_)) && text.trim_start().starts_with('[');
        let layer = Layer::Variable { name, text };
        let value = if listed {
            let Ok(value) = DeValue::parse(text) else {
                return self.faults.add(name, refusal(path, key, text));
            };
            self.value(&layer, path, key, &value)
        } else {
            let Ok(value) = key.kind.parse(text) else {
                return self.faults.add(name, refusal(path, key, text));
            };
            Some(value)
        };
        if let Some(value) = value {
            self.settings
                .set(path, value, Source::Variable(name.to_owned()));
        }
    }

    /// Refuses a variable that was surely meant for us and names no key. Others with our prefix
    /// are let be: platforms make such names (`STOMPLINE_SERVICE_HOST`) for a service called so.
    fn unknown_variable(&mut self, name: &str, path: &str) {
        let meant = keys().find(|key| key.path.replace('.', "_") == path);
        let nearest = match meant {
            Some(key) => Some(key.path.to_owned()),
            None if path.contains('.') => nearest_key(path),
            None => nearest_key(path).filter(|key| !key.contains('.')),
        };
        match nearest {
            Some(key) => {
                let text = format!("there is no such key; did you mean {}?", variable(&key));
                self.faults.add(name, text);
            }
            None if path.contains('.') => {
                self.faults
                    .add(name, format!("there is no key `{path}`; {EXPLAIN}"));
            }
            None => {}
        }
    }

    fn table(&mut self, layer: &Layer<'_>, path: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let name_span = name.span();
            let path = if path.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{path}.{}", name.get_ref())
            };
            match (find(&path), value.get_ref()) {
                (Place::Key(key), _) => {
                    let source = layer.source(&name_span);
                    if let Some(value) = self.value(layer, &path, key, value) {
                        self.settings.set(&path, value, source);
                    }
                }
                (Place::Table, DeValue::Table(inner)) => self.table(layer, &path, inner),
                (Place::Table, _) => {
                    let text = format!("`{path}` is a table: write [{path}] and its keys below");
                    self.faults.add(layer.place(&name_span), text);
                }
                (Place::Nothing, value) => {
                    let text = unknown(&path, value.is_table());
                    self.faults.add(layer.place(&name_span), text);
                }
            }
        }
    }

    fn value(
        &mut self,
        layer: &Layer<'_>,
        path: &str,
        key: &'static Key,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        if let (Kind::Tables, DeValue::Array(items)) = (key.kind, value.get_ref()) {
            let items = items.iter().map(|item| self.item(layer, path, item));
            // Every item is read, so that every fault is told, before one of them fails the list.
            let items: Vec<Option<Value>> = items.collect();
            return items
                .into_iter()
                .collect::<Option<Vec<Value>>>()
                .map(Value::Array);
        }
        let plain = Value::deserialize(ValueDeserializer::from(value.clone())).ok();
        let checked = plain.and_then(|plain| key.kind.check(plain).ok());
        if checked.is_none() {
            let text = refusal(path, key, layer.shown(&value.span()));
            self.faults.add(layer.place(&value.span()), text);
        }
        checked
    }

    /// Reads one table of a list, and completes it with the defaults of its keys.
    fn item(
        &mut self,
        layer: &Layer<'_>,
        list: &str,
        item: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        let place = layer.place(&item.span());
        let DeValue::Table(given) = item.get_ref() else {
            self.faults.add(
                place,
                format!("`{list}` is a list of tables: write [[{list}]]"),
            );
            return None;
        };
        let mut whole = Some(Table::new());
        for (name, value) in given {
            let path = format!("{list}[].{}", name.get_ref());
            let read = if let Place::Key(key) = find(&path) {
                self.value(layer, &path, key, value)
            } else {
                self.faults
                    .add(layer.place(&name.span()), unknown(&path, false));
                None
            };
            whole = whole.zip(read).map(|(mut table, value)| {
                table.insert(name.get_ref().to_string(), value);
                table
            });
        }
        let mut table = whole?;
        for (name, key) in item_keys(list) {
            match (key.preset.value(), key.preset) {
                _ if table.contains_key(name) => {}
                (Some(value), _) => {
                    table.insert(name.to_owned(), value);
                }
                (None, Preset::Required(_)) => {
                    self.faults.add(place.clone(), missing(key.path, key));
                }
                (None, _) => {}
            }
        }
        Some(Value::Table(table))
    }
}

const EXPLAIN: &str = "`stompline config explain` lists them all";

fn unknown(path: &str, is_table: bool) -> String {
    let (what, nearest) = if is_table {
        ("table", nearest_table(path))
    } else {
        ("key", nearest_key(path))
    };
    match nearest {
        Some(nearest) => format!("there is no {what} `{path}`; did you mean `{nearest}`?"),
        None => format!("there is no {what} `{path}`; {EXPLAIN}"),
    }
}

/// Names the key, the value and what is allowed; a secret value is not repeated.
fn refusal(path: &str, key: &Key, shown: &str) -> String {
    let allowed = key.kind.words();
    if key.kind.may_hold_secret() {
        return format!("`{path}` must be {allowed}");
    }
    let short: String = shown.chars().take(SHOWN_CHARS_MAX).collect();
    format!("`{path}` must be {allowed}, not {short}")
}

/// Where values are being read from.
enum Layer<'a> {
    File { name: &'a str, text: &'a str },
    Variable { name: &'a str, text: &'a str },
}

impl Layer<'_> {
    fn source(&self, span: &Range<usize>) -> Source {
        match self {
            Self::File { name, text } => {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
                Source::File {
                    name: (*name).to_owned(),
                    line,
                }
            }
            Self::Variable { name, .. } => Source::Variable((*name).to_owned()),
        }
    }

    fn place(&self, span: &Range<usize>) -> String {
        self.source(span).to_string()
    }

    fn shown(&self, span: &Range<usize>) -> &str {
        let (Self::File { text, .. } | Self::Variable { text, .. }) = self;
        text.get(span.clone()).unwrap_or("that")
    }
}
