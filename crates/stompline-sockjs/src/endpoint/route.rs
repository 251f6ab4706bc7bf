//! The paths under a prefix.

/// Longest session id: far above the 8 characters of the usual client, and a bound for the table's keys.
const SESSION_ID_BYTES_MAX: usize = 256;

/// What a path below the prefix names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Root,
    Info,
    Iframe,
    RawWebSocket,
    FramedWebSocket,
    /// A request of the session with this id, which its client chose.
    Session(&'a str, Action),
}

/// What a request of a session does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Xhr,
    XhrStreaming,
    XhrSend,
    EventSource,
    HtmlFile,
    Jsonp,
    JsonpSend,
}

impl Action {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "xhr" => Self::Xhr,
            "xhr_streaming" => Self::XhrStreaming,
            "xhr_send" => Self::XhrSend,
            "eventsource" => Self::EventSource,
            "htmlfile" => Self::HtmlFile,
            "jsonp" => Self::Jsonp,
            "jsonp_send" => Self::JsonpSend,
            _ => return None,
        })
    }
}

impl<'a> Route<'a> {
    /// Reads what follows the prefix. Server and session of a SockJS path are any non-empty segments without a dot (SockJS
    /// protocol, "Session URLs"); the server segment is for load balancers and means nothing here.
    pub(super) fn parse(rest: &'a str) -> Option<Self> {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Self::Root);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut segments = rest.split('/');
        let route = (
            segments.next()?,
            segments.next(),
            segments.next(),
            segments.next(),
        );
        match route {
            ("info", None, ..) => Some(Self::Info),
            ("websocket", None, ..) => Some(Self::RawWebSocket),
            (page, None, ..) if is_iframe(page) => Some(Self::Iframe),
            (server, Some(session), Some(name), None) if is_name(server) && is_name(session) => {
                match name {
                    "websocket" => Some(Self::FramedWebSocket),
                    name => Action::parse(name).map(|action| Self::Session(session, action)),
                }
            }
            _ => None,
        }
    }
}

fn is_name(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('.') && segment.len() <= SESSION_ID_BYTES_MAX
}

/// `iframe.html`, or with a version between (SockJS protocol, "IFrame page").
fn is_iframe(page: &str) -> bool {
    page.strip_prefix("iframe")
        .and_then(|rest| rest.strip_suffix(".html"))
        .is_some_and(|version| {
            version
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'.' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::{Action, Route};

    #[test]
    fn paths_name_what_the_protocol_says() {
        for (rest, expected) in [
            ("", Some(Route::Root)),
            ("/", Some(Route::Root)),
            ("/info", Some(Route::Info)),
            ("/info/", Some(Route::Info)),
            ("/websocket", Some(Route::RawWebSocket)),
            ("/000/abc/websocket", Some(Route::FramedWebSocket)),
            ("/a%20b/c/websocket", Some(Route::FramedWebSocket)),
            ("/iframe.html", Some(Route::Iframe)),
            ("/iframe-.html", Some(Route::Iframe)),
            ("/iframe-0.1.2abc-dirty.2144.html", Some(Route::Iframe)),
            ("/iframe.htm", None),
            ("/iframe", None),
            ("/IFRAME.HTML", None),
            ("/iframe-A.html", None),
            ("/iframe-/.html", None),
            ("/0/abc/xhr", Some(Route::Session("abc", Action::Xhr))),
            ("/0/_%20/jsonp", Some(Route::Session("_%20", Action::Jsonp))),
            (
                "/0/abc/xhr_send/",
                Some(Route::Session("abc", Action::XhrSend)),
            ),
            ("//", None),
            ("///", None),
            ("///xhr", None),
            ("/a/a", None),
            ("//abc/websocket", None),
            ("/000//websocket", None),
            ("/a.b/c/websocket", None),
            ("/a/b.c/xhr", None),
            ("/./././xhr", None),
            ("/a/websocket", None),
            ("/a/b/c/websocket", None),
            ("/a/b/XHR", None),
            ("/nothing", None),
        ] {
            assert_eq!(Route::parse(rest), expected, "{rest}");
        }
        let long = format!("/0/{}/xhr", "x".repeat(257));
        assert_eq!(Route::parse(&long), None);
    }
}
