//! Every character arrives as it was sent, whichever way it takes (SockJS protocol, "JSON Unicode Encoding").

use std::time::Duration;

use crate::{
    client::{Answer, post},
    server::{Server, settings},
};

/// Characters in one message: escaped, they still are far below its limit.
const BLOCK: usize = 4096;

/// A transport: its request, and the SockJS frame that a client takes out of what it receives.
struct Way {
    start: &'static str,
    unwrap: fn(&str) -> String,
}

const WAYS: [Way; 5] = [
    Way {
        start: "POST /echo/0/SESSION/xhr",
        unwrap: |text| text.to_owned(),
    },
    Way {
        start: "POST /echo/0/SESSION/xhr_streaming",
        unwrap: |text| text.trim_start_matches('h').trim_start().to_owned(),
    },
    Way {
        start: "GET /echo/0/SESSION/eventsource",
        // Clients run `decodeURI` over it, which has nothing else to decode.
        unwrap: |text| between(text, "\r\ndata: ", "\r\n\r\n").replace("%25", "%"),
    },
    Way {
        start: "GET /echo/0/SESSION/htmlfile?c=x",
        unwrap: |text| {
            script(
                text.split_once("\r\n\r\n").unwrap().1,
                "<script>\np(",
                ");\n</script>\r\n",
            )
        },
    },
    Way {
        start: "GET /echo/0/SESSION/jsonp?c=x",
        unwrap: |text| script(text, "/**/x(", ");\r\n"),
    },
];

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let inner = text
        .strip_prefix(begin)
        .and_then(|text| text.strip_suffix(end));
    inner.unwrap_or_else(|| panic!("{text:.100}"))
}

/// The string that a script hands on. A browser's parser must not find an end of the script in it.
fn script(text: &str, begin: &str, end: &str) -> String {
    let literal = between(text, begin, end);
    assert!(!literal.contains(['<', '\n', '\u{2028}', '\u{2029}']));
    serde_json::from_str(literal).unwrap()
}

/// The whole response to the next receiving request.
async fn receive(server: &Server, start: &str) -> String {
    let mut answer = Answer::to(server.address, &format!("{start} HTTP/1.1"), "").await;
    assert_eq!(answer.status(), 200);
    answer.body().await
}

#[tokio::test]
async fn every_character_survives_every_transport() {
    // A response ends after each frame, and the one that opens the session is a frame too.
    let server = Server::with(
        settings()
            .response_bytes_max(1)
            .disconnect_delay(Duration::from_mins(1)),
    )
    .await;
    let all: Vec<char> = ('\0'..='\u{ffff}')
        .chain("😀\u{10ffff}%41%".chars())
        .collect();
    for (n, way) in WAYS.iter().enumerate() {
        let start = way.start.replace("SESSION", &format!("s{n}"));
        assert_eq!(
            (way.unwrap)(&receive(&server, &start).await).trim_end(),
            "o"
        );
        for block in all.chunks(BLOCK) {
            let text: String = block.iter().collect();
            let sent = serde_json::to_string(&[&text]).unwrap();
            let send = format!("/echo/0/s{n}/xhr_send");
            assert_eq!(post(server.address, &send, &sent).await.0, 204);
            let frame = (way.unwrap)(&receive(&server, &start).await);
            let received: [String; 1] =
                serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
            assert!(received[0] == text, "{start}: {:?}", block[0]);
        }
    }
}
