//! The tool `stompline-load`: one scenario, one report.

mod cli;

use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use stompline_load::report::Report;
use stompline_load::scenario::{ScenarioError, Setup};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::cli::{Cli, Command};

/// Exit code for wrong use, as clap has it.
const MISUSE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let setup = match cli.server.setup() {
        Ok(setup) => Rc::new(setup),
        Err(error) => {
            eprintln!("stompline-load: {error}");
            return ExitCode::from(MISUSE);
        }
    };
    // One thread: it never waits for itself, and it leaves the other cores to the server.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("stompline-load: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let name = cli.command.name();
    let tasks = LocalSet::new();
    let outcome = tasks.block_on(&runtime, run(cli.command, &setup));
    let report = outcome.unwrap_or_else(|error| {
        let mut report = Report::new(name);
        report.faults([error.to_string()]);
        report
    });
    eprint!("{}", report.to_table());
    println!("{}", report.to_json());
    if report.is_valid() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(command: Command, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
    match command {
        Command::Idle(args) => args.scenario().run(setup).await,
        Command::Flat(args) => args.scenario().run(setup).await,
        Command::Fanout(args) => args.scenario().run(setup).await,
        Command::Rooms(args) => args.scenario().run(setup).await,
        Command::Slow(args) => args.scenario().run(setup).await,
        Command::Churn(args) => args.scenario().run(setup).await,
        Command::Storm(args) => args.scenario().run(setup).await,
        Command::Pairs(args) => args.scenario().run(setup).await,
        Command::Chat(args) => args.scenario().run(setup).await,
        Command::ChatAgent(args) => args.scenario().run(setup).await,
    }
}
