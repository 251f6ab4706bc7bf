//! How each HTTP transport dresses a frame (SockJS protocol, from "XhrPolling" to "JsonpPolling").

use bytes::Bytes;
use http::HeaderValue;

use crate::connection::Transport;

/// Fills the buffers of browsers that show nothing of a response before they have so much of it.
static XHR_PRELUDE: [u8; 2049] = {
    let mut prelude = [b'h'; 2049];
    prelude[2048] = b'\n';
    prelude
};

/// As [`XHR_PRELUDE`], for pages in a frame.
const HTML_PRELUDE_BYTES: usize = 1024;

/// One transport, with the callback that its client named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    XhrPolling,
    XhrStreaming,
    EventSource,
    HtmlFile { callback: Box<str> },
    Jsonp { callback: Box<str> },
}

impl Style {
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::XhrPolling => Transport::XhrPolling,
            Self::XhrStreaming => Transport::XhrStreaming,
            Self::EventSource => Transport::EventSource,
            Self::HtmlFile { .. } => Transport::HtmlFile,
            Self::Jsonp { .. } => Transport::JsonpPolling,
        }
    }

    /// Whether a response holds one frame.
    pub(crate) fn is_polling(&self) -> bool {
        matches!(self, Self::XhrPolling | Self::Jsonp { .. })
    }

    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::XhrPolling | Self::XhrStreaming | Self::Jsonp { .. } => {
                "application/javascript; charset=UTF-8"
            }
            Self::EventSource => "text/event-stream",
            Self::HtmlFile { .. } => "text/html; charset=UTF-8",
        })
    }

    /// What a response begins with, before its first frame. Polling responses have no such thing.
    pub(crate) fn prelude(&self) -> Bytes {
        match self {
            Self::XhrPolling | Self::Jsonp { .. } => Bytes::new(),
            Self::XhrStreaming => Bytes::from_static(&XHR_PRELUDE),
            Self::EventSource => Bytes::from_static(b"\r\n"),
            Self::HtmlFile { callback } => html_prelude(callback),
        }
    }

    /// The bytes on the wire for one frame.
    pub(crate) fn wrap(&self, mut frame: Vec<u8>) -> Bytes {
        match self {
            Self::XhrPolling | Self::XhrStreaming => frame.push(b'\n'),
            Self::EventSource => frame = event(&frame),
            Self::HtmlFile { .. } => frame = call("<script>\np", &frame, ";\n</script>\r\n"),
            Self::Jsonp { callback } => {
                // The comment keeps the answer from being taken for something else than a script.
                frame = call(&format!("/**/{callback}"), &frame, ";\r\n");
            }
        }
        frame.into()
    }
}

/// The page that an old browser loads into a hidden frame. Its text is a part of the protocol ("HtmlFile").
fn html_prelude(callback: &str) -> Bytes {
    let mut page = format!(
        "<!doctype html>\n\
         <html><head>\n  \
         <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n\
         </head><body><h2>Don't panic!</h2>\n  \
         <script>\n    \
         document.domain = document.domain;\n    \
         var c = parent.{callback};\n    \
         c.start();\n    \
         function p(d) {{c.message(d);}};\n    \
         window.onload = function() {{c.stop();}};\n  \
         </script>\n"
    );
    while page.len() < HTML_PRELUDE_BYTES {
        page.push(' ');
    }
    page.push_str("\r\n\r\n");
    page.into()
}

/// A server-sent event. Clients decode percent signs in what they receive, so those in a message are encoded; line ends and NUL are
/// escaped by JSON already.
fn event(frame: &[u8]) -> Vec<u8> {
    let mut event = Vec::with_capacity(frame.len() + 16);
    event.extend_from_slice(b"data: ");
    for part in frame.split_inclusive(|byte| *byte == b'%') {
        event.extend_from_slice(part);
        if part.ends_with(b"%") {
            event.extend_from_slice(b"25");
        }
    }
    event.extend_from_slice(b"\r\n\r\n");
    event
}

/// A call of a function with the frame as its argument. `<` and `/` are escaped, so that nothing in a message can end the script.
fn call(function: &str, frame: &[u8], end: &str) -> Vec<u8> {
    let mut call = Vec::with_capacity(frame.len() + frame.len() / 4 + 64);
    call.extend_from_slice(function.as_bytes());
    call.extend_from_slice(b"(\"");
    for byte in frame {
        match byte {
            b'"' => call.extend_from_slice(b"\\\""),
            b'\\' => call.extend_from_slice(b"\\\\"),
            b'<' => call.extend_from_slice(b"\\u003c"),
            b'/' => call.extend_from_slice(b"\\/"),
            byte => call.push(*byte),
        }
    }
    call.extend_from_slice(b"\")");
    call.extend_from_slice(end.as_bytes());
    call
}

#[cfg(test)]
mod tests {
    use super::Style;

    fn wrapped(style: &Style, frame: &str) -> String {
        String::from_utf8(style.wrap(frame.into()).to_vec()).unwrap()
    }

    #[test]
    fn each_transport_wraps_a_frame_its_own_way() {
        let callback = || "cb".into();
        for (style, expected) in [
            (Style::XhrPolling, "a[\"x\"]\n"),
            (Style::XhrStreaming, "a[\"x\"]\n"),
            (Style::EventSource, "data: a[\"x\"]\r\n\r\n"),
            (
                Style::HtmlFile {
                    callback: callback(),
                },
                "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n",
            ),
            (
                Style::Jsonp {
                    callback: callback(),
                },
                "/**/cb(\"a[\\\"x\\\"]\");\r\n",
            ),
        ] {
            assert_eq!(wrapped(&style, "a[\"x\"]"), expected);
        }
    }

    #[test]
    fn percent_signs_survive_the_decoding_of_events() {
        let frame = "a[\"%41 100% %25\"]";
        let expected = "data: a[\"%2541 100%25 %2525\"]\r\n\r\n";
        assert_eq!(wrapped(&Style::EventSource, frame), expected);
    }

    #[test]
    fn scripts_cannot_be_ended_by_a_message() {
        let style = Style::HtmlFile {
            callback: "c".into(),
        };
        let text = wrapped(&style, "a[\"</script><!--\"]");
        assert_eq!(
            text,
            "<script>\np(\"a[\\\"\\u003c\\/script>\\u003c!--\\\"]\");\n</script>\r\n"
        );
    }

    #[test]
    fn preludes_are_long_enough_to_pass_buffers() {
        assert_eq!(Style::XhrStreaming.prelude().len(), 2049);
        let style = Style::HtmlFile {
            callback: "a.b".into(),
        };
        let page = String::from_utf8(style.prelude().to_vec()).unwrap();
        assert!(page.len() > 1024 && page.contains("var c = parent.a.b;\n"));
        assert!(page.ends_with("\r\n\r\n"));
    }
}
