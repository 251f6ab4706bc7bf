//! What the server's process uses, read from `/proc`.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The server's process on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

/// Memory of a process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Everything resident, bytes.
    pub resident_bytes: u64,
    /// What of it belongs to no file: heap and stacks, bytes.
    pub anonymous_bytes: u64,
}

impl Process {
    /// The process with this id.
    pub const fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Its memory now.
    ///
    /// # Errors
    ///
    /// There is no such process, or it belongs to somebody else.
    pub fn memory(self) -> io::Result<Memory> {
        parse_rollup(&fs::read_to_string(self.file("smaps_rollup"))?)
            .ok_or_else(|| io::Error::other("smaps_rollup has no Rss or Anonymous"))
    }

    /// Everything resident now, bytes. Cheaper for the process than [`memory`](Self::memory).
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn resident_bytes(self) -> io::Result<u64> {
        kib_of(&fs::read_to_string(self.file("status"))?, "VmRSS:")
            .ok_or_else(|| io::Error::other("status has no VmRSS"))
    }

    /// What its threads have computed so far, kernel included. Threads that have ended do not count.
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn cpu(self) -> io::Result<Duration> {
        self.sum_of_threads(0)
    }

    /// How long its threads have been ready and waited for a core, because others had it. Threads
    /// that have ended do not count.
    ///
    /// # Errors
    ///
    /// There is no such process.
    pub fn waited(self) -> io::Result<Duration> {
        self.sum_of_threads(1)
    }

    /// Adds up one field of what the scheduler knows about each thread, in nanoseconds.
    fn sum_of_threads(self, field: usize) -> io::Result<Duration> {
        let mut total_ns = 0;
        for task in fs::read_dir(self.file("task"))? {
            // A thread may end between the two calls.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            total_ns += text
                .split_whitespace()
                .nth(field)
                .and_then(|ns| ns.parse::<u64>().ok())
                .unwrap_or(0);
        }
        Ok(Duration::from_nanos(total_ns))
    }

    fn file(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }
}

/// How many descriptors this process may have open, if the system says so.
pub fn descriptors_max() -> Option<u64> {
    parse_limit(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse_rollup(text: &str) -> Option<Memory> {
    Some(Memory {
        resident_bytes: kib_of(text, "Rss:")?,
        anonymous_bytes: kib_of(text, "Anonymous:")?,
    })
}

/// The bytes that the line with this name gives in kilobytes.
fn kib_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn parse_limit(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollup_is_read_in_bytes() {
        let text = "0-1 ---p 0 00:00 0  [rollup]\nRss:   1680 kB\nPss: 1 kB\nAnonymous:   12 kB\n";
        let memory = Memory {
            resident_bytes: 1680 * 1024,
            anonymous_bytes: 12 * 1024,
        };
        assert_eq!(parse_rollup(text), Some(memory));
        assert_eq!(parse_rollup("Rss: 1 kB\n"), None);
    }

    #[test]
    fn soft_limit_is_the_first_number() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(parse_limit(text), Some(1024));
        assert_eq!(
            parse_limit("Max open files  unlimited unlimited files"),
            None
        );
    }

    #[test]
    fn own_process_uses_memory_and_time() {
        let own = Process::new(std::process::id());
        assert!(own.memory().unwrap().resident_bytes > 0);
        assert!(own.resident_bytes().unwrap() > 0);
        assert!(own.cpu().unwrap() > Duration::ZERO);
    }

    #[test]
    fn missing_process_is_an_error() {
        assert!(Process::new(u32::MAX).memory().is_err());
    }
}
