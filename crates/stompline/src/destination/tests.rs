use proptest::prelude::*;

use crate::pattern::PatternSyntax;

use super::*;

fn send(text: &str) -> Result<Destination, String> {
    Destination::for_send(&Prefixes::default(), text).map_err(|error| error.to_string())
}

fn subscribe(text: &str) -> Result<Destination, String> {
    Destination::for_subscribe(&Prefixes::default(), text).map_err(|error| error.to_string())
}

/// What a destination means, as one line.
fn meaning(destination: &Destination) -> String {
    match destination {
        Destination::App(app) => format!("app {}", app.path()),
        Destination::Broker(broker) => format!("broker {}", broker.name()),
        Destination::Pattern(pattern) => format!("pattern {pattern}"),
        Destination::User(user) => match user.owner() {
            Some(owner) => format!("user {owner} {}", user.queue()),
            None => format!("self {}", user.queue()),
        },
    }
}

#[test]
fn send_destinations_get_their_meaning() {
    for (text, want) in [
        ("/app/send", "app /send"),
        ("/app/room/4/2", "app /room/4/2"),
        ("/topic/news", "broker /topic/news"),
        ("/queue/a/b", "broker /queue/a/b"),
        ("/topic/{x}", "broker /topic/{x}"),
        ("/user/bob/queue/x", "user bob /queue/x"),
        ("/user/queue/queue/x", "user queue /queue/x"),
        ("/user/a%2Fb%2fc/queue/x/y", "user a/b/c /queue/x/y"),
        ("/user/100%25/queue/x", "user 100% /queue/x"),
        ("/user/100%/queue/x", "user 100% /queue/x"),
        ("/user/%2Aé%/queue/x", "user *é% /queue/x"),
        ("/user/a%252F/queue/x", "user a%2F /queue/x"),
    ] {
        let destination = send(text).unwrap();
        assert_eq!(meaning(&destination), want);
        assert_eq!(destination.name(), text);
    }
}

#[test]
fn subscribe_destinations_get_their_meaning() {
    for (text, want) in [
        ("/app/bootstrap", "app /bootstrap"),
        ("/topic/news", "broker /topic/news"),
        ("/topic/**", "pattern /topic/**"),
        ("/topic/p.*", "pattern /topic/p.*"),
        ("/queue/*/x", "pattern /queue/*/x"),
        ("/user/queue/messages", "self /queue/messages"),
    ] {
        let destination = subscribe(text).unwrap();
        assert_eq!(meaning(&destination), want);
        assert_eq!(destination.name(), text);
    }
}

const PREFIXES: &str = "a destination lies below one of /app, /topic, /queue and /user";

#[test]
fn bad_destinations_are_refused_by_cause() {
    let slash = "a destination begins with `/`";
    let empty = "a destination has no empty segments: no `//` and no `/` at the end";
    for text in ["/nope/x", "/app", "/topic", "/user", "/topical/x", "/App/x"] {
        assert_eq!(send(text).unwrap_err(), PREFIXES);
        assert_eq!(subscribe(text).unwrap_err(), PREFIXES);
    }
    for (text, want) in [
        ("", slash),
        ("topic/x", slash),
        ("/", empty),
        ("/topic/", empty),
        ("/topic//x", empty),
        ("/topic/a\0b", "a destination holds no control characters"),
    ] {
        assert_eq!(send(text).unwrap_err(), want);
        assert_eq!(subscribe(text).unwrap_err(), want);
    }
    let long = format!("/topic/{}", "x".repeat(1_018));
    assert_eq!(
        send(&long).unwrap_err(),
        "a destination has at most 1024 bytes, this one has 1025"
    );
    let error = Destination::for_send(&Prefixes::default(), "").unwrap_err();
    assert_eq!(error.code(), "unknown_destination");
}

#[test]
fn send_to_pattern_is_refused() {
    for text in ["/topic/*", "/topic/**", "/app/a*", "/user/*/queue/x"] {
        assert_eq!(
            send(text).unwrap_err(),
            "SEND needs one destination; a name with `*` is for SUBSCRIBE only"
        );
    }
}

#[test]
fn user_destination_needs_a_queue() {
    for text in [
        "/user/queue/x",
        "/user/bob",
        "/user/bob/topic/x",
        "/user/bob/queue",
    ] {
        assert_eq!(
            send(text).unwrap_err(),
            "SEND to a user needs /user/<name>/queue/<...>"
        );
    }
    for text in [
        "/user/bob/queue/x",
        "/user/x",
        "/user/queue",
        "/user/queuex/y",
    ] {
        assert_eq!(
            subscribe(text).unwrap_err(),
            "SUBSCRIBE to one's own messages needs /user/queue/<...>"
        );
    }
    let name = "n".repeat(257);
    assert!(
        send(&format!("/user/{name}/queue/x"))
            .unwrap_err()
            .contains("at most 256 bytes")
    );
}

#[test]
fn patterns_outside_the_broker_are_refused() {
    for text in ["/user/queue/*", "/user/queue/**", "/app/**", "/user/**"] {
        assert_eq!(
            subscribe(text).unwrap_err(),
            "patterns are for broker destinations; name this one in full"
        );
    }
    // A pattern cannot reach over a prefix: those have no wildcards.
    for text in ["/**", "/*/x", "/us*/queue/x"] {
        assert_eq!(subscribe(text).unwrap_err(), PREFIXES);
    }
    assert!(
        subscribe("/topic/{t:(IBM|MSFT)}")
            .unwrap_err()
            .contains("not allowed")
    );
}

#[test]
fn switched_off_patterns_are_refused() {
    let patterns = PatternSyntax {
        star: false,
        double_star: false,
        ..Default::default()
    };
    let prefixes = Prefixes::default().with_patterns(patterns);
    for text in ["/topic/*", "/topic/**"] {
        let error = Destination::for_subscribe(&prefixes, text).unwrap_err();
        assert!(error.to_string().contains("switched off"), "{error}");
    }
    assert!(Destination::for_subscribe(&prefixes, "/topic/a").is_ok());
}

#[test]
fn conflicting_prefixes_are_named() {
    for (app, brokers, user, want) in [
        (
            "/app",
            vec!["/app"],
            "/user",
            "the prefix \"/app\" lies inside the prefix \"/app\"",
        ),
        (
            "/app",
            vec!["/app/t"],
            "/u",
            "the prefix \"/app/t\" lies inside the prefix \"/app\"",
        ),
        (
            "/a",
            vec!["/t", "/t/x"],
            "/u",
            "the prefix \"/t/x\" lies inside the prefix \"/t\"",
        ),
        (
            "/u/a",
            vec!["/t"],
            "/u",
            "the prefix \"/u/a\" lies inside the prefix \"/u\"",
        ),
        (
            "app",
            vec!["/t"],
            "/u",
            "the prefix \"app\" is not possible",
        ),
        (
            "/app/",
            vec!["/t"],
            "/u",
            "the prefix \"/app/\" is not possible",
        ),
        ("", vec!["/t"], "/u", "the prefix \"\" is not possible"),
        (
            "/a",
            vec!["/t*"],
            "/u",
            "the prefix \"/t*\" must be plain text",
        ),
        ("/a", vec![], "/u", "at least one broker prefix is needed"),
    ] {
        let error = Prefixes::new(app, &brokers, user).unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
    let long = format!("/{}", "a".repeat(128));
    let error = Prefixes::new(&long, &["/t"], "/u").unwrap_err().to_string();
    assert!(error.ends_with("is too long: at most 128 bytes"), "{error}");
    assert!(Prefixes::new("/app", &["/apple"], "/ap").is_ok());
}

#[test]
fn queue_of_a_user_is_checked() {
    let prefixes = Prefixes::default();
    let user = UserDestination::at_queue(&prefixes, "/queue/messages").unwrap();
    assert_eq!(
        (user.name(), user.queue()),
        ("/user/queue/messages", "/queue/messages")
    );
    for queue in [
        "/topic/x",
        "queue/x",
        "/queue/",
        "/queue/*",
        "/queue",
        "/queue//x",
    ] {
        assert!(
            UserDestination::at_queue(&prefixes, queue).is_err(),
            "{queue}"
        );
    }
}

proptest! {
    #[test]
    fn encoded_user_name_is_read_back(name in "[a-z%/*2FfAa5é]{1,20}") {
        let text = format!("/user/{}/queue/x", encode_user_name(&name));
        let Ok(Destination::User(user)) = send(&text) else { panic!("{text}") };
        prop_assert_eq!(user.owner().unwrap(), &name.as_str());
        prop_assert_eq!(user.queue(), "/queue/x");
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "(/app|/user|/topic|/x)?[/a*{}%\\x00é.]{0,10}") {
        for destination in [send(&text), subscribe(&text)].into_iter().flatten() {
            prop_assert_eq!(destination.name(), &text);
            prop_assert!(!meaning(&destination).is_empty());
        }
    }
}
