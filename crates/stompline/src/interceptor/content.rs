//! Rules for what a SEND may carry.

use std::borrow::Cow;

use futures_util::future::BoxFuture;

use super::{Action, Interceptor, Next, Outcome, Request};
use crate::{pattern::DestinationPattern, rejection::Rejection};

/// Rules for the bodies of SEND frames to certain destinations. A body that breaks one is refused; the connection lives.
///
/// ```
/// use stompline::{ContentRules, DestinationPattern};
///
/// let rules = ContentRules::new(DestinationPattern::parse("/app/chat/**")?)
///     .body_bytes_max(8_000)
///     .content_types(["application/json"])
///     .json_depth_max(8)
///     .forbidden_words(["casino"]);
/// # Ok::<(), stompline::PatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ContentRules {
    destinations: DestinationPattern,
    body_bytes_max: Option<usize>,
    content_types: Vec<Cow<'static, str>>,
    json_depth_max: Option<usize>,
    forbidden_words: Vec<String>,
}

impl ContentRules {
    /// Rules for SEND frames to `destinations`. Without further calls they allow everything.
    pub fn new(destinations: DestinationPattern) -> Self {
        Self {
            destinations,
            body_bytes_max: None,
            content_types: Vec::new(),
            json_depth_max: None,
            forbidden_words: Vec::new(),
        }
    }

    /// Most bytes of a body.
    pub fn body_bytes_max(self, bytes: usize) -> Self {
        Self {
            body_bytes_max: Some(bytes),
            ..self
        }
    }

    /// The content types that are allowed, parameters aside. A frame without one is allowed.
    pub fn content_types<T: Into<Cow<'static, str>>>(
        self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            content_types: types.into_iter().map(Into::into).collect(),
            ..self
        }
    }

    /// How deep arrays and objects of a JSON body may nest.
    pub fn json_depth_max(self, depth: usize) -> Self {
        Self {
            json_depth_max: Some(depth),
            ..self
        }
    }

    /// Words that a text body may not contain, whatever their case.
    pub fn forbidden_words<W: Into<String>>(self, words: impl IntoIterator<Item = W>) -> Self {
        let forbidden_words = words
            .into_iter()
            .map(|word| word.into().to_lowercase())
            .collect();
        Self {
            forbidden_words,
            ..self
        }
    }

    fn check(&self, request: &Request) -> Result<(), Rejection> {
        let body = &request.body;
        if let Some(max) = self.body_bytes_max.filter(|max| body.len() > *max) {
            let text = format!(
                "the body has {} bytes; at most {max} are allowed",
                body.len()
            );
            return Err(Rejection::new("too_large", text));
        }
        if let Some(given) = request.headers.find("content-type") {
            let essence = given.split(';').next().unwrap_or_default().trim();
            let known = self
                .content_types
                .iter()
                .any(|one| one.eq_ignore_ascii_case(essence));
            if !known && !self.content_types.is_empty() {
                let allowed = self.content_types.join(", ");
                return Err(Rejection::new(
                    "content_type",
                    format!("this content-type is not allowed; send {allowed}"),
                ));
            }
        }
        if let Some(max) = self.json_depth_max.filter(|max| json_depth(body) > *max) {
            let text = format!("the body nests deeper than {max} levels");
            return Err(Rejection::new("too_deep", text));
        }
        self.check_words(body)
    }

    fn check_words(&self, body: &[u8]) -> Result<(), Rejection> {
        if self.forbidden_words.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(body).to_lowercase();
        if self.forbidden_words.iter().any(|word| text.contains(word)) {
            return Err(Rejection::new(
                "content",
                "the text contains a word that is not allowed",
            ));
        }
        Ok(())
    }
}

impl Interceptor for ContentRules {
    fn intercept<'a>(
        &'a self,
        request: Request,
        next: Next<'a>,
    ) -> BoxFuture<'a, Result<Outcome, Rejection>> {
        if request.action == Action::Send
            && self.destinations.matches(&request.destination)
            && let Err(rejection) = self.check(&request)
        {
            return Box::pin(async { Err(rejection) });
        }
        next.run(request)
    }
}

/// How deep brackets nest outside of strings.
fn json_depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::json_depth;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        for (body, depth) in [
            ("1", 0),
            ("{}", 1),
            (r#"[{"a":[1]}]"#, 3),
            (r#"{"a":"[[[\"{"}"#, 1),
        ] {
            assert_eq!(json_depth(body.as_bytes()), depth, "{body}");
        }
    }
}
