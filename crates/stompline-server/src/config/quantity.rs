//! Numbers with a unit.
//!
//! One scheme for the whole configuration: a key that holds a quantity names its unit last
//! (`frame_bytes`, `send_ms`, `connect_timeout_s`, `customer_per_s`). A plain number counts in that
//! unit; a text carries its own (`"64KiB"`, `"1h"`) and is converted, if it comes out whole.

use std::time::Duration;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Milliseconds,
    Seconds,
    Hours,
    PerSecond,
    PerMinute,
}

impl Unit {
    /// The unit in words, for messages and for `config explain`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::Bytes => " of bytes",
            Self::Milliseconds => " of milliseconds",
            Self::Seconds => " of seconds",
            Self::Hours => " of hours",
            Self::PerSecond => " a second",
            Self::PerMinute => " a minute",
        }
    }

    /// A text that this unit accepts besides a plain number, for messages.
    pub(crate) fn example(self) -> Option<&'static str> {
        match self {
            Self::Count | Self::PerSecond | Self::PerMinute => None,
            Self::Bytes => Some("64KiB"),
            Self::Milliseconds => Some("500ms"),
            Self::Seconds => Some("10s"),
            Self::Hours => Some("24h"),
        }
    }

    /// How many of `text`'s smallest parts make one of this unit; `None` takes plain numbers only.
    fn scale(self) -> Option<(&'static [Suffix], u64)> {
        match self {
            Self::Count | Self::PerSecond | Self::PerMinute => None,
            Self::Bytes => Some((SIZES, 1)),
            Self::Milliseconds => Some((DURATIONS, 1)),
            Self::Seconds => Some((DURATIONS, 1_000)),
            Self::Hours => Some((DURATIONS, 3_600_000)),
        }
    }

    /// Reads `text` as a number of this unit: digits alone, or digits and a suffix.
    pub(crate) fn parse(self, text: &str) -> Option<u64> {
        if let Ok(plain) = text.parse() {
            return Some(plain);
        }
        let (suffixes, scale) = self.scale()?;
        let smallest = parts(text, suffixes)?;
        (smallest % scale == 0).then_some(smallest / scale)
    }
}

/// Reads a duration with its unit: `500ms`, `10s`, `5m`, `1h`, `7d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    parts(text, DURATIONS).map(Duration::from_millis)
}

/// A suffix and what it multiplies by.
type Suffix = (&'static str, u64);

/// In milliseconds.
const DURATIONS: &[Suffix] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// In bytes. Powers of two only: a `KB` that means two things is worse than none.
const SIZES: &[Suffix] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

fn parts(text: &str, suffixes: &[Suffix]) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let suffix = text[digits..].trim_start();
    let (_, factor) = suffixes.iter().find(|(name, _)| *name == suffix)?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_numbers_of_the_unit() {
        let rows = [
            (Unit::Bytes, "64KiB", Some(65_536)),
            (Unit::Bytes, "1 MiB", Some(1_048_576)),
            (Unit::Bytes, "12", Some(12)),
            (Unit::Bytes, "64KB", None),
            (Unit::Milliseconds, "20s", Some(20_000)),
            (Unit::Seconds, "500ms", None),
            (Unit::Seconds, "2m", Some(120)),
            (Unit::Hours, "2d", Some(48)),
            (Unit::Hours, "90m", None),
            (Unit::Count, "5s", None),
            (Unit::PerSecond, "5", Some(5)),
            (Unit::Seconds, "-1", None),
            (Unit::Seconds, "1.5h", None),
            (Unit::Bytes, "99999999999999GiB", None),
        ];
        for (unit, text, expected) in rows {
            assert_eq!(unit.parse(text), expected, "{text} as {unit:?}");
        }
    }

    #[test]
    fn duration_needs_a_unit() {
        assert_eq!(duration("1h"), Some(Duration::from_hours(1)));
        assert_eq!(duration("90"), None);
        assert_eq!(duration("h"), None);
    }
}
