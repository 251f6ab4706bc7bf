//! What each scenario takes on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use stompline_load::scenario::agent::Agent;
use stompline_load::scenario::chat::Chat;
use stompline_load::scenario::churn::Churn;
use stompline_load::scenario::crowd::{Crowd, Pace};
use stompline_load::scenario::flat::Flat;
use stompline_load::scenario::idle::Idle;
use stompline_load::scenario::pairs::Pairs;
use stompline_load::scenario::storm::Storm;
use stompline_load::simulate::Simulation;

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
    /// Let these wake after so many seconds, read all that waits, and stop again
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    doze_s: Option<f64>,
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
    /// Through a handler at /app/to/{user} and /user/queue/direct, as the example `direct` has them
    #[arg(long)]
    direct: bool,
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
    /// Messages to single users, from many publishers at once, as fast as they go
    #[arg(long, default_value_t = 0)]
    flat: u32,
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
            flat: self.flat,
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
            doze: None,
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
            doze: self.doze_s.map(Duration::from_secs_f64),
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
            direct: self.direct,
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

pub(super) fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}
