use std::{fmt, iter::FusedIterator, slice};

/// Headers whose values never appear in `Debug` output.
const SECRETS: [&str; 3] = ["passcode", "authorization", "token"];

/// The headers of a frame: ordered pairs of name and value, decoded (without escapes).
///
/// A name may occur more than once; [`Headers::find`] returns the first (STOMP 1.2, "Repeated
/// Header Entries"). All text lives in one string, so that a frame costs two allocations however
/// many headers it has. `Debug` output shows every header but masks the values of `passcode`,
/// `authorization` and `token`, in any case of letters.
///
/// ```
/// use stompline_proto::Headers;
///
/// let mut headers = Headers::new();
/// headers.push("destination", "/topic/news");
/// headers.push("destination", "/topic/ignored");
/// assert_eq!(headers.find("destination"), Some("/topic/news"));
/// assert_eq!(headers.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Headers {
    /// Per header the name, one separator octet and the value; between headers anything.
    text: String,
    spans: Vec<Span>,
}

/// Where one header lies in a text: `name:value`.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    name_end: u32,
    end: u32,
}

impl Headers {
    /// No headers; allocates nothing.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            spans: Vec::new(),
        }
    }

    /// No headers, with room for `headers` of them with `bytes` of text altogether.
    pub(crate) fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            spans: Vec::with_capacity(headers),
        }
    }

    /// Headers that lie in a text already.
    pub(crate) const fn from_spans(text: String, spans: Vec<Span>) -> Self {
        Self { text, spans }
    }

    /// Appends a header behind those that are there.
    ///
    /// # Panics
    ///
    /// If all names and values together pass 4 GiB.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.reserve(name.len() + value.len() + 1);
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push(':');
        self.text.push_str(value);
        self.spans.push(Span::new(start, name_end, self.text.len()));
    }

    /// Keeps the headers for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let text = &self.text;
        self.spans
            .retain(|span| keep(span.name(text), span.value(text)));
    }

    /// The value of the first header with this name; names are case-sensitive.
    pub fn find(&self, name: &str) -> Option<&str> {
        let bytes = self.text.as_bytes();
        let span = self
            .spans
            .iter()
            .find(|span| &bytes[span.start as usize..span.name_end as usize] == name.as_bytes())?;
        Some(span.value(&self.text))
    }

    /// The headers in order, repeated ones included.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            text: &self.text,
            spans: self.spans.iter(),
        }
    }

    /// How many headers there are, repeated ones included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no header.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Octets of the text.
    pub(crate) const fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Octets of heap memory in use.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.text.capacity() + span_bytes(&self.spans)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = self
            .iter()
            .map(|(name, value)| (name, if is_secret(name) { "***" } else { value }));
        f.debug_map().entries(masked).finish()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Headers {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, headers: I) {
        for (name, value) in headers {
            self.push(name.as_ref(), value.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut collected = Self::new();
        collected.extend(headers);
        collected
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The headers of a frame in order, as pairs of name and value.
#[derive(Clone)]
pub struct Iter<'a> {
    text: &'a str,
    spans: slice::Iter<'a, Span>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let span = self.spans.next()?;
        Some((span.name(self.text), span.value(self.text)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

impl Span {
    /// # Panics
    ///
    /// If the header ends beyond 4 GiB.
    pub(crate) fn new(start: usize, name_end: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).expect("the headers of a frame fit in 4 GiB");
        Self {
            start: narrow(start),
            name_end: narrow(name_end),
            end: narrow(end),
        }
    }

    /// Name, colon and value.
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..self.end as usize]
    }

    pub(crate) fn name(self, text: &str) -> &str {
        &text[self.start as usize..self.name_end as usize]
    }

    pub(crate) fn value(self, text: &str) -> &str {
        &text[self.name_end as usize + 1..self.end as usize]
    }
}

/// Octets of heap memory that spans take.
pub(crate) fn span_bytes(spans: &Vec<Span>) -> usize {
    spans.capacity() * size_of::<Span>()
}

fn is_secret(name: &str) -> bool {
    SECRETS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_of_repeated_headers_wins() {
        let headers = Headers::from_iter([("a", "1"), ("b", "2"), ("a", "3")]);
        assert_eq!(headers.find("a"), Some("1"));
        assert_eq!(headers.find("A"), None);
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [("a", "1"), ("b", "2"), ("a", "3")]
        );
    }

    #[test]
    fn retain_drops_only_what_it_is_told() {
        let mut headers = Headers::from_iter([("a", "1"), ("b", "2"), ("a", "3")]);
        headers.retain(|name, value| name != "a" || value == "3");
        headers.push("c", "");
        assert_eq!(
            headers,
            Headers::from_iter([("b", "2"), ("a", "3"), ("c", "")])
        );
        assert_eq!(headers.find("c"), Some(""));
    }

    #[test]
    fn spans_and_pushes_are_equal() {
        let text = "SEND\na:1\nä:x:y\nempty:\n\n".to_owned();
        let spans = vec![
            Span::new(5, 6, 8),
            Span::new(9, 11, 15),
            Span::new(16, 21, 22),
        ];
        let headers = Headers::from_spans(text, spans);
        assert_eq!(
            headers,
            Headers::from_iter([("a", "1"), ("ä", "x:y"), ("empty", "")])
        );
    }

    #[test]
    fn secrets_are_masked_in_debug() {
        let headers = Headers::from_iter([
            ("login", "ann"),
            ("passcode", "hunter2"),
            ("Authorization", "Bearer abc"),
            ("TOKEN", "def"),
        ]);
        let text = format!("{headers:?}");
        assert!(text.contains("ann") && text.contains("passcode"));
        for secret in ["hunter2", "abc", "def"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
