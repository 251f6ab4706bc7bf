//! Prefixes: which destinations mean what.

use std::fmt;
use std::sync::Arc;

use crate::pattern::{PatternSyntax, Separator, TextError, check_text};

/// The longest prefix, in bytes: an eighth of the longest destination.
const PREFIX_BYTES_MAX: usize = 128;

/// Two prefixes that cannot live together, or one that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// The prefix does not look like `/app`.
    #[error("the prefix {prefix:?} is not possible: {source}")]
    Text {
        /// The refused prefix.
        prefix: Box<str>,
        /// What is wrong with it.
        source: TextError,
    },
    /// The prefix holds `*`, `{` or `}`.
    #[error("the prefix {prefix:?} must be plain text, without `*`, `{{` and `}}`")]
    Wildcard {
        /// The refused prefix.
        prefix: Box<str>,
    },
    /// The prefix has more than 128 bytes, which would leave too little for names.
    #[error("the prefix {prefix:?} is too long: at most {PREFIX_BYTES_MAX} bytes")]
    TooLong {
        /// The refused prefix.
        prefix: Box<str>,
    },
    /// One prefix lies inside another or equals it, so a destination would have two meanings.
    #[error(
        "the prefix {inner:?} lies inside the prefix {outer:?}; each destination needs one meaning"
    )]
    Conflict {
        /// The longer one.
        inner: Box<str>,
        /// The shorter one.
        outer: Box<str>,
    },
    /// There is no broker prefix.
    #[error("at least one broker prefix is needed, such as /topic")]
    NoBroker,
}

/// Which destinations mean what: the prefixes for handlers, for the broker and for users.
///
/// The defaults are those every Spring front end knows: `/app`, `/topic` and `/queue`, `/user`. A clone
/// shares everything.
#[derive(Clone, PartialEq, Eq)]
pub struct Prefixes {
    shared: Arc<Shared>,
    patterns: PatternSyntax,
}

#[derive(PartialEq, Eq)]
struct Shared {
    app: Box<str>,
    brokers: Box<[Box<str>]>,
    user: Box<str>,
}

impl Prefixes {
    /// Checks the prefixes: `app` for handlers, `brokers` for broadcasts, `user` for users.
    ///
    /// A prefix is one or more whole segments, such as `/app` or `/v1/topic`, 128 bytes at most.
    ///
    /// # Errors
    ///
    /// A prefix is malformed, or one lies inside another; both are named.
    pub fn new(app: &str, brokers: &[&str], user: &str) -> Result<Self, PrefixError> {
        if brokers.is_empty() {
            return Err(PrefixError::NoBroker);
        }
        let all: Vec<&str> = [app, user]
            .into_iter()
            .chain(brokers.iter().copied())
            .collect();
        for prefix in &all {
            check_prefix(prefix)?;
        }
        for (at, a) in all.iter().enumerate() {
            for b in &all[at + 1..] {
                check_apart(a, b)?;
            }
        }
        let brokers = brokers.iter().map(|prefix| Box::from(*prefix)).collect();
        let shared = Arc::new(Shared {
            app: app.into(),
            brokers,
            user: user.into(),
        });
        Ok(Self {
            shared,
            patterns: PatternSyntax::default(),
        })
    }

    /// Which patterns clients may use in SUBSCRIBE, and what separates segments.
    ///
    /// Default: `*` and `**` allowed, separator `/`, as in Spring.
    pub fn with_patterns(mut self, patterns: PatternSyntax) -> Self {
        self.patterns = patterns;
        self
    }

    /// The prefix of destinations that handlers receive.
    pub fn app(&self) -> &str {
        &self.shared.app
    }

    /// The prefixes of destinations that are broadcast.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.shared.brokers.iter().map(|prefix| &**prefix)
    }

    /// The prefix of destinations that belong to one user.
    pub fn user(&self) -> &str {
        &self.shared.user
    }

    /// Which patterns clients may use, and what separates segments.
    pub fn patterns(&self) -> PatternSyntax {
        self.patterns
    }

    /// What separates segments.
    pub fn separator(&self) -> Separator {
        self.patterns.separator
    }
}

impl Default for Prefixes {
    fn default() -> Self {
        Self::new("/app", &["/topic", "/queue"], "/user").expect("these prefixes lie apart")
    }
}

impl fmt::Display for Prefixes {
    /// The prefixes as a sentence lists them: `/app, /topic, /queue and /user`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} and {}",
            self.app(),
            self.shared.brokers.join(", "),
            self.user()
        )
    }
}

impl fmt::Debug for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefixes({self}; {:?})", self.patterns)
    }
}

fn check_prefix(prefix: &str) -> Result<(), PrefixError> {
    check_text(prefix, Separator::Slash).map_err(|source| PrefixError::Text {
        prefix: prefix.into(),
        source,
    })?;
    if prefix.len() > PREFIX_BYTES_MAX {
        return Err(PrefixError::TooLong {
            prefix: prefix.into(),
        });
    }
    if prefix.contains(['*', '{', '}']) {
        return Err(PrefixError::Wildcard {
            prefix: prefix.into(),
        });
    }
    Ok(())
}

fn check_apart(a: &str, b: &str) -> Result<(), PrefixError> {
    let (inner, outer) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    if inner == outer || below(outer, inner).is_some() {
        return Err(PrefixError::Conflict {
            inner: inner.into(),
            outer: outer.into(),
        });
    }
    Ok(())
}

/// What follows the prefix, from its `/` on; `None` if `text` is not below it.
pub(super) fn below<'a>(prefix: &str, text: &'a str) -> Option<&'a str> {
    text.strip_prefix(prefix)
        .filter(|rest| rest.starts_with('/'))
}
