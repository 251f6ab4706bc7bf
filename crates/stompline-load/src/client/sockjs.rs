//! SockJS frames as a client reads and writes them.

use serde_json::Value;

use super::ClientError;

/// Digits and letters of a session's name.
const SESSION_LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// What a server's frame says to the session above.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SockJsFrame {
    /// The session is open, or still alive.
    Sign,
    /// Messages.
    Messages(Vec<String>),
}

/// Reads one frame.
///
/// # Errors
///
/// The server closes, or the frame is none.
pub(super) fn read_frame(frame: &[u8]) -> Result<SockJsFrame, ClientError> {
    let broken = || ClientError::SockJs(String::from_utf8_lossy(frame).into_owned());
    let (kind, rest) = frame.split_first().ok_or_else(broken)?;
    match kind {
        b'o' | b'h' if rest.is_empty() => Ok(SockJsFrame::Sign),
        b'a' => serde_json::from_slice(rest)
            .map(SockJsFrame::Messages)
            .map_err(|_| broken()),
        b'c' => {
            let reason: Value = serde_json::from_slice(rest).map_err(|_| broken())?;
            let code = reason[0].as_u64().and_then(|code| u16::try_from(code).ok());
            let reason = reason[1].as_str().unwrap_or_default().to_owned();
            Err(ClientError::Closed { code, reason })
        }
        _ => Err(broken()),
    }
}

/// One STOMP frame, which is UTF-8, as an element of a JSON array.
pub(super) fn write_element(frame: &[u8], out: &mut Vec<u8>) -> Result<(), ClientError> {
    let text = std::str::from_utf8(frame)
        .map_err(|_| ClientError::SockJs("only text can be sent".to_owned()))?;
    serde_json::to_writer(out, text).map_err(|why| ClientError::SockJs(why.to_string()))
}

/// The path of a session: prefix, server, a fresh name.
pub(super) fn session_path(prefix: &str, random: [u8; 8]) -> String {
    let name: String = random
        .iter()
        .map(|byte| char::from(SESSION_LETTERS[usize::from(byte % 32)]))
        .collect();
    let server = u16::from(random[0]) * 3 + u16::from(random[1]) % 3;
    format!("{}/{server:03}/{name}", prefix.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_signs_are_told_apart() {
        assert_eq!(read_frame(b"o").unwrap(), SockJsFrame::Sign);
        assert_eq!(read_frame(b"h").unwrap(), SockJsFrame::Sign);
        let messages = SockJsFrame::Messages(vec!["a\n".to_owned(), "b".to_owned()]);
        assert_eq!(read_frame(br#"a["a\n","b"]"#).unwrap(), messages);
    }

    #[test]
    fn close_is_told_with_code_and_reason() {
        let closed = read_frame(br#"c[2010,"Another connection still open"]"#).unwrap_err();
        let text = "closed by the server: 2010 Another connection still open";
        assert_eq!(closed.to_string(), text);
    }

    #[test]
    fn other_frames_are_refused() {
        for frame in ["", "x", "a{}", "oo", "c"] {
            let refused = read_frame(frame.as_bytes()).unwrap_err();
            assert!(matches!(refused, ClientError::SockJs(_)), "{refused}");
        }
    }

    #[test]
    fn path_has_server_and_session() {
        let path = session_path("/ws/", [255; 8]);
        assert_eq!(path, "/ws/765/55555555");
    }
}
