//! What is to be looked at, as whom, and for how long.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use stompline::auth::Principal;
use stompline::{Realm, UserName};

use super::claims::Claims;
use crate::cli::DoctorArgs;
use crate::client::target::Target;
use crate::config::{self, Config, Origin, UserType};
use crate::failure::Failure;
use crate::jwks::{Address, Jwks};
use crate::keyring::Keyring;
use crate::secret::Secret;

/// How long tokens last that are made here: longer than the longest examination.
const TTL: Duration = Duration::from_mins(30);

/// The user of tokens that are made here.
const USER: &str = "doctor";

/// The longest token that is read from stdin; servers take headers of a few KiB.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;

/// The whole examination.
#[derive(Debug)]
pub(super) struct Plan {
    pub target: Target,
    /// One for each endpoint to be looked at.
    pub subjects: Vec<Subject>,
    pub origin: Option<String>,
    pub time: Duration,
    pub idle: Option<Duration>,
}

/// An endpoint, and as whom to connect there.
#[derive(Debug)]
pub(super) struct Subject {
    pub path: String,
    /// The user type that the endpoint is for, if that is known.
    pub wanted: Option<String>,
    pub token: Option<Token>,
}

/// A token and what is known of it here.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub secret: Secret,
    pub claims: Result<Claims, &'static str>,
    /// Whether it was made here.
    pub is_own: bool,
    /// Why the local configuration would refuse it, if that was given.
    pub refused: Option<String>,
}

impl Token {
    /// Whom it names.
    pub(super) fn sub(&self) -> Option<&str> {
        self.claims.as_ref().ok()?.sub.as_deref()
    }
}

/// An endpoint that is known by name.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    name: String,
    path: String,
    wanted: Option<String>,
}

impl Plan {
    /// Reads the arguments, the token and, where there is one, the configuration.
    pub(super) async fn make(args: &DoctorArgs) -> Result<Self, Failure> {
        let target = Target::parse(&args.url).map_err(|what| {
            misuse(format!(
                "URL: the address has {what}; it is written http://HOST[:PORT][/ENDPOINT], also with https, ws or wss"
            ))
        })?;
        if target.path.is_some() && args.endpoint.is_some() {
            return Err(misuse(
                "the endpoint is given twice: in the URL and with --endpoint",
            ));
        }
        let local = Local::read(args, target.is_loopback())?;
        let given = match &args.token {
            Some(token) => {
                let unfetched = local.fetch_keys().await.err();
                let mut read = read_token(token, local.keyring.as_ref())?;
                // A key that is missing here would be the reason otherwise.
                read.refused = read.refused.map(|why| unfetched.unwrap_or(why));
                Some(read)
            }
            None => None,
        };
        let asked = args.endpoint.as_deref().or(target.path.as_deref());
        let signs = local.keyring.is_some();
        let places = choose(known(&local.config), asked, given.as_ref(), signs)?;
        let mut subjects = Vec::new();
        for place in places {
            let token = match (&given, &local.keyring) {
                (Some(token), _) => Some(token.clone()),
                (None, Some(keyring)) => Some(sign(keyring, place.wanted.as_deref())?),
                (None, None) => None,
            };
            subjects.push(Subject {
                path: place.path,
                wanted: place.wanted,
                token,
            });
        }
        Ok(Self {
            target,
            subjects,
            origin: args.origin.clone(),
            time: args.timeout,
            idle: args.idle,
        })
    }
}

/// The configuration of a server on this machine.
struct Local {
    config: Config,
    /// Its keys, if it is to be used for tokens.
    keyring: Option<Keyring>,
}

impl Local {
    /// What `--config` and `--data` name must be there. Without them and without a token, a server
    /// on this machine is taken to be the one that `serve` would start here, if that has keys: they
    /// are not used for an address elsewhere.
    fn read(args: &DoctorArgs, is_loopback: bool) -> Result<Self, Failure> {
        let data = args.data.dir.as_deref();
        let origin = Origin {
            file: args.config.file.as_deref(),
            environment: config::environment(),
            flags: data
                .map(|text| ("--data", "data", text))
                .into_iter()
                .collect(),
        };
        if origin.file.is_some() || data.is_some() {
            let config = config::load(origin)?.config;
            let keyring = Some(Keyring::read(&config)?);
            return Ok(Self { config, keyring });
        }
        if args.token.is_none()
            && is_loopback
            && let Ok(loaded) = config::load(origin)
            && let Ok(keyring) = Keyring::read(&loaded.config)
            && keyring.signer().is_ok()
        {
            return Ok(Self {
                config: loaded.config,
                keyring: Some(keyring),
            });
        }
        Ok(Self {
            config: config::load(Origin::default())?.config,
            keyring: None,
        })
    }
}

impl Local {
    /// Fetches the keys of the identity provider as the server would, if the configuration names one.
    async fn fetch_keys(&self) -> Result<(), String> {
        let auth = &self.config.auth;
        let keys = self.keyring.as_ref().and_then(Keyring::key_set);
        let (Some(url), Some(keys)) = (&auth.jwks_url, keys) else {
            return Ok(());
        };
        let fetched = Jwks::start(Address::parse(url)?, keys.clone(), auth).await;
        fetched.map(drop).map_err(|why| why.to_string())
    }
}

/// The endpoints that are switched on, chat and agent first.
fn known(config: &Config) -> Vec<Known> {
    let mut known: Vec<_> = config
        .endpoints
        .iter()
        .filter(|(_, endpoint)| endpoint.enabled)
        .map(|(name, endpoint)| Known {
            name: name.clone(),
            path: endpoint.path.clone(),
            wanted: match endpoint.user_type {
                UserType::Customer => Some("customer".to_owned()),
                UserType::Agent => Some("agent".to_owned()),
                UserType::Any => None,
            },
        })
        .collect();
    known.sort_by_key(|known| match known.name.as_str() {
        "chat" => 0,
        "agent" => 1,
        _ => 2,
    });
    known
}

/// Which endpoints to look at: the one asked for, or the one for the token's user type, or, with
/// tokens made here, that of customers and that of agents.
fn choose(
    known: Vec<Known>,
    asked: Option<&str>,
    token: Option<&Token>,
    signs: bool,
) -> Result<Vec<Known>, Failure> {
    match asked {
        Some(path) if path.starts_with('/') => {
            let path = path.trim_end_matches('/');
            if path.is_empty() || !is_path(path) {
                return Err(misuse("--endpoint: a path such as /ws/chat is expected"));
            }
            let place = known.into_iter().find(|known| known.path == path);
            return Ok(vec![place.unwrap_or_else(|| Known {
                name: String::new(),
                path: path.to_owned(),
                wanted: None,
            })]);
        }
        Some(name) => {
            let names: Vec<_> = known.iter().map(|known| known.name.clone()).collect();
            let place = known.into_iter().find(|known| known.name == name);
            let unknown = || {
                let names = names.join(", ");
                misuse(format!(
                    "--endpoint: one of {names}, or a path such as /ws/chat, is expected"
                ))
            };
            return Ok(vec![place.ok_or_else(unknown)?]);
        }
        None => {}
    }
    let user_type = token.and_then(|token| token.claims.as_ref().ok()?.user_type.clone());
    let for_type = |known: &&Known| known.wanted.is_some() && known.wanted == user_type;
    let (fits, rest): (Vec<_>, Vec<_>) = known.into_iter().partition(|known| for_type(&known));
    let count = if signs && token.is_none() { 2 } else { 1 };
    let places: Vec<_> = fits.into_iter().chain(rest).take(count).collect();
    if places.is_empty() {
        return Err(misuse("the configuration has every endpoint switched off"));
    }
    Ok(places)
}

fn is_path(path: &str) -> bool {
    path.bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
}

/// Takes the token of the command line, or the first line of stdin for `-`.
fn read_token(given: &Secret, keyring: Option<&Keyring>) -> Result<Token, Failure> {
    let secret = if given.expose() == "-" {
        let mut text = String::new();
        io::stdin()
            .take(TOKEN_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| misuse(format!("--token -: cannot read stdin: {error}")))?;
        Secret::new(&text)
    } else {
        given.clone()
    };
    let text = secret.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(misuse(
            "--token: a token is letters, digits, dots, `-` and `_` without blanks or line ends; copy it whole",
        ));
    }
    let refused = match keyring {
        Some(keyring) => {
            let verified = keyring.authenticator()?.verify(text);
            verified.err().map(|error| error.to_string())
        }
        None => None,
    };
    Ok(Token {
        claims: Claims::read(text),
        secret,
        is_own: false,
        refused,
    })
}

/// Makes a token for the endpoint's user type.
fn sign(keyring: &Keyring, wanted: Option<&str>) -> Result<Token, Failure> {
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let now = SystemTime::now();
    let realm = Realm::new(wanted.unwrap_or("customer")).map_err(|error| other(&error))?;
    let name = UserName::new(USER).map_err(|error| other(&error))?;
    let principal = Principal::new(realm, name).with_expiry(now + TTL);
    let token = keyring.signer()?.sign(&principal, now);
    let secret = Secret::new(&token.map_err(|error| other(&error))?);
    Ok(Token {
        claims: Claims::read(secret.expose()),
        secret,
        is_own: true,
        refused: None,
    })
}

fn misuse(what: impl Into<String>) -> Failure {
    Failure::Misuse(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Vec<Known> {
        known(
            &config::load(Origin::default())
                .expect("the defaults are valid")
                .config,
        )
    }

    fn token(user_type: &str) -> Token {
        Token {
            secret: Secret::new("x"),
            claims: Ok(Claims {
                user_type: Some(user_type.to_owned()),
                ..Claims::default()
            }),
            is_own: false,
            refused: None,
        }
    }

    type Row<'a> = (Option<&'a str>, Option<&'a Token>, bool, &'a [&'a str]);

    #[test]
    fn endpoints_are_chosen() {
        let (customer, agent, other) = (token("customer"), token("agent"), token("other"));
        let rows: [Row<'_>; 10] = [
            (None, None, false, &["/ws/chat"]),
            (None, None, true, &["/ws/chat", "/ws/agent"]),
            (None, Some(&customer), false, &["/ws/chat"]),
            (None, Some(&agent), false, &["/ws/agent"]),
            (None, Some(&agent), true, &["/ws/agent"]),
            (None, Some(&other), false, &["/ws/chat"]),
            (Some("agent"), Some(&customer), false, &["/ws/agent"]),
            (Some("agent"), None, true, &["/ws/agent"]),
            (Some("/ws/agent/"), None, true, &["/ws/agent"]),
            (Some("/prefix/ws"), Some(&agent), false, &["/prefix/ws"]),
        ];
        for (asked, token, signs, expected) in rows {
            let chosen = choose(defaults(), asked, token, signs).unwrap();
            let paths: Vec<_> = chosen.iter().map(|place| place.path.as_str()).collect();
            assert_eq!(paths, expected, "{asked:?} {token:?}");
        }
    }

    #[test]
    fn known_paths_have_their_user_type() {
        let chosen = |asked| choose(defaults(), Some(asked), None, false).unwrap();
        assert_eq!(chosen("/ws/agent")[0].wanted.as_deref(), Some("agent"));
        assert_eq!(chosen("/elsewhere")[0].wanted, None);
    }

    #[test]
    fn wrong_endpoints_are_refused() {
        for asked in ["/", "/a b", "/a?token=x", "nobody", ""] {
            let failure = choose(defaults(), Some(asked), None, false).unwrap_err();
            assert!(
                failure.to_string().contains("/ws/chat"),
                "{asked}: {failure}"
            );
        }
    }

    #[test]
    fn tokens_are_read_and_not_shown() {
        let secret = "0123456789abcdef0123456789abcdef";
        let mut config = config::load(Origin::default()).unwrap().config;
        config.auth.secrets = vec![Secret::new(secret)];
        let keyring = Keyring::read(&config).unwrap();
        let own = sign(&keyring, Some("agent")).unwrap();
        assert_eq!(own.sub(), Some(USER));
        let read = read_token(&own.secret, Some(&keyring)).unwrap();
        assert_eq!((read.refused, read.is_own), (None, false));
        let cut = &own.secret.expose()[..own.secret.expose().len() - 8];
        let read = read_token(&Secret::new(cut), Some(&keyring)).unwrap();
        assert!(read.refused.is_some());
        for bad in ["", "a b", "a\r\nX: y"] {
            let failure = read_token(&Secret::new(bad), None).unwrap_err();
            assert!(failure.to_string().starts_with("--token:"), "{failure}");
        }
    }
}
