//! The `stompline` executable.

mod api;
mod application;
mod cli;
mod client;
mod cluster;
mod config;
mod data_dir;
mod descriptor;
mod doctor;
mod failure;
mod hex;
mod http;
mod jwks;
mod keyring;
mod listener;
mod logging;
mod metrics;
mod pages;
mod rest;
mod secret;
mod serve;
mod session_log;
mod store;
mod token;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::config::{Loaded, Origin};
use crate::failure::Failure;

/// Gives back what waves of connections needed, which the system's own allocator keeps; `.cargo/config.toml` says how soon.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(failure) => {
            for line in failure.to_string().lines() {
                eprintln!("stompline: {line}");
            }
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Doctor(args) => return doctor::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Token(args) => print(&format!("{}\n", token::make(&args)?)),
        Command::Config(ConfigCommand::Default) => print(&config::default_file()),
        Command::Config(ConfigCommand::Explain(args)) => {
            print(&config::explanation(&load(args.file.as_deref())?))
        }
        Command::Config(ConfigCommand::Check(args)) => {
            load(args.file.as_deref())?;
            print("the configuration is valid\n")
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn load(file: Option<&Path>) -> Result<Loaded, Failure> {
    let environment = config::environment();
    Ok(config::load(Origin {
        file,
        environment,
        flags: Vec::new(),
    })?)
}

/// Writes to stdout. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}
