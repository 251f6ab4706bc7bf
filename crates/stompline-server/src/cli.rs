//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::duration;
use crate::secret::Secret;

/// STOMP over WebSocket and SockJS, with a live chat.
#[derive(Debug, Parser)]
#[command(name = "stompline", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Print a token that the server with the same configuration accepts
    Token(TokenArgs),
    /// Check a running server from outside, step by step, and say what to do about what fails
    Doctor(DoctorArgs),
    /// Check, print or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Listen here instead of at the key `listen`; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub data: DataArg,
    /// Try it out: make a signing secret if there is none, let visitors in, show the demo page
    #[arg(long)]
    pub demo: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The user's id (claim `sub`)
    #[arg(long, value_name = "ID", value_parser = not_empty)]
    pub user: String,
    /// What the user is (claim `userType`)
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub user_type: TokenUserType,
    /// The name that others see (claim `name`)
    #[arg(long, value_parser = not_empty)]
    pub name: Option<String>,
    /// How long the token lasts, such as 30m, 1h or 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = ttl)]
    pub ttl: Duration,
    /// A further claim; may be given several times
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    pub claims: Vec<(String, String)>,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub data: DataArg,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The server, as clients reach it; may end with the endpoint's path
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Connect with this token; - reads it from stdin. Without it, one is made with the keys of
    /// --config or --data, or of a server that is started here
    #[arg(long, value_name = "TOKEN", value_parser = secret, allow_hyphen_values = true)]
    pub token: Option<Secret>,
    /// Check that pages of this origin may connect
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub origin: Option<String>,
    /// Look at this endpoint: chat, agent or a path. By default the one for the token's userType
    #[arg(long, value_name = "NAME|PATH")]
    pub endpoint: Option<String>,
    /// Also wait this long with nothing but heart-beats, to find time limits of proxies
    #[arg(long, value_name = "DURATION", value_parser = patience)]
    pub idle: Option<Duration>,
    /// Give up after this long, without the time of --idle
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    pub timeout: Duration,
    /// Print one JSON object for each step
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub config: ConfigFile,
    #[command(flatten)]
    pub data: DataArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is valid
    Check(ConfigFile),
    /// Print a commented file with every default
    Default,
    /// Print every key with its meaning, type, default, value and where the value comes from
    Explain(ConfigFile),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// Read this TOML file
    #[arg(long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DataArg {
    /// Keep files here instead of in the key `data`
    #[arg(long = "data", value_name = "DIR")]
    pub dir: Option<String>,
}

/// The user types that tokens are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenUserType {
    Customer,
    Agent,
}

impl TokenUserType {
    /// The value of the claim `userType`.
    pub(crate) fn claim(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
        }
    }
}

/// The claims that have flags of their own or follow from the configuration.
const OWN_CLAIMS: &[&str] = &["sub", "userType", "name", "iat", "exp", "nbf", "iss", "aud"];

fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a claim is written NAME=VALUE")?;
    if name.is_empty() {
        return Err("a claim is written NAME=VALUE".to_owned());
    }
    if OWN_CLAIMS.contains(&name) {
        return Err(format!(
            "`{name}` is set by the other flags and by the configuration"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn ttl(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|ttl| *ttl >= Duration::from_secs(1))
        .ok_or_else(|| "a duration of one second or more is expected: 30m, 1h, 7d".to_owned())
}

#[allow(clippy::unnecessary_wraps, reason = "clap wants a Result")]
fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// The longest that `doctor` waits for anything.
const PATIENCE_MAX: Duration = Duration::from_mins(10);

fn patience(text: &str) -> Result<Duration, String> {
    duration(text)
        .filter(|time| (Duration::from_secs(1)..=PATIENCE_MAX).contains(time))
        .ok_or_else(|| "a duration from 1s to 10m is expected".to_owned())
}

/// An origin as browsers write it: scheme, host, perhaps a port, and nothing behind.
fn origin(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"/?#@*".contains(&byte))
    });
    if !is_origin {
        return Err("an origin is written https://HOST[:PORT], with nothing behind it".to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it must not be empty".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn claims_are_split_at_the_first_sign() {
        assert_eq!(claim("url=a=b"), Ok(("url".to_owned(), "a=b".to_owned())));
        for bad in ["site", "=1", "exp=1", "userType=agent"] {
            assert!(claim(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_have_no_path() {
        let good = ["https://Shop.example", "http://127.0.0.1:3000"];
        for text in good {
            assert_eq!(origin(text), Ok(text.to_ascii_lowercase()));
        }
        for bad in [
            "shop.example",
            "https://",
            "https://a/",
            "https://*.a",
            "https://a b",
            "null",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patience_has_bounds() {
        assert_eq!(patience("10m"), Ok(PATIENCE_MAX));
        for bad in ["0s", "999ms", "11m", "5"] {
            assert!(patience(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ttl_is_a_second_at_least() {
        assert_eq!(ttl("7d"), Ok(Duration::from_hours(168)));
        for bad in ["0s", "500ms", "1", "forever"] {
            assert!(ttl(bad).is_err(), "{bad}");
        }
    }
}
