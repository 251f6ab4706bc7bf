//! Patterns of destinations, and maps keyed by them.
//!
//! - [`DestinationPattern`] is what a client may SUBSCRIBE to and what access rules name: plain names,
//!   `*` within a segment, `**` at the end. Nothing in it takes more than linear time to understand;
//!   there are no regular expressions.
//! - [`PatternMap`] finds every pattern that matches a name.
//! - [`RoutePattern`] and [`RouteMap`] are for handlers: literal text and variables such as `{room}`,
//!   and exactly one winner.

mod glob;
mod map;
mod route;
mod segment;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use self::map::PatternMap;
pub use self::route::{RouteConflict, RouteError, RouteMap, RoutePattern, Variables};
pub(crate) use self::segment::check_text;
pub use self::segment::{DESTINATION_BYTES_MAX, Separator, TextError};

use self::segment::{Segments, is_tail};

/// Why a text is no [`DestinationPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text is no destination at all.
    #[error(transparent)]
    Text(#[from] TextError),
    /// `**` stands somewhere else than as the whole last segment.
    #[error("`**` is allowed only as the whole last segment, as in /topic/price/**")]
    DoubleStarInside,
    /// The pattern holds `{` or `}`.
    #[error("variables and regular expressions ({{..}}) are not allowed here; use `*` or `**`")]
    Variable,
    /// `*` is switched off.
    #[error("patterns with `*` are switched off; name the destination in full")]
    StarOff,
    /// `**` is switched off.
    #[error("patterns with `**` are switched off")]
    DoubleStarOff,
}

/// Which patterns a client may use in SUBSCRIBE, and what separates segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternSyntax {
    /// What separates segments; `/` as in Spring.
    pub separator: Separator,
    /// Whether `*` is allowed; it is by default, as in Spring.
    pub star: bool,
    /// Whether `**` is allowed; it is by default, as in Spring.
    pub double_star: bool,
}

impl Default for PatternSyntax {
    fn default() -> Self {
        Self {
            separator: Separator::Slash,
            star: true,
            double_star: true,
        }
    }
}

/// A set of destinations: one plain name, or all names of one shape.
///
/// `*` stands for any text within one segment, possibly none, and may be a part of it
/// (`/topic/p.*`). `**` is allowed only as the last segment and stands for any number of segments,
/// also none: `/topic/price/**` matches `/topic/price`, `/topic/price/a` and `/topic/price/a/b`. With
/// [`Separator::Slash`] a `*` spans dots; with [`Separator::Dot`] it does not.
///
/// At most 1,024 bytes, no empty segments, no control characters. A clone shares the text.
///
/// ```
/// use stompline::DestinationPattern;
///
/// let prices = DestinationPattern::parse("/topic/price.*")?;
/// assert!(prices.matches("/topic/price.IBM"));
/// assert!(!prices.matches("/topic/price.IBM/bid"));
///
/// let topics = DestinationPattern::parse("/topic/**")?;
/// assert!(topics.contains(&prices));
/// assert!(prices.overlaps(&DestinationPattern::parse("/topic/*.IBM")?));
/// # Ok::<(), stompline::PatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DestinationPattern {
    text: Arc<str>,
    separator: Separator,
    /// What every match begins with: the text before the first `*`, and for a `**` before its
    /// separator. It decides most comparisons by itself.
    head_bytes: usize,
}

impl DestinationPattern {
    /// Parses a pattern whose segments are separated by `/`.
    ///
    /// # Errors
    ///
    /// The text is no pattern; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::parse_with(PatternSyntax::default(), text)
    }

    /// Parses a pattern that keeps to `syntax`.
    ///
    /// # Errors
    ///
    /// The text is no pattern, or uses something that is switched off.
    pub fn parse_with(syntax: PatternSyntax, text: &str) -> Result<Self, PatternError> {
        check_text(text, syntax.separator)?;
        check_wildcards(text, syntax)?;
        let head = text.split_once('*').map_or(text, |(head, rest)| {
            if rest == "*" {
                &head[..head.len() - 1]
            } else {
                head
            }
        });
        Ok(Self {
            text: Arc::from(text),
            separator: syntax.separator,
            head_bytes: head.len(),
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern as it was written, shared.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What separates its segments.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// Whether it matches one name only, its own text.
    pub fn is_plain(&self) -> bool {
        !self.text.contains('*')
    }

    /// Whether `name` is in the set. Allocates nothing.
    pub fn matches(&self, name: &str) -> bool {
        let (head, wild) = self.text.split_at(self.head_bytes);
        match name.strip_prefix(head) {
            None => false,
            Some(rest) if wild.is_empty() => rest.is_empty(),
            Some(rest) if is_tail(wild) => rest.is_empty() || starts_alike(wild, rest),
            Some(_) => self.matches_by_segment(name),
        }
    }

    fn matches_by_segment(&self, name: &str) -> bool {
        let mut names = self.segments_of(name);
        for segment in self.segments() {
            if is_tail(segment) {
                return names.next().is_none_or(|next| starts_alike(segment, next));
            }
            if !names
                .next()
                .is_some_and(|name| glob::matches(segment, name))
            {
                return false;
            }
        }
        names.next().is_none()
    }

    /// Whether every name that `other` matches is matched by this one too.
    ///
    /// Exact when both have the same separator. Otherwise it errs towards `false`, so that an allow
    /// rule never allows too much.
    pub fn contains(&self, other: &Self) -> bool {
        match (self.separator, other.separator) {
            (Separator::Slash, Separator::Dot) => self.contains_text(&other.widened()),
            (Separator::Dot, Separator::Slash) => other.is_plain() && self.matches(&other.text),
            _ => self.contains_text(&other.text),
        }
    }

    /// Whether some name is matched by both.
    ///
    /// Exact when both have the same separator. Otherwise it errs towards `true`, so that a deny rule
    /// never denies too little.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.separator, other.separator) {
            (Separator::Slash, Separator::Dot) => self.overlaps_text(&other.widened()),
            (Separator::Dot, Separator::Slash) => other.overlaps_text(&self.widened()),
            _ => self.overlaps_text(&other.text),
        }
    }

    /// `contains` for a pattern text with the same separator.
    fn contains_text(&self, other: &str) -> bool {
        let mut others = self.segments_of(other);
        for segment in self.segments() {
            let next = others.next();
            if is_tail(segment) {
                return next.is_none_or(|next| starts_alike(segment, next));
            }
            let Some(next) = next else { return false };
            // A `**` of the other also stands for nothing at all, which a segment here does not match.
            if is_tail(next) || !glob::contains(segment, next) {
                return false;
            }
        }
        others.next().is_none()
    }

    /// `overlaps` for a pattern text with the same separator.
    fn overlaps_text(&self, other: &str) -> bool {
        let mut ours = self.segments();
        let mut others = self.segments_of(other);
        loop {
            match (ours.next(), others.next()) {
                (None, None) => return true,
                // Both tails match nothing at all, so what comes before has decided.
                (Some(a), Some(b)) if is_tail(a) && is_tail(b) => return true,
                (Some(tail), Some(next)) | (Some(next), Some(tail)) if is_tail(tail) => {
                    return starts_alike(tail, next);
                }
                (Some(tail), None) | (None, Some(tail)) => return is_tail(tail),
                (Some(a), Some(b)) if !glob::overlaps(a, b) => return false,
                (Some(_), Some(_)) => {}
            }
        }
    }

    /// The text of the smallest `/` pattern we can write that matches all that this `.` pattern does.
    fn widened(&self) -> Cow<'_, str> {
        match self.text.strip_suffix(".**") {
            Some(head) => Cow::Owned(format!("{head}*/**")),
            None => Cow::Borrowed(&self.text),
        }
    }

    fn segments(&self) -> Segments<'_> {
        self.segments_of(&self.text)
    }

    fn segments_of<'a>(&self, text: &'a str) -> Segments<'a> {
        Segments::new(text, self.separator)
    }
}

/// Two segments begin with the same separator.
fn starts_alike(a: &str, b: &str) -> bool {
    a.as_bytes().first() == b.as_bytes().first()
}

fn check_wildcards(text: &str, syntax: PatternSyntax) -> Result<(), PatternError> {
    if text.contains(['{', '}']) {
        return Err(PatternError::Variable);
    }
    if !text.contains('*') {
        return Ok(());
    }
    let mut segments = Segments::new(text, syntax.separator).peekable();
    while let Some(segment) = segments.next() {
        if is_tail(segment) && segments.peek().is_none() {
            if !syntax.double_star {
                return Err(PatternError::DoubleStarOff);
            }
        } else if segment.contains("**") {
            return Err(PatternError::DoubleStarInside);
        } else if segment.contains('*') && !syntax.star {
            return Err(PatternError::StarOff);
        }
    }
    Ok(())
}

impl AsRef<str> for DestinationPattern {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for DestinationPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl fmt::Display for DestinationPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DestinationPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
