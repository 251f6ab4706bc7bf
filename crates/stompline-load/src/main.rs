//! The tool `stompline-load`: one scenario, one report.

mod cli;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use stompline_load::report::Report;
use stompline_load::scenario::{ScenarioError, Setup};
use stompline_load::{page, simulate};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::cli::{Cli, Command, Scenario, Server};

/// Exit code for wrong use, as clap has it.
const MISUSE: u8 = 2;

/// The server's allocator, so that sessions in this process cost what they cost there.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let Cli { server, command } = Cli::parse();
    match command {
        Command::Page(args) => match page::write(&args.results, &args.page) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string(), ExitCode::FAILURE),
        },
        Command::Simulate(args) => match simulate::run(args.scenario(), args.threads) {
            Ok(report) => tell(&report),
            Err(error) => fail(&format!("cannot start: {error}"), ExitCode::FAILURE),
        },
        Command::Drive(scenario) => drive(server, scenario),
    }
}

/// Runs a scenario against a server.
fn drive(server: Server, scenario: Scenario) -> ExitCode {
    let setup = match server.setup() {
        Ok(setup) => Rc::new(setup),
        Err(error) => return fail(&error, ExitCode::from(MISUSE)),
    };
    let name = scenario.name();
    let outcome = match block_on(scenario, &setup) {
        Ok(outcome) => outcome,
        Err(error) => return fail(&format!("cannot start: {error}"), ExitCode::FAILURE),
    };
    tell(&outcome.unwrap_or_else(|error| {
        let mut report = Report::new(name);
        report.faults([error.to_string()]);
        report
    }))
}

/// One thread: it never waits for itself, and it leaves the other cores to the server.
fn block_on(scenario: Scenario, setup: &Rc<Setup>) -> io::Result<Result<Report, ScenarioError>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(LocalSet::new().block_on(&runtime, run(scenario, setup)))
}

fn tell(report: &Report) -> ExitCode {
    eprint!("{}", report.to_table());
    println!("{}", report.to_json());
    if report.is_valid() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn fail(error: &str, code: ExitCode) -> ExitCode {
    eprintln!("stompline-load: {error}");
    code
}

async fn run(scenario: Scenario, setup: &Rc<Setup>) -> Result<Report, ScenarioError> {
    match scenario {
        Scenario::Idle(args) => args.scenario().run(setup).await,
        Scenario::Flat(args) => args.scenario().run(setup).await,
        Scenario::Fanout(args) => args.scenario().run(setup).await,
        Scenario::Rooms(args) => args.scenario().run(setup).await,
        Scenario::Slow(args) => args.scenario().run(setup).await,
        Scenario::Churn(args) => args.scenario().run(setup).await,
        Scenario::Storm(args) => args.scenario().run(setup).await,
        Scenario::Pairs(args) => args.scenario().run(setup).await,
        Scenario::Chat(args) => args.scenario().run(setup).await,
        Scenario::ChatAgent(args) => args.scenario().run(setup).await,
    }
}
