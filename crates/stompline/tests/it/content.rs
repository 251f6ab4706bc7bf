//! Rules for what a SEND may carry.

use stompline::{ContentRules, DestinationPattern};
use stompline_proto::Command;

use crate::support::{frame, header, open_broker, test_app};

/// A rule for `/topic/open.x`.
fn rules() -> ContentRules {
    ContentRules::new(DestinationPattern::parse("/topic/open.x").unwrap())
}

/// What becomes of a body, with this content type if there is one: the code of its refusal, or nothing.
async fn refused(rules: &ContentRules, content_type: &str, body: &str) -> Option<String> {
    let app = test_app(open_broker().interceptor(rules.clone()));
    let mut anna = app.connect("customer", "anna").await;
    anna.subscribe("x", "/topic/open.x").await;
    anna.subscribe("y", "/topic/open.y").await;
    anna.subscribe("e", "/user/queue/errors").await;
    // Other destinations have no rules.
    for destination in ["/topic/open.y", "/topic/open.x"] {
        let mut send = frame(Command::Send, &[("destination", destination)]);
        if !content_type.is_empty() {
            send = send.header("content-type", content_type);
        }
        anna.transmit(&send.body(body.to_owned())).await;
        let message = anna.message().await;
        if header(&message, "destination") == "/user/queue/errors" {
            assert_eq!(destination, "/topic/open.x");
            anna.send_and_wait("/topic/open.y", "the session lives")
                .await;
            return Some(header(&message, "code").to_owned());
        }
        assert_eq!(message.body, body);
    }
    None
}

async fn check(rules: ContentRules, cases: &[(&str, &str, Option<&str>)]) {
    for (content_type, body, code) in cases {
        let refused = refused(&rules, content_type, body).await;
        assert_eq!(refused.as_deref(), *code, "{content_type} {body}");
    }
}

#[tokio::test]
async fn body_over_the_size_is_refused() {
    let cases = [
        ("", "12345", None),
        ("", "123456", Some("too_large")),
        // Bytes count, not characters.
        ("", "äöü", Some("too_large")),
        ("", "", None),
    ];
    check(rules().body_bytes_max(5), &cases).await;
}

#[tokio::test]
async fn other_content_type_is_refused() {
    let types = rules().content_types(["application/json", "text/plain"]);
    let cases = [
        ("application/json", "1", None),
        ("Application/JSON ; charset=utf-8", "1", None),
        ("text/plain;charset=UTF-8", "1", None),
        ("text/html", "1", Some("content_type")),
        ("application/jsonp", "1", Some("content_type")),
        ("", "1", None),
    ];
    check(types, &cases).await;
}

#[tokio::test]
async fn forbidden_word_is_refused_whatever_its_case() {
    let words = rules().forbidden_words(["Casino", "ГРУБО"]);
    let cases = [
        ("", "good morning", None),
        ("", "to the casino", Some("content")),
        ("text/plain", "CASINOS", Some("content")),
        ("", "грубо", Some("content")),
        ("", "cas ino", None),
    ];
    check(words, &cases).await;
}

#[tokio::test]
async fn deep_json_is_refused() {
    let cases = [
        ("application/json", "[[1]]", None),
        ("application/json", "[[[1]]]", Some("too_deep")),
        ("", r#"["[[["]"#, None),
    ];
    check(rules().json_depth_max(2), &cases).await;
}

#[tokio::test]
async fn rules_without_limits_allow_everything() {
    check(rules(), &[("any/thing", "[[[[casino]]]]", None)]).await;
}
