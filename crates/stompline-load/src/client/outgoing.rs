//! Bytes that wait for a socket.

use std::io;

use tokio::net::TcpStream;

/// Written bytes are cut off the front of the queue when they are more than this.
const WRITTEN_BYTES_MAX: usize = 64 * 1024;

/// What has to be sent on one socket, in one write as far as the socket takes it.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// What is to be appended to; the first `written` bytes have been sent.
    pub bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Writes what the socket takes. Returns whether it took anything.
    pub(super) fn write(&mut self, stream: &TcpStream) -> io::Result<bool> {
        let took = match stream.try_write(&self.bytes[self.written..]) {
            Ok(count) => {
                self.written += count;
                count > 0
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => false,
            Err(why) => return Err(why),
        };
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        } else if self.written > WRITTEN_BYTES_MAX {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        Ok(took)
    }
}
