//! Rules that join several keys.

use std::collections::BTreeMap;
use std::slice;

use stompline::auth::SECRET_BYTES_MIN;

use super::Config;
use super::auth::AuthKey;
use super::fault::Faults;
use super::setting::Settings;
use crate::jwks::Address;
use crate::secret::Secret;

/// Enough to make guessing over the network hopeless.
const API_KEY_BYTES_MIN: usize = 16;

/// Paths that the server itself answers under.
const RESERVED: &[&str] = &[
    "/api", "/demo", "/desk", "/healthz", "/landing", "/metrics", "/readyz", "/widget",
];

/// Adds what is wrong with `config` as a whole.
pub(super) fn check(config: &Config, settings: &Settings, faults: &mut Faults) {
    let mut add = |path: &str, text: String| faults.add(settings.place(path), text);
    secrets(
        "auth.secrets",
        &config.auth.secrets,
        SECRET_BYTES_MIN,
        &mut add,
    );
    secrets("api.keys", &config.api.keys, API_KEY_BYTES_MIN, &mut add);
    auth_keys(&config.auth.keys, &mut add);
    if let Some(url) = &config.auth.jwks_url
        && let Err(what) = Address::parse(url)
    {
        add("auth.jwks_url", format!("`auth.jwks_url` {what}"));
    }
    endpoint_paths(config, &mut add);
    client_libraries(config, &mut add);
    cookie(config, &mut add);
    pages(config, &mut add);
    for (path, text) in config.store.faults() {
        add(path, text);
    }
    for (path, text) in config.redis.faults() {
        add(path, text);
    }
}

fn secrets(path: &str, secrets: &[Secret], bytes_min: usize, add: &mut impl FnMut(&str, String)) {
    if secrets
        .iter()
        .any(|secret| secret.expose().len() < bytes_min)
    {
        add(
            path,
            format!("every one of `{path}` must have {bytes_min} characters at least"),
        );
    }
}

fn auth_keys(keys: &[AuthKey], add: &mut impl FnMut(&str, String)) {
    let path = "auth.keys";
    let mut kids = Vec::new();
    for key in keys {
        match (&key.secret, &key.file) {
            (None, None) => add(
                path,
                "a key has neither `secret` nor `file`; add one".to_owned(),
            ),
            (Some(_), Some(_)) => {
                add(
                    path,
                    "a key has `secret` or `file`, not both; remove one".to_owned(),
                );
            }
            (Some(secret), None) => secrets(path, slice::from_ref(secret), SECRET_BYTES_MIN, add),
            (None, Some(_)) => {}
        }
        if let Some(kid) = &key.kid {
            if kids.contains(&kid) {
                add(
                    path,
                    format!("two keys have the id {kid:?}; give each its own"),
                );
            }
            kids.push(kid);
        }
    }
}

fn endpoint_paths(config: &Config, add: &mut impl FnMut(&str, String)) {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, endpoint) in config
        .endpoints
        .iter()
        .filter(|(_, endpoint)| endpoint.enabled)
    {
        let place = format!("endpoints.{name}.path");
        let path = endpoint.path.as_str();
        for reserved in RESERVED {
            if is_below(path, reserved) {
                add(
                    &place,
                    format!("`{place}` must not be below {reserved}, which the server uses"),
                );
            }
        }
        for (other_path, other) in &taken {
            if is_below(path, other_path) || is_below(other_path, path) {
                let text = format!(
                    "`{place}` ({path}) and `endpoints.{other}.path` ({other_path}) overlap; \
                     neither may be the other's beginning"
                );
                add(&place, text);
            }
        }
        taken.insert(path, name);
    }
}

fn client_libraries(config: &Config, add: &mut impl FnMut(&str, String)) {
    for (name, endpoint) in &config.endpoints {
        let address = endpoint.sockjs_client_library.as_str();
        let is_address = ["/", "https://", "http://"]
            .iter()
            .any(|start| address.starts_with(start));
        if address != "none" && !is_address {
            let place = format!("endpoints.{name}.sockjs_client_library");
            let text = format!(
                "`{place}` is {address:?}; it must be a path of this server (\"/…\"), a URL, or \
                 \"none\""
            );
            add(&place, text);
        }
    }
}

fn pages(config: &Config, add: &mut impl FnMut(&str, String)) {
    if config.widget.origins.iter().any(|origin| origin == "null") {
        let text = "a page whose origin is null cannot show the widget; remove \"null\" from \
                    `widget.origins`";
        add("widget.origins", text.to_owned());
    }
    if config.desk.sign_in_url.is_some() && config.desk.token_url.is_none() {
        let text = "`desk.sign_in_url` is for agents whom `desk.token_url` does not know; set that \
                    too";
        add("desk.sign_in_url", text.to_owned());
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn cookie(config: &Config, add: &mut impl FnMut(&str, String)) {
    if config.auth.cookie.is_none() {
        return;
    }
    for (name, endpoint) in config
        .endpoints
        .iter()
        .filter(|(_, endpoint)| endpoint.enabled)
    {
        if endpoint.origins.iter().any(|origin| origin == "*") {
            let text = format!(
                "with a cookie any page could connect as its visitor, because \
                 `endpoints.{name}.origins` has \"*\"; list the origins, or remove `auth.cookie`"
            );
            add("auth.cookie", text);
        }
    }
}
