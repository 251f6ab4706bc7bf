//! One read of a socket.

use std::io;

use tokio::{io::Interest, net::TcpStream};

/// Reads once. A buffer that is not filled means that the socket has no more, so the runtime may forget at once that it was readable:
/// otherwise the next poll would ask the system again, for nothing, after every message. What arrives in between is a new event.
pub(super) fn read_once(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut drained = None;
    let outcome = stream.try_io(Interest::READABLE, || match stream.try_read(buffer) {
        Ok(count) if 0 < count && count < buffer.len() => {
            drained = Some(count);
            Err(io::ErrorKind::WouldBlock.into())
        }
        outcome => outcome,
    });
    drained.map_or(outcome, Ok)
}
