//! SockJS frames as a client reads and writes them.

use serde_json::Value;
use stompline_ws::Masker;

use crate::client::fault::Fault;

/// Digits and letters of a session's name.
const SESSION_LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// How much of what is no frame is shown.
const SHOWN_CHARS_MAX: usize = 60;

/// What a server's frame says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Open,
    Beat,
    Messages(Vec<String>),
}

/// Reads one frame.
///
/// # Errors
///
/// The server closes, or the frame is none.
pub(super) fn read_frame(frame: &str) -> Result<Frame, Fault> {
    let broken = || Fault::SockJs(frame.chars().take(SHOWN_CHARS_MAX).collect());
    let mut chars = frame.chars();
    match (chars.next(), chars.as_str()) {
        (Some('o'), "") => Ok(Frame::Open),
        (Some('h'), "") => Ok(Frame::Beat),
        (Some('a'), rest) => serde_json::from_str(rest)
            .map(Frame::Messages)
            .map_err(|_| broken()),
        (Some('c'), rest) => {
            let close: Value = serde_json::from_str(rest).map_err(|_| broken())?;
            let code = close[0].as_u64().and_then(|code| u16::try_from(code).ok());
            Err(Fault::Closed {
                code: code.ok_or_else(broken)?,
                reason: close[1].as_str().unwrap_or_default().to_owned(),
            })
        }
        _ => Err(broken()),
    }
}

/// An array of one message, as clients send it.
pub(super) fn write_message(message: &str) -> String {
    Value::from(vec![message]).to_string()
}

/// The path of a new session: prefix, server, a fresh name.
pub(super) fn session_path(prefix: &str) -> Result<String, Fault> {
    let mut masker = Masker::new();
    let mut draw = || masker.key().map_err(Fault::io("drawing a name"));
    let bytes = [draw()?, draw()?].concat();
    let name: String = bytes
        .iter()
        .map(|byte| char::from(SESSION_LETTERS[usize::from(byte % 32)]))
        .collect();
    Ok(format!("{prefix}/{:03}/{name}", u16::from(bytes[0]) * 3))
}

/// Puts lines together that come in parts, and leaves out what is only there to fill buffers.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Takes a part; gives the frames in it that are whole. `data: ` before a frame is that of
    /// `text/event-stream`.
    pub(super) fn take(&mut self, part: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(part);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole)
            .lines()
            .map(|line| line.strip_prefix("data: ").unwrap_or(line).trim_end())
            .filter(|line| !line.is_empty() && !is_prelude(line))
            .map(str::to_owned)
            .collect()
    }
}

/// The line of 2048 `h` that streams begin with.
fn is_prelude(line: &str) -> bool {
    line.len() > 1 && line.bytes().all(|byte| byte == b'h')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read() {
        assert_eq!(read_frame("o").unwrap(), Frame::Open);
        assert_eq!(read_frame("h").unwrap(), Frame::Beat);
        let messages = Frame::Messages(vec!["a\n".to_owned(), "b".to_owned()]);
        assert_eq!(read_frame(r#"a["a\n","b"]"#).unwrap(), messages);
        let closed = read_frame(r#"c[2010,"Another connection still open"]"#).unwrap_err();
        let text = "closed by the server with 2010: Another connection still open";
        assert_eq!(closed.to_string(), text);
        for frame in ["", "x", "a{}", "oo", "c", "c[]", "<html>", "é"] {
            let refused = read_frame(frame).unwrap_err();
            assert!(matches!(refused, Fault::SockJs(_)), "{frame}: {refused}");
        }
    }

    #[test]
    fn lines_are_put_together_without_filling() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for part in [
            "hhhhhh\n",
            "o",
            "\na[1",
            "]\nh\n",
            "\r\n",
            "data: o\r\n\r\n",
            "c",
        ] {
            got.extend(lines.take(part.as_bytes()));
        }
        assert_eq!(got, ["o", "a[1]", "h", "o"]);
    }

    #[test]
    fn messages_are_escaped() {
        assert_eq!(write_message("A\n\n\0"), "[\"A\\n\\n\\u0000\"]");
    }

    #[test]
    fn names_of_sessions_differ() {
        let (one, two) = (session_path("/ws").unwrap(), session_path("/ws").unwrap());
        assert_ne!(one, two);
        assert_eq!(one.split('/').count(), 4, "{one}");
    }
}
