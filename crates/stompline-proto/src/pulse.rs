use std::time::{Duration, Instant};

use crate::Agreed;

/// A timer that is late by such a part of the peer's patience was held up: more than timers ever are
/// on a machine that has time.
const LATE_PART: u32 = 10;

/// Signs of life of one session: when to send one, and when to give up waiting for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    last_received: Instant,
    paused_since: Option<Instant>,
}

/// What a session's pulse asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Beat,
    Silent,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last_received: now,
            paused_since: None,
        }
    }

    pub(crate) fn received(&mut self, now: Instant) {
        self.last_received = self.last_received.max(now);
    }

    pub(crate) fn pause(&mut self, now: Instant) {
        self.paused_since.get_or_insert(now);
    }

    /// Silence goes on from where it stood when the pause began.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let Some(since) = self.paused_since.take() {
            let paused = now.saturating_duration_since(since.max(self.last_received));
            self.last_received += paused;
        }
    }

    /// When [`Pulse::due`] will next have something to say.
    pub(crate) fn wake_at(
        &self,
        agreed: Agreed,
        silent_intervals_max: u32,
        last_sent: Instant,
    ) -> Option<Instant> {
        earlier(
            self.silent_at(agreed, silent_intervals_max),
            beat_at(agreed, last_sent),
        )
    }

    /// Who asks late was held up, and what the peer sent meanwhile may not have been read: the peer
    /// gets one more interval.
    pub(crate) fn due(
        &mut self,
        agreed: Agreed,
        silent_intervals_max: u32,
        last_sent: Instant,
        now: Instant,
    ) -> Due {
        if let Some(silent_at) = self.silent_at(agreed, silent_intervals_max)
            && silent_at <= now
        {
            let every = agreed.expect_every.unwrap_or_default();
            let patience = every * silent_intervals_max;
            if now.duration_since(silent_at) < patience / LATE_PART {
                return Due::Silent;
            }
            let heard_before = patience.saturating_sub(every);
            self.last_received = now.checked_sub(heard_before).unwrap_or(now);
        }
        if beat_at(agreed, last_sent).is_some_and(|moment| moment <= now) {
            Due::Beat
        } else {
            Due::Nothing
        }
    }

    fn silent_at(&self, agreed: Agreed, silent_intervals_max: u32) -> Option<Instant> {
        if self.paused_since.is_some() || silent_intervals_max == 0 {
            return None;
        }
        let patience = agreed.expect_every?.checked_mul(silent_intervals_max)?;
        self.last_received.checked_add(patience)
    }
}

/// A beat leaves a tenth of the interval early, at most one second: room for a late timer, a busy
/// thread and the network, so that the gap which the peer sees stays within the interval.
fn beat_at(agreed: Agreed, last_sent: Instant) -> Option<Instant> {
    let every = agreed.send_every?;
    let margin = (every / 10).min(Duration::from_secs(1));
    last_sent.checked_add(every.saturating_sub(margin))
}

pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn agreed(send_s: u32, expect_s: u32) -> Agreed {
        Agreed {
            send_every: Some(SECOND * send_s),
            expect_every: Some(SECOND * expect_s),
        }
    }

    #[test]
    fn beats_leave_before_the_interval_ends() {
        let start = Instant::now();
        let table = [(20_000, 19_000), (5_000, 4_500), (100, 90), (1, 0)];
        for (every_ms, due_ms) in table {
            let agreed = Agreed {
                send_every: Some(Duration::from_millis(every_ms)),
                expect_every: None,
            };
            let waited = beat_at(agreed, start).unwrap() - start;
            assert_eq!(waited.as_millis(), due_ms, "interval of {every_ms} ms");
        }
    }

    #[test]
    fn silence_is_counted_in_intervals() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        pulse.received(start + SECOND * 10);
        let last = start + SECOND * 300;
        let mut at = |s| pulse.due(agreed(400, 45), 3, last, start + SECOND * s);
        assert_eq!(at(144), Due::Nothing);
        assert_eq!(at(145), Due::Silent);
        assert_eq!(
            pulse.wake_at(agreed(400, 45), 3, last),
            Some(start + SECOND * 145)
        );
        assert_eq!(
            pulse.wake_at(agreed(400, 45), 0, last),
            Some(start + SECOND * 699)
        );
    }

    #[test]
    fn pause_is_no_silence() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        let due = |pulse: &mut Pulse, s| pulse.due(agreed(7200, 10), 3, start, start + SECOND * s);
        pulse.pause(start + SECOND * 20);
        pulse.pause(start + SECOND * 25);
        assert_eq!(due(&mut pulse, 3600), Due::Nothing);
        pulse.resume(start + SECOND * 3600);
        assert_eq!(due(&mut pulse, 3609), Due::Nothing);
        assert_eq!(due(&mut pulse, 3610), Due::Silent);
        // Without a pause there is nothing to resume.
        pulse.resume(start + SECOND * 3700);
        assert_eq!(due(&mut pulse, 3610), Due::Silent);
    }

    #[test]
    fn late_question_gives_one_more_interval() {
        let start = Instant::now();
        let last = start + SECOND * 300;
        let mut pulse = Pulse::new(start);
        let mut at = |s| pulse.due(agreed(400, 10), 3, last, start + SECOND * s);
        assert_eq!(at(33), Due::Nothing);
        assert_eq!(at(42), Due::Nothing);
        assert_eq!(at(43), Due::Silent);
        assert_eq!(at(45), Due::Silent);
        assert_eq!(at(100), Due::Nothing);
        assert_eq!(at(110), Due::Silent);
        // A beat does not wait for that.
        assert_eq!(
            Pulse::new(start).due(agreed(20, 10), 3, start, start + SECOND * 33),
            Due::Beat
        );
    }

    #[test]
    fn life_during_a_pause_counts() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        pulse.pause(start + SECOND * 20);
        pulse.received(start + SECOND * 50);
        pulse.resume(start + SECOND * 60);
        let silent_at = pulse.wake_at(agreed(7200, 10), 3, start + SECOND * 3600);
        assert_eq!(silent_at, Some(start + SECOND * 90));
    }

    #[test]
    fn huge_intervals_never_end() {
        let start = Instant::now();
        let endless = Agreed {
            send_every: Some(Duration::MAX),
            expect_every: Some(Duration::MAX),
        };
        assert_eq!(Pulse::new(start).wake_at(endless, 3, start), None);
    }
}
