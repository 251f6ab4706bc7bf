//! The limit of open files: each session is one.

use rlimit::Resource;
use tracing::{info, warn};

/// Files that are no sessions: listeners, the store, Redis, what a burst of requests opens for a moment.
const RESERVED: u64 = 256;

/// Fewer sessions than this are worth a warning: distributions allow so many by default that one busy site meets the limit.
const SESSIONS_EXPECTED: u64 = 10_000;

/// Raises the limit as far as this process may, and says how many sessions that allows and how to lift it further.
pub(crate) fn raise() {
    let raised = Resource::NOFILE
        .get()
        .and_then(|(_, hard)| Resource::NOFILE.set(hard, hard).map(|()| hard))
        .or_else(|_| Resource::NOFILE.get_soft());
    match raised {
        Ok(files) => tell(files),
        Err(error) => warn!(%error, "the limit of open files cannot be read"),
    }
}

fn tell(files: u64) {
    let sessions = sessions(files);
    if sessions < SESSIONS_EXPECTED {
        warn!(
            files,
            sessions,
            "the limit of open files allows so many sessions; lift it with LimitNOFILE= in a systemd unit, --ulimit nofile= of \
             a container, or `ulimit -Hn` as root"
        );
    } else {
        info!(
            files,
            sessions, "the limit of open files allows so many sessions"
        );
    }
}

fn sessions(files: u64) -> u64 {
    files.saturating_sub(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::{raise, sessions};

    #[test]
    fn each_session_is_a_file_and_some_are_kept() {
        assert_eq!(sessions(20_000), 19_744);
        assert_eq!(sessions(100), 0);
    }

    #[test]
    fn soft_limit_is_raised_to_the_hard_one() {
        raise();
        let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert_eq!(soft, hard);
    }
}
