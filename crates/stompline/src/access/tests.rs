use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::destination::{DestinationKind, Prefixes};
use crate::name::{Realm, UserName};
use crate::pattern::{DestinationPattern, PatternSyntax, Separator};

fn user(realm: &str) -> Principal {
    Principal::new(Realm::new(realm).unwrap(), UserName::new("7").unwrap())
}

fn parse(prefixes: &Prefixes, action: Action, name: &str) -> Destination {
    let destination = match action {
        Action::Send => Destination::for_send(prefixes, name),
        Action::Subscribe => Destination::for_subscribe(prefixes, name),
    };
    destination.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Judges one request as a client would make it.
fn allows(rules: &AccessRules, principal: &Principal, action: Action, name: &str) -> bool {
    let destination = parse(&Prefixes::default(), action, name);
    rules.permits(AccessRequest {
        principal,
        action,
        destination: &destination,
    })
}

fn realm(name: &str) -> Who {
    Who::realm(name).unwrap()
}

fn pattern(text: &str) -> Target {
    Target::Pattern(DestinationPattern::parse(text).unwrap())
}

/// The built-in rules with the names that a chat reserves.
fn chat_rules() -> AccessRulesBuilder {
    ["queue.*", "inbox.*", "presence.*"].iter().fold(
        AccessRules::builder(&Prefixes::default()),
        |rules, name| {
            rules
                .only(realm("agent"), &format!("/topic/{name}/**"))
                .unwrap()
        },
    )
}

#[test]
fn built_in_rules_decide_in_order() {
    use Action::{Send, Subscribe};
    let rules = chat_rules().build();
    let (customer, agent) = (user("customer"), user("agent"));
    for (action, name, for_customer, for_agent) in [
        (Send, "/app/send", true, true),
        (Send, "/app/chat.typing", true, true),
        (Subscribe, "/app/bootstrap", true, true),
        (Send, "/app/agent.take", false, true),
        (Send, "/app/agent.take/x", false, true),
        (Subscribe, "/app/agent.x", false, true),
        (Send, "/app/agents", true, true),
        (Subscribe, "/user/queue/messages", true, true),
        (Send, "/user/bob/queue/messages", false, false),
        (Send, "/topic/news", false, false),
        (Send, "/queue/news", false, false),
        (Subscribe, "/topic/news", true, true),
        (Subscribe, "/queue/news", true, true),
        (Subscribe, "/topic/queue.default", false, true),
        (Subscribe, "/topic/queue.default.a/b", false, true),
        (Send, "/topic/queue.default", false, false),
        (Subscribe, "/topic/queues", true, true),
        (Subscribe, "/topic/price.*", false, true),
        (Subscribe, "/topic/price/**", false, true),
        (Subscribe, "/topic/queue.*", false, true),
        (Subscribe, "/topic/queue.a*/**", false, true),
        // These reach over a reserved name, whoever asks.
        (Subscribe, "/topic/**", false, false),
        (Subscribe, "/topic/*", false, false),
        (Subscribe, "/topic/q*", false, false),
        (Subscribe, "/queue/**", false, true),
    ] {
        assert_eq!(
            allows(&rules, &customer, action, name),
            for_customer,
            "customer {action} {name}"
        );
        assert_eq!(
            allows(&rules, &agent, action, name),
            for_agent,
            "agent {action} {name}"
        );
    }
}

#[test]
fn public_subscribe_can_be_switched_off() {
    let rules = chat_rules()
        .public_subscribe(false)
        .rule(AccessRule::allow(Who::Anyone, pattern("/topic/site.*")).on(Action::Subscribe))
        .build();
    let customer = user("customer");
    assert!(!allows(&rules, &customer, Action::Subscribe, "/topic/news"));
    assert!(allows(
        &rules,
        &customer,
        Action::Subscribe,
        "/topic/site.1"
    ));
    assert!(!allows(&rules, &customer, Action::Send, "/topic/site.1"));
    assert!(allows(
        &rules,
        &customer,
        Action::Subscribe,
        "/user/queue/x"
    ));
}

#[test]
fn operator_rules_come_first() {
    let rules = chat_rules()
        .first(AccessRule::deny(realm("guest"), Target::Everything))
        .first(AccessRule::allow(
            Who::Role("bot".into()),
            Target::Kind(DestinationKind::Broker),
        ))
        .build();
    assert!(!allows(&rules, &user("guest"), Action::Send, "/app/send"));
    let bot = user("customer").with_roles(["bot"]);
    assert!(allows(&rules, &bot, Action::Send, "/topic/news"));
    assert!(allows(&rules, &bot, Action::Subscribe, "/topic/**"));
    assert!(!allows(&rules, &bot, Action::Send, "/user/bob/queue/x"));
}

#[test]
fn other_prefixes_have_the_same_rules() {
    let prefixes = Prefixes::new("/in", &["/out"], "/me").unwrap();
    let staff = Realm::new("staff").unwrap();
    let rules = AccessRules::builder(&prefixes).agents(staff).build();
    let customer = user("customer");
    for (principal, action, name, want) in [
        (&customer, Action::Send, "/in/x", true),
        (&customer, Action::Send, "/in/agent.x", false),
        (&user("staff"), Action::Send, "/in/agent.x", true),
        (&user("agent"), Action::Send, "/in/agent.x", false),
        (&customer, Action::Subscribe, "/me/queue/x", true),
        (&customer, Action::Subscribe, "/out/x", true),
        (&customer, Action::Send, "/out/x", false),
    ] {
        let destination = &parse(&prefixes, action, name);
        assert_eq!(
            rules.permits(AccessRequest {
                principal,
                action,
                destination
            }),
            want,
            "{name}"
        );
    }
}

#[test]
fn people_are_told_apart() {
    let claim = |value| Who::Claim {
        name: "site".into(),
        value,
    };
    let anna = user("agent")
        .with_roles(["lead"])
        .with_claim("site", json!(["s1", "s2"]));
    for (who, want) in [
        (Who::Anyone, true),
        (realm("agent"), true),
        (realm("customer"), false),
        (Who::Role("lead".into()), true),
        (Who::Role("agent".into()), false),
        (claim(json!("s1")), true),
        (claim(json!("s3")), false),
        (claim(json!(["s1", "s2"])), true),
        (
            Who::Claim {
                name: "nope".into(),
                value: json!(null),
            },
            false,
        ),
    ] {
        assert_eq!(who.includes(&anna), want, "{who}");
    }
    assert!(claim(json!(7)).includes(&user("x").with_claim("site", 7)));
}

#[test]
fn refusal_says_what_is_allowed() {
    let rules = chat_rules().build();
    let (customer, prefixes) = (user("customer"), Prefixes::default());
    let destination = &parse(&prefixes, Action::Send, "/topic/news");
    let request = AccessRequest {
        principal: &customer,
        action: Action::Send,
        destination,
    };
    let Decision::Ready(Err(denied)) = rules.decide(request) else {
        panic!("not denied")
    };
    assert_eq!(
        (denied.code(), denied.destination()),
        ("forbidden", "/topic/news")
    );
    assert_eq!(
        denied.to_string(),
        "SEND to /topic/news is not allowed; SEND is for /app/**, SUBSCRIBE for /app/** and \
         /user/queue/** and public names below /topic and /queue"
    );
    let narrow = chat_rules().public_subscribe(false).build();
    let Decision::Ready(Err(denied)) = narrow.decide(request) else {
        panic!("not denied")
    };
    assert!(!denied.to_string().contains("public"));
}

#[test]
fn rules_read_like_sentences() {
    let rules = AccessRules::builder(&Prefixes::default()).build();
    let lines: Vec<_> = rules.rules().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "allow type agent SEND, SUBSCRIBE /app/agent.*/**",
            "deny anyone SEND, SUBSCRIBE /app/agent.*/**",
            "allow anyone SEND, SUBSCRIBE /app/**",
            "allow anyone SUBSCRIBE /user/queue/**",
            "allow anyone SUBSCRIBE /topic/** (plain names)",
            "allow anyone SUBSCRIBE /queue/** (plain names)",
            "allow type agent SUBSCRIBE /topic/** (patterns)",
            "allow type agent SUBSCRIBE /queue/** (patterns)",
        ]
    );
}

/// Answers by the last word of the name, at once or after a while.
struct ByName;

impl AccessCheck for ByName {
    fn check<'a>(&'a self, request: AccessRequest<'a>) -> Verdict<'a> {
        let word = request.destination.name().rsplit('.').next();
        match word {
            Some("yes") => Verdict::Allow,
            Some("no") => Verdict::Deny,
            Some("later-yes" | "*") => Verdict::Pending(Box::pin(async {
                tokio::task::yield_now().await;
                Verdict::Allow
            })),
            Some("later-no") => Verdict::Pending(Box::pin(async { Verdict::Deny })),
            Some("later-pass") => Verdict::Pending(Box::pin(async { Verdict::Pass })),
            Some("later-later") => Verdict::Pending(Box::pin(async {
                Verdict::Pending(Box::pin(async { Verdict::Allow }))
            })),
            _ => Verdict::Pass,
        }
    }
}

#[tokio::test]
async fn checks_answer_now_or_later() {
    let rules = AccessRules::builder(&Prefixes::default())
        .rule(AccessRule::check(
            Who::Anyone,
            pattern("/topic/c.*"),
            Arc::new(ByName),
        ))
        .rule(AccessRule::allow(realm("agent"), pattern("/topic/c.*")))
        .rule(AccessRule::deny(Who::Anyone, pattern("/topic/c.*")))
        .build();
    for (name, at_once, for_customer, for_agent) in [
        ("/topic/c.yes", true, true, true),
        ("/topic/c.no", true, false, false),
        ("/topic/c.other", true, false, true),
        ("/topic/c.later-yes", false, true, true),
        ("/topic/c.later-no", false, false, false),
        ("/topic/c.later-pass", false, false, true),
        ("/topic/c.later-later", false, true, true),
        ("/topic/other", true, true, true),
        // A check that allows a pattern wider than its rule does not count.
        ("/topic/*.*", false, false, false),
        ("/topic/c.*", false, true, true),
    ] {
        for (realm, want) in [("customer", for_customer), ("agent", for_agent)] {
            let (principal, action) = (&user(realm), Action::Subscribe);
            let destination = &parse(&Prefixes::default(), action, name);
            let decision = rules.decide(AccessRequest {
                principal,
                action,
                destination,
            });
            assert_eq!(matches!(decision, Decision::Ready(_)), at_once, "{name}");
            assert_eq!(decision.resolve().await.is_ok(), want, "{realm} {name}");
        }
    }
}

#[test]
fn closure_is_a_check() {
    let own_site = |request: AccessRequest<'_>| {
        let site = request.destination.name().strip_prefix("/topic/site.");
        request
            .principal
            .claim("site")
            .and_then(serde_json::Value::as_str)
            == site
    };
    let rules = AccessRules::builder(&Prefixes::default())
        .only_checked(Who::Anyone, "/topic/site.*/**", Arc::new(own_site))
        .unwrap()
        .build();
    let visitor = user("customer").with_claim("site", "s1");
    assert!(allows(
        &rules,
        &visitor,
        Action::Subscribe,
        "/topic/site.s1"
    ));
    assert!(!allows(
        &rules,
        &visitor,
        Action::Subscribe,
        "/topic/site.s2"
    ));
    assert!(!allows(
        &rules,
        &user("agent"),
        Action::Subscribe,
        "/topic/site.*"
    ));
}

#[test]
fn dotted_patterns_meet_the_same_rules() {
    let dots = PatternSyntax {
        separator: Separator::Dot,
        ..PatternSyntax::default()
    };
    let prefixes = Prefixes::default().with_patterns(dots);
    let rules = chat_rules().build();
    for (name, want) in [
        ("/topic/queue.*", true),
        ("/topic/price.*", true),
        ("/topic/price.**", true),
        ("/topic/**", false),
        ("/topic/*.default", false),
        ("/topic/*", false),
    ] {
        let (principal, action) = (&user("agent"), Action::Subscribe);
        let destination = &parse(&prefixes, action, name);
        assert_eq!(
            rules.permits(AccessRequest {
                principal,
                action,
                destination
            }),
            want,
            "{name}"
        );
    }
}

proptest! {
    /// A pattern is allowed only if each name it stands for would be.
    #[test]
    fn pattern_opens_no_forbidden_name(
        rules in prop::collection::vec(
            (any::<bool>(), prop::sample::select(vec![
                "/topic/a", "/topic/*", "/topic/a*", "/topic/*b", "/topic/**", "/topic/a/**",
                "/topic/*/b", "/topic/a.*/**", "/topic/*/**", "/topic/a*/b",
            ])),
            1..6,
        ),
        asked in prop::sample::select(vec![
            "/topic/*", "/topic/a*", "/topic/**", "/topic/a/**", "/topic/*/b", "/topic/*.b/**",
            "/topic/a.*", "/topic/ab*",
        ]),
    ) {
        let rules = AccessRules::new(
            rules.into_iter().map(|(allow, text)| {
                let rule = if allow { AccessRule::allow } else { AccessRule::deny };
                rule(Who::Anyone, pattern(text))
            }),
            "nothing else",
        );
        let anybody = user("x");
        prop_assume!(allows(&rules, &anybody, Action::Subscribe, asked));
        let asked = DestinationPattern::parse(asked).unwrap();
        for first in ["a", "b", "ab", "a.b", "a.", "z", "zb"] {
            for rest in ["", "/a", "/b", "/z", "/b/z"] {
                let name = format!("/topic/{first}{rest}");
                if asked.matches(&name) {
                    prop_assert!(allows(&rules, &anybody, Action::Subscribe, &name), "{}", name);
                }
            }
        }
    }
}
