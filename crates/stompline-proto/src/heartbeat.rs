use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

/// What one side says about heart-beats in its `heart-beat` header (STOMP 1.2, "Heart-beating").
///
/// ```
/// use stompline_proto::Heartbeat;
///
/// let ours = Heartbeat { send_ms: 20_000, receive_ms: 45_000 };
/// let theirs: Heartbeat = "10000,10000".parse()?;
/// let agreed = ours.agree(theirs);
/// assert_eq!(agreed.send_every.map(|every| every.as_secs()), Some(20));
/// assert_eq!(agreed.expect_every.map(|every| every.as_secs()), Some(45));
/// # Ok::<(), stompline_proto::BadHeartbeat>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The shortest interval at which this side can send, in milliseconds; 0 if it can not.
    pub send_ms: u32,
    /// The interval at which this side wants to receive, in milliseconds; 0 if it does not want to.
    pub receive_ms: u32,
}

impl Heartbeat {
    /// No heart-beats in either direction; what a missing header means.
    pub const NONE: Self = Self {
        send_ms: 0,
        receive_ms: 0,
    };

    /// What holds between this side and its peer: in each direction the longer of the sender's and
    /// the receiver's interval, and nothing if either said 0.
    pub fn agree(self, peer: Self) -> Agreed {
        Agreed {
            send_every: longer(self.send_ms, peer.receive_ms),
            expect_every: longer(self.receive_ms, peer.send_ms),
        }
    }
}

impl fmt::Display for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.send_ms, self.receive_ms)
    }
}

impl FromStr for Heartbeat {
    type Err = BadHeartbeat;

    /// Reads the value of a `heart-beat` header. Blanks around the numbers are skipped; a number
    /// beyond 32 bits, 49 days, is read as the greatest that fits.
    fn from_str(text: &str) -> Result<Self, BadHeartbeat> {
        let (send, receive) = text.split_once(',').ok_or(BadHeartbeat)?;
        Ok(Self {
            send_ms: parse_ms(send)?,
            receive_ms: parse_ms(receive)?,
        })
    }
}

/// The value of a `heart-beat` header is not two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("heart-beat must be two numbers of milliseconds with a comma between, such as 10000,10000")]
pub struct BadHeartbeat;

/// The heart-beats that two sides agreed on, seen from one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// This side sends something at least so often.
    pub send_every: Option<Duration>,
    /// The peer sends something at least so often.
    pub expect_every: Option<Duration>,
}

impl Agreed {
    /// No heart-beats in either direction.
    pub const NONE: Self = Self {
        send_every: None,
        expect_every: None,
    };
}

fn longer(send_ms: u32, receive_ms: u32) -> Option<Duration> {
    let every = Duration::from_millis(send_ms.max(receive_ms).into());
    (send_ms > 0 && receive_ms > 0).then_some(every)
}

fn parse_ms(text: &str) -> Result<u32, BadHeartbeat> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadHeartbeat);
    }
    // Nothing but overflow can be wrong with digits.
    Ok(digits.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_parsed() {
        let table = [
            ("0,0", Some((0, 0))),
            ("10000,10000", Some((10_000, 10_000))),
            (" 1 , 2 ", Some((1, 2))),
            ("1,99999999999999999999", Some((1, u32::MAX))),
            ("", None),
            ("1", None),
            ("1,", None),
            (",1", None),
            ("1,2,3", None),
            ("-1,0", None),
            ("+1,0", None),
            ("1.5,0", None),
            ("a,b", None),
        ];
        for (text, expected) in table {
            let expected = expected
                .map(|(send_ms, receive_ms)| Heartbeat {
                    send_ms,
                    receive_ms,
                })
                .ok_or(BadHeartbeat);
            assert_eq!(text.parse(), expected, "{text:?}");
        }
    }

    #[test]
    fn intervals_are_pairwise_maxima() {
        let table = [
            (
                (15_000, 16_000),
                (1_000, 1_000),
                (Some(15_000), Some(16_000)),
            ),
            (
                (20_000, 45_000),
                (10_000, 60_000),
                (Some(60_000), Some(45_000)),
            ),
            ((20_000, 45_000), (0, 10_000), (Some(20_000), None)),
            ((20_000, 45_000), (10_000, 0), (None, Some(45_000))),
            ((0, 0), (10_000, 10_000), (None, None)),
            ((20_000, 45_000), (1, 1), (Some(20_000), Some(45_000))),
        ];
        for (ours, theirs, (send, expect)) in table {
            let heartbeat = |(send_ms, receive_ms)| Heartbeat {
                send_ms,
                receive_ms,
            };
            let agreed = heartbeat(ours).agree(heartbeat(theirs));
            assert_eq!(
                agreed.send_every,
                send.map(Duration::from_millis),
                "{ours:?} {theirs:?}"
            );
            assert_eq!(agreed.expect_every, expect.map(Duration::from_millis));
        }
    }

    #[test]
    fn display_is_the_header_value() {
        assert_eq!(
            Heartbeat {
                send_ms: 20_000,
                receive_ms: 45_000
            }
            .to_string(),
            "20000,45000"
        );
        assert_eq!("0,0".parse(), Ok(Heartbeat::NONE));
        assert_eq!(Heartbeat::NONE.agree(Heartbeat::NONE), Agreed::NONE);
    }
}
