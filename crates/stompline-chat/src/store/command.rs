//! The commands, one file each.

mod close;
mod point;
mod send;
mod start;
mod take;

use super::fault::Fault;
use super::ledger::Ledger;
use super::round::Round;
use crate::command::Command;
use crate::reply::Ack;

/// Carries out one command: finds what it is about, applies the rules, saves what came of it.
pub(super) async fn carry_out_one<L: Ledger>(
    round: &mut Round<'_, L>,
    command: Command,
) -> Result<Ack, Fault> {
    match command {
        Command::Send(command) => send::send(round, command).await,
        Command::Start(command) => start::start(round, command).await,
        Command::Take(command) => take::take(round, command).await,
        Command::Close(command) => close::close(round, command).await,
        Command::Point(command) => point::point(round, command).await,
    }
}
