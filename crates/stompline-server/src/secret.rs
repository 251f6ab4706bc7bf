//! Text that must not be shown.

use std::fmt;

use serde::Deserialize;

/// A secret or key from the configuration. `Debug` hides it; nothing else prints it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Takes `text` as it is, without the white space around it.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The secret itself. Callers hand it to cryptography, never to a formatter.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that does not depend on where the texts differ.
    pub(crate) fn matches(&self, candidate: &str) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), candidate.as_bytes());
        let difference = ours.iter().zip(theirs).fold(0, |sum, (a, b)| sum | (a ^ b));
        ours.len() == theirs.len() && difference == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_secret() {
        let shown = format!("{:?}", Secret::new("hunter2"));
        assert_eq!(shown, "Secret(***)");
    }

    #[test]
    fn only_the_same_text_matches() {
        let secret = Secret::new(" key ");
        assert!(secret.matches("key"));
        assert!(!secret.matches("kez"));
        assert!(!secret.matches("keys"));
        assert!(!secret.matches(""));
    }
}
