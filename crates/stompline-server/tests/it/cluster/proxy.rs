//! A wire between a node and Redis that can be cut: what is on it stays there, nothing is closed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

pub(super) struct Proxy {
    address: String,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    cut: Mutex<bool>,
    changed: Condvar,
}

impl Proxy {
    pub(super) fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let wire = Arc::new(Wire::default());
        let shared = Arc::clone(&wire);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                carry(&client, &server, &shared);
                carry(&server, &client, &shared);
            }
        });
        Self { address, wire }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn cut(&self, cut: bool) {
        *self.wire.cut.lock().unwrap() = cut;
        self.wire.changed.notify_all();
    }
}

impl Wire {
    fn wait(&self) {
        let cut = self.cut.lock().unwrap();
        drop(self.changed.wait_while(cut, |cut| *cut).unwrap());
    }
}

fn carry(from: &TcpStream, to: &TcpStream, wire: &Arc<Wire>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let wire = Arc::clone(wire);
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            wire.wait();
            if count == 0 || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
