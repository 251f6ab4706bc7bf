//! Routes of handlers: patterns with variables, and a map with one winner.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::segment::{Segments, Separator, TextError, check_text};

/// Why a text is no [`RoutePattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The text is no path at all.
    #[error("route {pattern:?}: {source}")]
    Text {
        /// The refused text.
        pattern: Box<str>,
        /// What is wrong with it.
        source: TextError,
    },
    /// A brace without its partner, or a brace within braces.
    #[error(
        "route {pattern:?}: `{{` and `}}` enclose the name of a variable, as in /room/{{room}}"
    )]
    Braces {
        /// The refused text.
        pattern: Box<str>,
    },
    /// The name in braces is empty or has other characters than letters, digits and `_`.
    #[error(
        "route {pattern:?}: {name:?} is no variable; a name has letters, digits and `_`, and regular \
         expressions are not supported"
    )]
    VariableName {
        /// The refused text.
        pattern: Box<str>,
        /// What stands between the braces.
        name: Box<str>,
    },
    /// One segment holds two variables, so nothing says where the first one ends.
    #[error("route {pattern:?}: a segment holds one variable at most, {segment:?} holds more")]
    TwoVariables {
        /// The refused text.
        pattern: Box<str>,
        /// The segment.
        segment: Box<str>,
    },
    /// Two variables have the same name.
    #[error("route {pattern:?}: the variable {name:?} occurs twice")]
    RepeatedVariable {
        /// The refused text.
        pattern: Box<str>,
        /// The name.
        name: Box<str>,
    },
    /// The text holds `*`.
    #[error("route {pattern:?}: `*` is not for routes; use a variable, as in /room/{{room}}")]
    Star {
        /// The refused text.
        pattern: Box<str>,
    },
}

/// Two routes that match the same paths; only one of them could ever be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the routes {first} and {second} match the same paths; remove one of them")]
pub struct RouteConflict {
    /// The route that is there already.
    pub first: Arc<str>,
    /// The route that was to be added.
    pub second: Arc<str>,
}

/// The path of a handler below the application prefix: `/send`, `/room/{room}`, `/chat.{id}`.
///
/// A variable stands for at least one character within one segment, and a segment holds at most one,
/// with or without text around it. Percent signs mean themselves. Routes compare by how much they say:
/// from the left, a literal segment before a variable with text around it before a bare variable, so
/// of all routes that match a path exactly one is the most specific.
///
/// ```
/// use stompline::RoutePattern;
///
/// let route = RoutePattern::parse("/room/{room}/read")?;
/// let variables = route.matches("/room/42/read").expect("it has this shape");
/// assert_eq!(variables.get("room"), Some("42"));
/// assert!(route.matches("/room/42").is_none());
/// # Ok::<(), stompline::RouteError>(())
/// ```
#[derive(Clone)]
pub struct RoutePattern {
    text: Arc<str>,
    separator: Separator,
    segments: Arc<[RouteSegment]>,
    names: Arc<[Box<str>]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RouteSegment {
    Literal(Box<str>),
    /// Text with a variable between; both may be empty but for the separator that `before` begins with.
    Variable {
        before: Box<str>,
        after: Box<str>,
    },
}

impl RoutePattern {
    /// Parses a route whose segments are separated by `/`.
    ///
    /// # Errors
    ///
    /// The text is no route; the error names it and says what is wrong.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        Self::parse_with(Separator::Slash, text)
    }

    /// Parses a route with segments separated by `separator`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(separator: Separator, text: &str) -> Result<Self, RouteError> {
        let pattern = || Box::<str>::from(text);
        check_text(text, separator).map_err(|source| RouteError::Text {
            pattern: pattern(),
            source,
        })?;
        if text.contains('*') {
            return Err(RouteError::Star { pattern: pattern() });
        }
        let mut segments = Vec::new();
        let mut names: Vec<Box<str>> = Vec::new();
        for segment in Segments::new(text, separator) {
            let Some((before, name, after)) = split_variable(text, segment)? else {
                segments.push(RouteSegment::Literal(segment.into()));
                continue;
            };
            if names.iter().any(|known| **known == *name) {
                return Err(RouteError::RepeatedVariable {
                    pattern: pattern(),
                    name: name.into(),
                });
            }
            names.push(name.into());
            let (before, after) = (before.into(), after.into());
            segments.push(RouteSegment::Variable { before, after });
        }
        Ok(Self {
            text: text.into(),
            separator,
            segments: segments.into(),
            names: names.into(),
        })
    }

    /// The route as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its variables, in order.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The variables' values if the path has this shape.
    pub fn matches(&self, path: &str) -> Option<Variables> {
        // Compared before anything is allocated: most routes that are tried do not match.
        let mut parts = Segments::new(path, self.separator);
        let fits = self
            .segments
            .iter()
            .all(|s| parts.next().is_some_and(|part| s.value(part).is_some()));
        if !fits || parts.next().is_some() {
            return None;
        }
        let parts = Segments::new(path, self.separator);
        let values = self.segments.iter().zip(parts);
        let values = values.filter_map(|(segment, part)| segment.value(part)?.map(Box::from));
        Some(Variables {
            names: Arc::clone(&self.names),
            values: values.collect(),
        })
    }

    /// Whether both match exactly the same paths.
    fn is_same_shape(&self, other: &Self) -> bool {
        self.separator == other.separator && self.segments == other.segments
    }
}

impl RouteSegment {
    /// `None` if the part does not match; the variable's value if there is one.
    #[expect(
        clippy::option_option,
        reason = "whether it matches, and then whether it holds a value"
    )]
    fn value<'a>(&self, part: &'a str) -> Option<Option<&'a str>> {
        match self {
            Self::Literal(text) => (**text == *part).then_some(None),
            Self::Variable { before, after } => {
                let value = part.strip_prefix(&**before)?.strip_suffix(&**after)?;
                (!value.is_empty()).then_some(Some(value))
            }
        }
    }

    /// Smaller is more specific. Segments of equal rank that match a common part are equal.
    fn rank(&self) -> (u8, Reverse<usize>, Reverse<usize>) {
        match self {
            Self::Literal(_) => (0, Reverse(0), Reverse(0)),
            Self::Variable { before, after } => (1, Reverse(before.len()), Reverse(after.len())),
        }
    }
}

/// Splits `/chat.{id}.x` into `/chat.`, `id` and `.x`; `None` without a variable.
fn split_variable<'a>(
    pattern: &str,
    segment: &'a str,
) -> Result<Option<(&'a str, &'a str, &'a str)>, RouteError> {
    let braces = || RouteError::Braces {
        pattern: pattern.into(),
    };
    let Some((before, rest)) = segment.split_once('{') else {
        return if segment.contains('}') {
            Err(braces())
        } else {
            Ok(None)
        };
    };
    let (name, after) = rest.split_once('}').ok_or_else(braces)?;
    if before.contains('}') || name.contains('{') {
        return Err(braces());
    }
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Err(RouteError::VariableName {
            pattern: pattern.into(),
            name: name.into(),
        });
    }
    if after.contains('{') {
        let (pattern, segment) = (pattern.into(), segment.into());
        return Err(RouteError::TwoVariables { pattern, segment });
    }
    if after.contains('}') {
        return Err(braces());
    }
    Ok(Some((before, name, after)))
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// What the variables of a route stand for in one path. Empty for a route without variables.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables {
    names: Arc<[Box<str>]>,
    values: Box<[Box<str>]>,
}

impl Variables {
    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Names and values in the order in which the route has them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.names
            .iter()
            .map(|name| &**name)
            .zip(self.values.iter().map(|value| &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Routes and what they lead to; of all routes that match a path, the most specific one wins.
///
/// A route without variables is found by one hash; the others are tried in order of specificity.
#[derive(Debug, Clone)]
pub struct RouteMap<T> {
    exact: HashMap<Arc<str>, T>,
    /// Most specific first.
    variable: Vec<(RoutePattern, T)>,
}

impl<T> RouteMap<T> {
    /// A map without routes.
    pub fn new() -> Self {
        Self {
            exact: HashMap::new(),
            variable: Vec::new(),
        }
    }

    /// Adds a route.
    ///
    /// # Errors
    ///
    /// A route that matches the same paths is there already.
    pub fn insert(&mut self, route: RoutePattern, target: T) -> Result<(), RouteConflict> {
        if route.names.is_empty() {
            if self.exact.contains_key(&route.text) {
                let (first, second) = (Arc::clone(&route.text), route.text);
                return Err(RouteConflict { first, second });
            }
            self.exact.insert(route.text, target);
            return Ok(());
        }
        if let Some((same, _)) = self
            .variable
            .iter()
            .find(|(known, _)| known.is_same_shape(&route))
        {
            return Err(RouteConflict {
                first: Arc::clone(&same.text),
                second: route.text,
            });
        }
        let ranks = |route: &RoutePattern| {
            route
                .segments
                .iter()
                .map(RouteSegment::rank)
                .collect::<Vec<_>>()
        };
        let rank = ranks(&route);
        let at = self
            .variable
            .partition_point(|(known, _)| ranks(known) <= rank);
        self.variable.insert(at, (route, target));
        Ok(())
    }

    /// The most specific route that matches `path`, and the values of its variables.
    pub fn find(&self, path: &str) -> Option<(&T, Variables)> {
        if let Some(target) = self.exact.get(path) {
            return Some((target, Variables::default()));
        }
        self.variable
            .iter()
            .find_map(|(route, target)| Some((target, route.matches(path)?)))
    }

    /// All routes as they were written, sorted.
    pub fn routes(&self) -> Vec<&str> {
        let exact = self.exact.keys().map(|text| &**text);
        let mut routes: Vec<_> = exact
            .chain(self.variable.iter().map(|(r, _)| r.as_str()))
            .collect();
        routes.sort_unstable();
        routes
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.exact.len() + self.variable.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Default for RouteMap<T> {
    fn default() -> Self {
        Self::new()
    }
}
