//! Tokens for visitors of the widget and, in a demonstration, for agents.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stompline::auth::{JwtSigner, Principal};
use stompline::rate::{KeyedBuckets, Rate};
use stompline::{Realm, UserName};

use crate::hex::hex;

use super::{Api, problem::Problem};

/// Bytes of a device's secret: 256 random bits, which nobody guesses.
const SECRET_BYTES: usize = 32;

/// Addresses whose rate is remembered: some megabytes at the most.
const ADDRESSES_MAX: usize = 65_536;

/// Longest name that a demonstration's agent may give itself, in characters.
const NAME_CHARS_MAX: usize = 64;

/// Gives guests their tokens.
pub(crate) struct Guests {
    signer: JwtSigner,
    ttl: Duration,
    addresses: KeyedBuckets<IpAddr>,
}

impl Guests {
    /// Tokens good for `ttl`, at most `per_minute` for one address (0: no limit).
    pub(crate) fn new(signer: JwtSigner, ttl: Duration, per_minute: u32) -> Self {
        let rate = Rate::new(f64::from(per_minute) / 60.0, per_minute.max(1)).unwrap_or(Rate::OFF);
        let addresses = KeyedBuckets::new(rate, ADDRESSES_MAX);
        Self {
            signer,
            ttl,
            addresses,
        }
    }

    fn admit(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses
            .try_take(address, Instant::now())
            .map_err(Problem::too_fast)
    }

    fn token(&self, realm: &str, id: &str, name: Option<&str>) -> Result<Token, Problem> {
        let now = SystemTime::now();
        let realm = Realm::new(realm).map_err(|error| Problem::bad_request(error.to_string()))?;
        let user =
            UserName::new(id).map_err(|error| Problem::bad_request(format!("id: {error}")))?;
        let expires_at = now + self.ttl;
        let mut principal = Principal::new(realm, user).with_expiry(expires_at);
        if let Some(name) = name {
            principal = principal.with_display(name);
        }
        let token = self
            .signer
            .sign(&principal, now)
            .map_err(|error| Problem::internal(&error))?;
        let since = expires_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Token {
            token,
            expires_at: since.as_secs(),
        })
    }
}

struct Token {
    token: String,
    /// Seconds since 1970.
    expires_at: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GuestRequest {
    device_secret: Option<String>,
    /// The name that agents see.
    name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GuestSession {
    token: String,
    expires_at: u64,
    user_id: String,
    device_secret: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AgentRequest {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AgentSession {
    token: String,
    expires_at: u64,
    user_id: String,
    name: String,
}

/// A guest's token. The same device secret gives the same user, who needs no account for that.
pub(super) async fn session(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<GuestSession>, Problem> {
    let guests = api
        .guests
        .as_ref()
        .ok_or_else(|| Problem::forbidden("guests are not admitted here (api.guests)"))?;
    guests.admit(api.proxies.client(peer.ip(), &headers))?;
    let asked: GuestRequest = read(&body)?;
    let device_secret = match asked.device_secret {
        Some(secret) => checked(secret)?,
        None => fresh_secret()?,
    };
    let user_id = user_of(&device_secret);
    let name = asked.name.as_deref().map(short);
    let Token { token, expires_at } = guests.token("customer", &user_id, name.as_deref())?;
    Ok(Json(GuestSession {
        token,
        expires_at,
        user_id,
        device_secret,
    }))
}

/// An agent's token, for a demonstration on this machine only.
pub(super) async fn agent(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<AgentSession>, Problem> {
    let guests = api
        .guests
        .as_ref()
        .filter(|_| peer.ip().is_loopback() && names_this_machine(&headers))
        .ok_or_else(|| Problem::forbidden("agents of a demonstration sit at this machine"))?;
    let asked: AgentRequest = read(&body)?;
    let user_id = asked.id.unwrap_or_else(|| "demo".to_owned());
    let name = asked
        .name
        .as_deref()
        .map_or_else(|| "Lin".to_owned(), short);
    let Token { token, expires_at } = guests.token("agent", &user_id, Some(&name))?;
    Ok(Json(AgentSession {
        token,
        expires_at,
        user_id,
        name,
    }))
}

/// Whether the request was made to this machine by its own name. A foreign page whose name was made to point here would say its
/// name instead.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The body, or nothing at all.
fn read<T: Default + serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))
}

fn short(name: &str) -> String {
    name.trim().chars().take(NAME_CHARS_MAX).collect()
}

fn checked(secret: String) -> Result<String, Problem> {
    match URL_SAFE_NO_PAD.decode(&secret) {
        Ok(bytes) if bytes.len() == SECRET_BYTES => Ok(secret),
        _ => Err(Problem::bad_request(
            "deviceSecret is not one that this server gave out; leave it out to get a new one",
        )),
    }
}

fn fresh_secret() -> Result<String, Problem> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Problem::internal(&error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The user that a device secret stands for. The id is shown to agents; the secret cannot be found from it.
fn user_of(device_secret: &str) -> String {
    let digest = Sha256::digest(format!("stompline guest {device_secret}"));
    format!("guest-{}", hex(&digest[..10]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_secret_is_same_user() {
        let (one, other) = (fresh_secret().unwrap(), fresh_secret().unwrap());
        assert_eq!(user_of(&one), user_of(&one));
        assert_ne!(user_of(&one), user_of(&other));
        assert!(checked(one).is_ok());
    }

    #[test]
    fn only_own_names_are_this_machine() {
        for (host, own) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("[::1]:8080", true),
            ("evil.test:8080", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(names_this_machine(&headers), own, "{host}");
        }
    }

    #[test]
    fn foreign_secret_is_refused() {
        for secret in ["", "short", "!!!!"] {
            assert!(checked(secret.to_owned()).is_err(), "{secret}");
        }
    }
}
