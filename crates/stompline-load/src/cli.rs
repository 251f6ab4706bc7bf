//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use stompline_load::client::Transport;
use stompline_load::process::Process;
use stompline_load::scenario::Setup;
use stompline_load::scenario::agent::Agent;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::churn::Churn;
use stompline_load::scenario::crowd::{Crowd, Pace};
use stompline_load::scenario::flat::Flat;
use stompline_load::scenario::idle::Idle;
use stompline_load::scenario::pairs::Pairs;
use stompline_load::scenario::storm::Storm;
use stompline_load::simulate::Simulation;
use stompline_load::target::Target;
use stompline_load::token::Tokens;

/// What the server needs for the scenarios; shown below the options.
const SERVER_SETTINGS: &str = "\
The server:
  Most scenarios let customers SEND to topics, which nobody may by default. Put this into a file and start the server with `stompline serve --config FILE --data DIR`:

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
    /// Send this name in CONNECT, and no token
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

/// What scenarios that publish for some time have in common.
#[derive(Debug, Args)]
pub(crate) struct Timing {
    /// Seconds that are measured
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0, value_parser = positive_seconds)]
    seconds: f64,
    /// Seconds before that
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = positive_seconds)]
    warm_up: f64,
    /// Bytes of each body; at least 21
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    body: usize,
}

#[derive(Debug, Args)]
pub(crate) struct FanoutArgs {
    #[arg(long, default_value_t = 1000, value_parser = positive())]
    subscribers: u32,
    /// Messages sent that not all have received
    #[arg(long, default_value_t = 64, value_parser = positive())]
    outstanding: u32,
    /// Messages a second instead, whatever was received
    #[arg(long, conflicts_with = "outstanding", value_parser = positive())]
    rate: Option<u32>,
    #[command(flatten)]
    timing: Timing,
}

#[derive(Debug, Args)]
pub(crate) struct RoomsArgs {
    #[arg(long, default_value_t = 500, value_parser = positive())]
    rooms: u32,
    #[arg(long, default_value_t = 4, value_parser = positive())]
    members: u32,
    /// Messages of each room that not all its members have received
    #[arg(long, default_value_t = 16, value_parser = positive())]
    outstanding: u32,
    /// Messages a second of all rooms together instead, whatever was received
    #[arg(long, conflicts_with = "outstanding", value_parser = positive())]
    rate: Option<u32>,
    /// Further sessions that connect, subscribe to something else and leave all the while
    #[arg(long, default_value_t = 0)]
    visitors: u32,
    #[command(flatten)]
    timing: Timing,
}

#[derive(Debug, Args)]
pub(crate) struct SlowArgs {
    #[arg(long, default_value_t = 100, value_parser = positive())]
    subscribers: u32,
    /// How many of them read nothing
    #[arg(long, default_value_t = 5)]
    stalled: u32,
    /// Messages a second
    #[arg(long, default_value_t = 100, value_parser = positive())]
    rate: u32,
    #[command(flatten)]
    timing: Timing,
}

#[derive(Debug, Args)]
pub(crate) struct ChurnArgs {
    /// Sessions at a time
    #[arg(long, default_value_t = 32, value_parser = positive())]
    at_once: u32,
    #[arg(long, default_value_t = 4, value_parser = positive())]
    seconds: u32,
}

#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    #[arg(long, default_value_t = 10_000, value_parser = positive())]
    sessions: u32,
    /// Connections under way at a time, when they come back
    #[arg(long, default_value_t = 256, value_parser = positive())]
    at_once: u32,
    /// Sessions opened in a second at most, before the storm
    #[arg(long, default_value_t = 4000, value_parser = positive())]
    connects_per_s: u32,
    /// What each session subscribes to
    #[arg(long, default_value = "/user/queue/messages")]
    destination: String,
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

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    sessions: u32,
    /// Seconds in which only heart-beats go to and fro
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    quiet_s: u32,
    /// Messages to all
    #[arg(long, default_value_t = 3)]
    broadcasts: u32,
    /// Threads of the runtime; 0 is one for each core
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Lines of JSON: what was run where, with the report
    pub results: PathBuf,
    /// The page; what stands between its markers is replaced
    pub page: PathBuf,
}

impl SimulateArgs {
    pub(crate) fn scenario(&self) -> Simulation {
        Simulation {
            sessions: self.sessions,
            quiet: seconds(self.quiet_s),
            broadcasts: self.broadcasts,
        }
    }
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

impl Timing {
    fn crowd(&self, name: &'static str) -> Crowd {
        Crowd {
            name,
            topics: 1,
            members: 1,
            member_publishes: false,
            pace: Pace::Outstanding(1),
            body_bytes: self.body,
            warm_up: Duration::from_secs_f64(self.warm_up),
            duration: Duration::from_secs_f64(self.seconds),
            stalled: 0,
            visitors: 0,
            series: false,
        }
    }
}

impl FanoutArgs {
    pub(crate) fn scenario(&self) -> Crowd {
        Crowd {
            members: self.subscribers,
            pace: pace(self.outstanding, self.rate),
            ..self.timing.crowd("fanout")
        }
    }
}

impl RoomsArgs {
    pub(crate) fn scenario(&self) -> Crowd {
        Crowd {
            topics: self.rooms,
            members: self.members,
            member_publishes: true,
            visitors: self.visitors,
            pace: pace(self.outstanding, self.rate),
            ..self.timing.crowd("rooms")
        }
    }
}

impl SlowArgs {
    pub(crate) fn scenario(&self) -> Crowd {
        Crowd {
            members: self.subscribers,
            pace: Pace::Rate(self.rate),
            stalled: self.stalled.min(self.subscribers),
            series: true,
            ..self.timing.crowd("slow")
        }
    }
}

impl ChurnArgs {
    pub(crate) fn scenario(&self) -> Churn {
        Churn {
            at_once: self.at_once,
            duration: seconds(self.seconds),
        }
    }
}

impl StormArgs {
    pub(crate) fn scenario(self) -> Storm {
        Storm {
            sessions: self.sessions,
            at_once: self.at_once as usize,
            connects_per_s: self.connects_per_s,
            destination: self.destination,
        }
    }
}

fn pace(outstanding: u32, rate: Option<u32>) -> Pace {
    rate.map_or(Pace::Outstanding(outstanding), Pace::Rate)
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

/// Seconds with a fraction, none to an hour.
fn positive_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=3600.0).contains(&number) => Ok(number),
        _ => Err("a number of seconds from 0 to 3600 is wanted".to_owned()),
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
