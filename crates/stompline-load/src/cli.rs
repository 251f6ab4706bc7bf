//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use stompline_load::process::Process;
use stompline_load::scenario::Setup;
use stompline_load::scenario::agent::Agent;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::fanout::Fanout;
use stompline_load::scenario::flat::Flat;
use stompline_load::scenario::idle::Idle;
use stompline_load::scenario::pairs::Pairs;
use stompline_load::target::Target;
use stompline_load::token::Tokens;

/// What the server needs for the scenarios; shown below the options.
const SERVER_SETTINGS: &str = "\
The server:
  `flat`, `fanout` and `pairs` let customers SEND to topics, which nobody may by default. Put this
  into a file and start the server with `stompline serve --config FILE --data DIR`:

      [[access.rules]]
      effect = \"allow\"
      action = \"any\"
      destination = \"/topic/load.*\"
      who = \"anyone\"

  `chat` and `chat-agent` write faster than people; switch the rate limits off:

      STOMPLINE_CHAT__RATE__CUSTOMER_PER_S=0 STOMPLINE_CHAT__RATE__AGENT_PER_S=0

  A secret for DIR: mkdir -p -m 700 DIR && (umask 077; head -c 32 /dev/urandom | base64 > DIR/secret)

A table goes to stderr, one line of JSON to stdout. The exit code is 1 if anything was lost, doubled,
out of order, refused or closed.";

/// Drives a STOMP-over-WebSocket server, checks it and measures it.
#[derive(Debug, Parser)]
#[command(name = "stompline-load", version, after_help = SERVER_SETTINGS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub server: Server,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The server, as ws://HOST:PORT
    #[arg(long, global = true, default_value = "ws://127.0.0.1:8080")]
    url: String,
    /// Allow a server on another machine
    #[arg(long, global = true)]
    any_host: bool,
    /// Sign a token for each user with the secret in this file, as in the server's data directory
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "stompline-data/secret"
    )]
    secret_file: PathBuf,
    /// Use this token for all sessions instead
    #[arg(long, global = true, conflicts_with = "secret_file")]
    token: Option<String>,
    /// The endpoint of customers
    #[arg(long, global = true, value_name = "PATH", default_value = "/ws/chat")]
    customer_path: String,
    /// The endpoint of agents
    #[arg(long, global = true, value_name = "PATH", default_value = "/ws/agent")]
    agent_path: String,
    /// The server's process on this machine, for memory and CPU
    #[arg(long, global = true)]
    pid: Option<u32>,
    /// Give a run up after so many seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60)]
    time_max_s: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open sessions that do nothing: memory of each (needs --pid)
    Idle(IdleArgs),
    /// One publisher to one subscriber, flat out
    Flat(FlatArgs),
    /// One publisher to many subscribers
    Fanout(FanoutArgs),
    /// Pairs of sessions that answer one another
    Pairs(PairsArgs),
    /// Customers of the chat who write at a pace: time from SEND to RECEIPT
    Chat(ChatArgs),
    /// One agent of the chat with many sends outstanding: receipts a second
    ChatAgent(ChatAgentArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IdleArgs {
    #[arg(long, default_value_t = 10_000, value_parser = positive())]
    sessions: u32,
    /// Sessions opened in a second at most
    #[arg(long, default_value_t = 2000, value_parser = positive())]
    connects_per_s: u32,
    /// Seconds of quiet before memory is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = positive())]
    quiet_s: u32,
    /// What each session subscribes to
    #[arg(long, default_value = "/user/queue/messages")]
    destination: String,
}

#[derive(Debug, Args)]
pub(crate) struct FlatArgs {
    #[arg(long, default_value_t = 100_000)]
    messages: u64,
    /// Bytes of each body; at least 20
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    body: usize,
}

#[derive(Debug, Args)]
pub(crate) struct FanoutArgs {
    #[arg(long, default_value_t = 1000, value_parser = positive())]
    subscribers: u32,
    #[arg(long, default_value_t = 1000)]
    messages: u64,
    /// Messages sent that not all have received
    #[arg(long, default_value_t = 64, value_parser = positive())]
    outstanding: u32,
    /// Bytes of each body; at least 20
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    body: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PairsArgs {
    #[arg(long, default_value_t = 100, value_parser = positive())]
    pairs: u32,
    #[arg(long, default_value_t = 4, value_parser = positive())]
    seconds: u32,
    /// Bytes of each body; at least 20
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    body: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[arg(long, default_value_t = 50, value_parser = positive())]
    customers: u32,
    /// Messages a second, of all together
    #[arg(long, default_value_t = 200, value_parser = positive())]
    rate: u32,
    #[arg(long, default_value_t = 10, value_parser = positive())]
    seconds: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ChatAgentArgs {
    /// Sends without a receipt at any time
    #[arg(long, default_value_t = 64, value_parser = positive())]
    outstanding: u32,
    #[arg(long, default_value_t = 10, value_parser = positive())]
    seconds: u32,
}

impl Server {
    /// What scenarios need, or what is wrong with the arguments.
    pub(crate) fn setup(self) -> Result<Setup, String> {
        let target = Target::parse(&self.url, self.any_host).map_err(|error| error.to_string())?;
        let tokens = match self.token {
            Some(token) => Tokens::Given(token),
            None => {
                Tokens::from_secret_file(&self.secret_file).map_err(|error| error.to_string())?
            }
        };
        Ok(Setup {
            target,
            tokens,
            customer_path: self.customer_path,
            agent_path: self.agent_path,
            process: self.pid.map(Process::new),
            run: Setup::fresh_run(),
            time_max: seconds(self.time_max_s),
        })
    }
}

impl Command {
    /// The scenario's name, as reports have it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle(_) => "idle",
            Self::Flat(_) => "flat",
            Self::Fanout(_) => "fanout",
            Self::Pairs(_) => "pairs",
            Self::Chat(_) => "chat",
            Self::ChatAgent(_) => "chat-agent",
        }
    }
}

impl IdleArgs {
    pub(crate) fn scenario(self) -> Idle {
        Idle {
            sessions: self.sessions,
            connects_per_s: self.connects_per_s,
            quiet: seconds(self.quiet_s),
            destination: self.destination,
        }
    }
}

impl FlatArgs {
    pub(crate) fn scenario(self) -> Flat {
        Flat {
            messages: self.messages,
            body_bytes: self.body,
        }
    }
}

impl FanoutArgs {
    pub(crate) fn scenario(self) -> Fanout {
        Fanout {
            subscribers: self.subscribers,
            messages: self.messages,
            outstanding: self.outstanding,
            body_bytes: self.body,
        }
    }
}

impl PairsArgs {
    pub(crate) fn scenario(self) -> Pairs {
        Pairs {
            pairs: self.pairs,
            duration: seconds(self.seconds),
            body_bytes: self.body,
        }
    }
}

impl ChatArgs {
    pub(crate) fn scenario(self) -> Chat {
        Chat {
            customers: self.customers,
            rate: self.rate,
            duration: seconds(self.seconds),
        }
    }
}

impl ChatAgentArgs {
    pub(crate) fn scenario(self) -> Agent {
        Agent {
            outstanding: self.outstanding as usize,
            duration: seconds(self.seconds),
        }
    }
}

fn positive() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
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
    fn options_may_follow_the_scenario() {
        let cli = Cli::try_parse_from(["stompline-load", "flat", "--messages", "5", "--pid", "1"]);
        let cli = cli.unwrap();
        assert_eq!(cli.server.pid, Some(1));
        assert_eq!(cli.command.name(), "flat");
    }

    #[test]
    fn zero_sessions_are_refused() {
        assert!(Cli::try_parse_from(["stompline-load", "idle", "--sessions", "0"]).is_err());
    }

    #[test]
    fn other_host_is_refused() {
        let args = [
            "stompline-load",
            "--url",
            "ws://192.0.2.1:80",
            "--token",
            "t",
            "flat",
        ];
        let cli = Cli::try_parse_from(args).unwrap();
        let refused = cli.server.setup().unwrap_err();
        assert!(refused.contains("--any-host"), "{refused}");
    }
}
