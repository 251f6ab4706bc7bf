//! The log: lines for people or for machines, on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Format, Log};

/// What [`FrameLog`](stompline::FrameLog) writes.
const FRAMES: &str = "stompline::frame=debug";

/// Starts logging for the whole process. The second call in a process changes nothing.
pub(crate) fn start(log: &Log) {
    let filter = filter(log);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // A failure means that a subscriber is there already, and then its owner has chosen.
    let _ = match log.format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
}

/// The frames that `log.frames` asks for are shown at any level.
fn filter(log: &Log) -> EnvFilter {
    let filter = EnvFilter::builder().parse_lossy(&log.level);
    match FRAMES.parse() {
        Ok(frames) if log.frames => filter.add_directive(frames),
        _ => filter,
    }
}
