//! The configuration as text: the commented default file, and the explanation of every key.

use std::fmt::Write as _;

use toml::Value;

use super::Loaded;
use super::key::{BUILT_IN_ENDPOINTS, Key, Preset, keys, preset, variable};
use super::kind::Kind;
use super::setting::Setting;
use super::store::without_password;

const LINE_CHARS: usize = 100;

const HEAD: &str = "\
# The configuration of stompline, with every key at its default.
#
# A number counts in the unit that its key names; a text may carry its own (\"64KiB\", \"1h\").
# Every key can be set by a variable too: STOMPLINE_ and the path in capitals, with two underscores
# between the levels, as in STOMPLINE_CHAT__RATE__CUSTOMER_PER_S=0. A variable wins over the file,
# the command line over both.

";

/// A complete TOML file that says what holds anyway.
pub(crate) fn default_file() -> String {
    let mut out = HEAD.to_owned();
    let mut table = "";
    for key in keys() {
        let (key_table, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        // A list of tables is only an example here, and needs no heading of its own.
        let is_headed = !matches!(key.kind, Kind::Tables) && !key_table.ends_with("[]");
        if key_table != table && key_table != "endpoints.*" && is_headed {
            let _ = write!(out, "\n[{key_table}]\n");
        }
        match (key_table, key.kind) {
            ("endpoints.*", _) if table != key_table => endpoints(&mut out),
            ("endpoints.*", _) => {}
            (_, Kind::Tables) => {
                comment(&mut out, key.meaning, "");
                let _ = writeln!(out, "#[[{}]]", key.path);
            }
            _ => entry(&mut out, key, name, key.preset, key_table.ends_with("[]")),
        }
        table = key_table;
    }
    out
}

/// The built-in endpoints: the first one with its comments, the others by their values.
fn endpoints(out: &mut String) {
    for (index, (name, _, _)) in BUILT_IN_ENDPOINTS.iter().enumerate() {
        if index == 1 {
            let more = "The same keys again. Further endpoints are further tables, each with a \
                        name of your choosing: small letters, digits and underscores.";
            out.push('\n');
            comment(out, more, "");
            let _ = writeln!(out, "[endpoints.{name}]");
        } else {
            let _ = write!(out, "\n[endpoints.{name}]\n");
        }
        for (field, key) in super::key::endpoint_keys() {
            let value = preset(&format!("endpoints.{name}.{field}"), key);
            if index == 0 {
                entry(out, key, field, value, false);
            } else if let Some(value) = value.value() {
                let _ = writeln!(out, "{field} = {value}");
            }
        }
    }
}

/// A key with its comment. What has no default, or belongs to an example, is commented out.
fn entry(out: &mut String, key: &Key, name: &str, preset: Preset, in_example: bool) {
    comment(out, key.meaning, "");
    let _ = match (preset.value(), preset) {
        (Some(value), _) if !in_example => writeln!(out, "{name} = {value}"),
        (Some(value), _) => writeln!(out, "#{name} = {value}"),
        (None, Preset::Unset(example) | Preset::Required(example)) => {
            writeln!(out, "#{name} = {example}")
        }
        (None, _) => Ok(()),
    };
}

fn comment(out: &mut String, text: &str, indent: &str) {
    for line in wrapped(text, LINE_CHARS - indent.len() - 2) {
        let _ = writeln!(out, "{indent}# {line}");
    }
}

/// Every key with its type, default, value, origin, variable and meaning.
pub(crate) fn explanation(loaded: &Loaded) -> String {
    let mut out = String::new();
    for key in keys() {
        if key.path.contains("[]") {
            let fallback = default_words(key.preset, key.kind);
            explain(&mut out, key, key.path, &[("default", fallback)]);
        } else if key.path.contains('*') {
            for name in loaded.settings.endpoint_names() {
                explain_setting(&mut out, key, &key.path.replace('*', &name), loaded);
            }
        } else {
            explain_setting(&mut out, key, key.path, loaded);
        }
    }
    out
}

fn explain_setting(out: &mut String, key: &Key, path: &str, loaded: &Loaded) {
    let value = match loaded.settings.at(path) {
        Some(Setting { value, source }) => format!("{} ({source})", masked(value, key)),
        None => "not set".to_owned(),
    };
    let rows = [
        ("default", default_words(preset(path, key), key.kind)),
        ("value", value),
        ("env", variable(path)),
    ];
    explain(out, key, path, &rows);
}

fn explain(out: &mut String, key: &Key, path: &str, rows: &[(&str, String)]) {
    let _ = writeln!(out, "{path}");
    for line in wrapped(key.meaning, LINE_CHARS - 2) {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "  {:<8} {}", "type", key.kind.words());
    for (label, text) in rows {
        let _ = writeln!(out, "  {label:<8} {text}");
    }
    out.push('\n');
}

fn default_words(preset: Preset, kind: Kind) -> String {
    match preset {
        Preset::Required(example) => format!("none, must be given, for example {example}"),
        Preset::Unset(_) if kind.is_secret() => "not set".to_owned(),
        Preset::Unset(example) => format!("not set, for example {example}"),
        _ => preset
            .value()
            .map_or_else(String::new, |value| value.to_string()),
    }
}

/// The value as TOML; of secrets only how many there are.
fn masked(value: &Value, key: &Key) -> String {
    match (key.kind, value) {
        (kind, Value::Array(items)) if kind.is_secret() => format!("{} secret(s)", items.len()),
        (kind, _) if kind.is_secret() => "***".to_owned(),
        (Kind::StoreUrl, Value::String(url)) => Value::from(without_password(url)).to_string(),
        (Kind::Tables, Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(masked_item).collect();
            format!("[{}]", items.join(", "))
        }
        _ => value.to_string(),
    }
}

fn masked_item(item: &Value) -> String {
    let mut item = item.clone();
    if let Some(secret) = item.get_mut("secret") {
        *secret = Value::from("***");
    }
    item.to_string()
}

/// Breaks `text` into lines of at most `chars`, at spaces.
fn wrapped(text: &str, chars: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= chars => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
