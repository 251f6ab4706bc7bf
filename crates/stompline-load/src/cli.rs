//! The command line.

mod argument;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use stompline_load::client::Transport;
use stompline_load::process::Process;
use stompline_load::scenario::Setup;
use stompline_load::target::Target;
use stompline_load::token::Tokens;

use self::argument::{
    ChatAgentArgs, ChatArgs, ChurnArgs, FanoutArgs, FlatArgs, IdleArgs, PageArgs, PairsArgs,
    RoomsArgs, SimulateArgs, SlowArgs, StormArgs, seconds,
};

/// What the server needs for the scenarios; shown below the options.
const SERVER_SETTINGS: &str = "\
The server:
  Most scenarios let customers SEND to topics, which nobody may by default. Put this into a file
  and start the server with `stompline serve --config FILE --data DIR`:

      [[access.rules]]
      effect = \"allow\"
      action = \"any\"
      destination = \"/topic/load.*\"
      who = \"anyone\"

  `chat` and `chat-agent` write faster than people; switch the rate limits off:

      STOMPLINE_CHAT__RATE__CUSTOMER_PER_S=0 STOMPLINE_CHAT__RATE__AGENT_PER_S=0

  Another server, which takes name and secret in CONNECT, such as RabbitMQ's:

      --url ws://127.0.0.1:15674 --login guest --passcode guest --customer-path /ws

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
    /// Send this name in CONNECT, and no token; {number} stands for the session's number
    #[arg(long, global = true, requires = "passcode", conflicts_with = "token")]
    login: Option<String>,
    /// The secret that goes with --login
    #[arg(long, global = true, requires = "login")]
    passcode: Option<String>,
    /// What carries the sessions
    #[arg(long, global = true, default_value = "websocket", value_parser = transport())]
    transport: Transport,
    /// Topics, with {name} for the name that the scenario gives
    #[arg(
        long,
        global = true,
        value_name = "TEMPLATE",
        default_value = "/topic/load.{name}"
    )]
    topic: String,
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
    #[command(flatten)]
    Drive(Scenario),
    /// Many sessions in this process over connections in memory; needs no server
    Simulate(SimulateArgs),
    /// Write the tables and the picture of a page from the results of `make bench`
    Page(PageArgs),
}

/// What is done to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Open sessions that do nothing: memory of each (needs --pid)
    Idle(IdleArgs),
    /// One publisher to one subscriber, flat out
    Flat(FlatArgs),
    /// One publisher to many subscribers
    Fanout(FanoutArgs),
    /// Many topics with few members each, one of which publishes
    Rooms(RoomsArgs),
    /// Fan-out with subscribers that stop reading: what the others feel
    Slow(SlowArgs),
    /// Sessions that come and go
    Churn(ChurnArgs),
    /// All sessions cut off at once, and back at once
    Storm(StormArgs),
    /// Pairs of sessions that answer one another
    Pairs(PairsArgs),
    /// Customers of the chat who write at a pace: time from SEND to RECEIPT
    Chat(ChatArgs),
    /// One agent of the chat with many sends outstanding: receipts a second
    ChatAgent(ChatAgentArgs),
}

impl Server {
    /// What scenarios need, or what is wrong with the arguments.
    pub(crate) fn setup(self) -> Result<Setup, String> {
        let target = Target::parse(&self.url, self.any_host).map_err(|error| error.to_string())?;
        if !self.topic.contains("{name}") {
            let topic = self.topic;
            return Err(format!(
                "--topic {topic} must contain {{name}}, so that topics differ"
            ));
        }
        let tokens = match (self.token, &self.login) {
            (Some(token), _) => Tokens::Given(token),
            (None, Some(_)) => Tokens::Without,
            (None, None) => {
                Tokens::from_secret_file(&self.secret_file).map_err(|error| error.to_string())?
            }
        };
        Ok(Setup {
            target,
            tokens,
            login: self.login.zip(self.passcode),
            transport: self.transport,
            destination: self.topic,
            customer_path: self.customer_path,
            agent_path: self.agent_path,
            process: self.pid.map(Process::new),
            run: Setup::fresh_run(),
            time_max: seconds(self.time_max_s),
        })
    }
}

impl Scenario {
    /// The scenario's name, as reports have it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle(_) => "idle",
            Self::Flat(_) => "flat",
            Self::Fanout(_) => "fanout",
            Self::Rooms(_) => "rooms",
            Self::Slow(_) => "slow",
            Self::Churn(_) => "churn",
            Self::Storm(_) => "storm",
            Self::Pairs(_) => "pairs",
            Self::Chat(_) => "chat",
            Self::ChatAgent(_) => "chat-agent",
        }
    }
}

/// Transports by their names.
fn transport() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(Transport::ALL.map(Transport::name)).map(|name| {
        Transport::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
            .unwrap_or_default()
    })
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
        assert!(matches!(cli.command, Command::Drive(Scenario::Flat(_))));
    }

    #[test]
    fn zero_sessions_are_refused() {
        assert!(Cli::try_parse_from(["stompline-load", "idle", "--sessions", "0"]).is_err());
    }

    #[test]
    fn unknown_transport_is_refused_with_those_there_are() {
        let args = ["stompline-load", "flat", "--transport", "pigeon"];
        let refused = Cli::try_parse_from(args).unwrap_err().to_string();
        assert!(refused.contains("xhr-streaming"), "{refused}");
    }

    #[test]
    fn topic_without_a_name_is_refused() {
        let args = [
            "stompline-load",
            "--token",
            "t",
            "--topic",
            "/topic/a",
            "flat",
        ];
        let refused = Cli::try_parse_from(args)
            .unwrap()
            .server
            .setup()
            .unwrap_err();
        assert!(refused.contains("{name}"), "{refused}");
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
