//! Segments: the pieces of a destination between separators.

/// The longest destination or pattern, in bytes.
///
/// A quarter of the default limit for a header value (4 KiB): generous for names that carry two or
/// three identifiers, and a bound on what every registry key and log line can cost.
pub const DESTINATION_BYTES_MAX: usize = 1_024;

/// What separates the segments of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Separator {
    /// `/` alone: `/topic/price/IBM`. The default, as in Spring.
    #[default]
    Slash,
    /// `.` as well as `/`: `/topic/price.IBM`. The two are kept apart: `/a/b` is not `/a.b`.
    Dot,
}

impl Separator {
    fn separates(self, byte: u8) -> bool {
        byte == b'/' || (self == Self::Dot && byte == b'.')
    }
}

/// Why a text is no destination, whatever its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The text does not begin with `/`; an empty text does not either.
    #[error("a destination begins with `/`")]
    NoLeadingSlash,
    /// Two separators in a row, or one at the end.
    #[error("a destination has no empty segments: no `//` and no `/` at the end")]
    EmptySegment,
    /// More than 1,024 bytes.
    #[error("a destination has at most {DESTINATION_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A line end or another control character.
    #[error("a destination holds no control characters")]
    ControlCharacter,
}

/// The checks every destination and every pattern must pass.
pub(crate) fn check_text(text: &str, separator: Separator) -> Result<(), TextError> {
    if !text.starts_with('/') {
        return Err(TextError::NoLeadingSlash);
    }
    if text.len() > DESTINATION_BYTES_MAX {
        return Err(TextError::TooLong { bytes: text.len() });
    }
    let mut after_separator = false;
    let mut plain = true;
    for &byte in text.as_bytes() {
        let separates = separator.separates(byte);
        if separates && after_separator {
            return Err(TextError::EmptySegment);
        }
        after_separator = separates;
        plain &= matches!(byte, b' '..=b'~');
    }
    if after_separator {
        return Err(TextError::EmptySegment);
    }
    // Beyond printable ASCII there are control characters of two bytes as well.
    if !plain && text.chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    Ok(())
}

/// The segments of a checked text, each with the separator before it: `/topic`, `/price`, `.IBM`.
///
/// Keeping the separator makes `/a/b` and `/a.b` different without further care.
#[derive(Debug, Clone)]
pub(crate) struct Segments<'a> {
    rest: &'a str,
    separator: Separator,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(text: &'a str, separator: Separator) -> Self {
        Self {
            rest: text,
            separator,
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self
            .rest
            .bytes()
            .skip(1)
            .position(|byte| self.separator.separates(byte));
        // Separators are ASCII, so the cut is between characters; `skip(1)` explains the 1.
        let at = end.map_or(self.rest.len(), |position| position + 1);
        let (segment, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(segment)
    }
}

/// Whether the segment is `**`.
pub(crate) fn is_tail(segment: &str) -> bool {
    segment.len() == 3 && segment.ends_with("**")
}
