//! The paths under a prefix.

/// What a path below the prefix names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Root,
    Info,
    RawWebSocket,
    FramedWebSocket,
}

impl Route {
    /// Reads what follows the prefix. Server and session of a SockJS path are any non-empty segments without a dot (SockJS
    /// protocol, "Session URLs"); the server segment is for load balancers and means nothing here.
    pub(super) fn parse(rest: &str) -> Option<Self> {
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
            (server, Some(session), Some("websocket"), None)
                if is_name(server) && is_name(session) =>
            {
                Some(Self::FramedWebSocket)
            }
            _ => None,
        }
    }
}

fn is_name(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('.')
}

#[cfg(test)]
mod tests {
    use super::Route;

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
            ("//abc/websocket", None),
            ("/000//websocket", None),
            ("/a.b/c/websocket", None),
            ("/a/b.c/websocket", None),
            ("/a/websocket", None),
            ("/a/b/c/websocket", None),
            ("/nothing", None),
        ] {
            assert_eq!(Route::parse(rest), expected, "{rest}");
        }
    }
}
