//! One HTTP/1.1 request on a connection of its own, and its answer as it comes.

use std::fmt;

use stompline_ws::handshake::{self, Response};
use tokio::time::Instant;

use super::fault::Fault;
use super::link::Link;
use super::target::Target;

/// The longest body that is read whole; all that is asked for is smaller.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a body is shown.
const SHOWN_CHARS_MAX: usize = 160;

/// The longest line with a chunk's size.
const SIZE_BYTES_MAX: usize = 4096;

/// To whom, as whom and until when requests are made.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub target: &'a Target,
    pub token: Option<&'a str>,
    pub origin: Option<&'a str>,
    /// What the request says about the program that makes it.
    pub agent: &'static str,
    /// Nothing waits beyond this.
    pub until: Instant,
}

impl Visit<'_> {
    /// The headers that say who asks.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let token = self
            .token
            .map(|token| ("Authorization", format!("Bearer {token}")));
        let origin = self.origin.map(|origin| ("Origin", origin.to_owned()));
        token.into_iter().chain(origin).collect()
    }
}

/// An answer that has come whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// All values of the header `name`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// The body as JSON, if it is.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// `code` of a refusal's body.
    pub(crate) fn code(&self) -> Option<String> {
        self.json()?["code"].as_str().map(str::to_owned)
    }

    /// The beginning of the body on one line.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<_> = text.split_whitespace().collect();
        words.join(" ").chars().take(SHOWN_CHARS_MAX).collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        match (self.code(), self.excerpt()) {
            (Some(code), _) => write!(f, " {code}"),
            (None, text) if text.is_empty() => Ok(()),
            (None, text) => write!(f, " {text:?}"),
        }
    }
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// So many bytes still.
    Length(usize),
    /// The line with the next chunk's size comes.
    Size,
    /// So many bytes of the chunk still, with the line end behind it.
    Chunk(usize),
    /// When the connection ends.
    ToEnd,
    Over,
}

/// The body of an answer, read as it comes.
#[derive(Debug)]
pub(crate) struct Body {
    link: Link,
    held: Vec<u8>,
    framing: Framing,
}

impl Body {
    /// The next part; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        until: Instant,
        doing: &'static str,
    ) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            if let Some(part) = self.take()? {
                return Ok(Some(part));
            }
            if self.framing == Framing::Over {
                return Ok(None);
            }
            if !self.link.read(&mut self.held, until, doing).await? {
                if self.framing == Framing::ToEnd {
                    self.framing = Framing::Over;
                    return Ok(None);
                }
                return Err(Fault::Ended { doing });
            }
        }
    }

    /// What of the held bytes belongs to the body.
    fn take(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            match self.framing {
                Framing::Over => return Ok(None),
                Framing::ToEnd | Framing::Length(_) | Framing::Chunk(_) if self.held.is_empty() => {
                    return Ok(None);
                }
                Framing::ToEnd => return Ok(Some(std::mem::take(&mut self.held))),
                Framing::Length(left) => {
                    let part = self.cut(left);
                    self.framing = match left - part.len() {
                        0 => Framing::Over,
                        left => Framing::Length(left),
                    };
                    return Ok(Some(part));
                }
                Framing::Chunk(left) => {
                    let mut part = self.cut(left);
                    self.framing = match left - part.len() {
                        0 => Framing::Size,
                        left => Framing::Chunk(left),
                    };
                    // The last two bytes are the line end.
                    part.truncate(left.saturating_sub(2));
                    if !part.is_empty() {
                        return Ok(Some(part));
                    }
                }
                Framing::Size => {
                    let Some(size) = self.size()? else {
                        return Ok(None);
                    };
                    self.framing = match size {
                        0 => Framing::Over,
                        size => Framing::Chunk(size.saturating_add(2)),
                    };
                }
            }
        }
    }

    fn cut(&mut self, at: usize) -> Vec<u8> {
        let rest = self.held.split_off(at.min(self.held.len()));
        std::mem::replace(&mut self.held, rest)
    }

    fn size(&mut self) -> Result<Option<usize>, Fault> {
        let Some(end) = self.held.iter().position(|byte| *byte == b'\n') else {
            if self.held.len() > SIZE_BYTES_MAX {
                return Err(Fault::Http("a chunk's size does not end".to_owned()));
            }
            return Ok(None);
        };
        let line = self.cut(end + 1);
        let line = String::from_utf8_lossy(&line);
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16);
        size.map(Some)
            .map_err(|_| Fault::Http("a chunk has no size".to_owned()))
    }
}

/// Sends a request. Returns the head of the answer and its body to be read.
pub(crate) async fn begin(
    visit: &Visit<'_>,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Result<(Answer, Body), Fault> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\n",
        visit.target.authority()
    );
    for (name, value) in visit.headers() {
        head.extend([name, ": ", &value, "\r\n"]);
    }
    head.extend(["Connection: close\r\nUser-Agent: ", visit.agent, "\r\n"]);
    if method == "POST" {
        let bytes = body.map_or(0, str::len);
        let bytes = bytes.to_string();
        head.extend([
            "Content-Type: text/plain\r\nContent-Length: ",
            &bytes,
            "\r\n",
        ]);
    }
    head.extend(["\r\n", body.unwrap_or_default()]);
    let mut link = Link::open(visit.target, visit.until).await?;
    link.write(head.as_bytes(), visit.until, "sending a request")
        .await?;
    let (response, held) = read_head(&mut link, visit.until).await?;
    let framing = framing(method, &response)?;
    let answer = Answer {
        status: response.status,
        headers: response.headers,
        body: Vec::new(),
    };
    Ok((
        answer,
        Body {
            link,
            held,
            framing,
        },
    ))
}

/// Sends a request and reads the whole answer, whatever its status.
pub(crate) async fn fetch(
    visit: &Visit<'_>,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Result<Answer, Fault> {
    let (answer, body) = begin(visit, method, path, body).await?;
    finish(answer, body, visit.until).await
}

/// Reads the rest of an answer.
pub(crate) async fn finish(
    mut answer: Answer,
    mut body: Body,
    until: Instant,
) -> Result<Answer, Fault> {
    while let Some(part) = body.next(until, "reading an answer").await? {
        answer.body.extend_from_slice(&part);
        if answer.body.len() > BODY_BYTES_MAX {
            return Err(Fault::Http(format!(
                "the answer is longer than {BODY_BYTES_MAX} bytes"
            )));
        }
    }
    Ok(answer)
}

async fn read_head(link: &mut Link, until: Instant) -> Result<(Response, Vec<u8>), Fault> {
    let doing = "waiting for an answer";
    let mut bytes = Vec::new();
    loop {
        if !link.read(&mut bytes, until, doing).await? {
            return Err(Fault::Ended { doing });
        }
        // No request here asks for an upgrade, so the key that one would be checked with is none.
        if let Some((response, consumed)) = handshake::parse_response(&bytes, "")? {
            return Ok((response, bytes.split_off(consumed)));
        }
    }
}

fn framing(method: &str, response: &Response) -> Result<Framing, Fault> {
    if method == "HEAD" || response.status == 204 || response.status == 304 {
        return Ok(Framing::Over);
    }
    let chunked = response
        .header("transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().ends_with("chunked"));
    if chunked {
        return Ok(Framing::Size);
    }
    match response.header("content-length").map(str::parse) {
        None => Ok(Framing::ToEnd),
        Some(Ok(0)) => Ok(Framing::Over),
        Some(Ok(length)) => Ok(Framing::Length(length)),
        Some(Err(_)) => Err(Fault::Http("Content-Length is not a number".to_owned())),
    }
}
