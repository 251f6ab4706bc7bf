use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::segment::{Segments, Separator};
use super::*;

const DOT: PatternSyntax = PatternSyntax {
    separator: Separator::Dot,
    star: true,
    double_star: true,
};

fn slash(text: &str) -> DestinationPattern {
    DestinationPattern::parse(text).unwrap()
}

fn dot(text: &str) -> DestinationPattern {
    DestinationPattern::parse_with(DOT, text).unwrap()
}

#[test]
fn patterns_match_by_segment() {
    for (pattern, name, want) in [
        ("/topic/a", "/topic/a", true),
        ("/topic/a", "/topic/ab", false),
        ("/topic/a", "/topic/a/b", false),
        ("/topic/price/*", "/topic/price/IBM", true),
        ("/topic/price/*", "/topic/price/IBM/x", false),
        ("/topic/price/*", "/topic/price", false),
        ("/topic/price/**", "/topic/price", true),
        ("/topic/price/**", "/topic/price/a", true),
        ("/topic/price/**", "/topic/price/a/b", true),
        ("/topic/price/**", "/topic/prices", false),
        ("/topic/p.*", "/topic/p.a", true),
        ("/topic/p.*", "/topic/p.a.b", true),
        ("/topic/p.*", "/topic/p.", true),
        ("/topic/p.*", "/topic/p", false),
        ("/topic/*.p", "/topic/a.p", true),
        ("/topic/*a*", "/topic/xay", true),
        ("/topic/*a*", "/topic/xy", false),
        ("/topic/*/x", "/topic/a/x", true),
        ("/topic/*/x", "/topic/a/b/x", false),
        ("/topic/é*", "/topic/éclair", true),
        ("/topic/*é", "/topic/caffé", true),
        ("/**", "/topic", true),
        ("/*/**", "/topic", true),
        ("/a*b*c", "/abbcbc", true),
        ("/a*b*c", "/abbcb", false),
    ] {
        assert_eq!(slash(pattern).matches(name), want, "{pattern} on {name}");
    }
}

#[test]
fn dot_separator_bounds_stars() {
    for (pattern, name, want) in [
        ("/topic/p.*", "/topic/p.a", true),
        ("/topic/p.*", "/topic/p.a.b", false),
        ("/topic/p.*", "/topic/p/a", false),
        ("/topic/p.**", "/topic/p", true),
        ("/topic/p.**", "/topic/p.a.b", true),
        ("/topic/p.**", "/topic/p/a", false),
        ("/topic/**", "/topic/p.a", true),
        ("/topic/*.b", "/topic/a.b", true),
        ("/topic/*.b", "/topic/a/b", false),
    ] {
        assert_eq!(dot(pattern).matches(name), want, "{pattern} on {name}");
    }
}

#[test]
fn bad_patterns_are_refused_by_cause() {
    use PatternError::{DoubleStarInside, DoubleStarOff, StarOff, Text, Variable};
    let plain = PatternSyntax {
        star: false,
        double_star: false,
        ..PatternSyntax::default()
    };
    let star = PatternSyntax {
        double_star: false,
        ..PatternSyntax::default()
    };
    let all = PatternSyntax::default();
    let long = format!("/{}", "a".repeat(1_024));
    for (syntax, text, want) in [
        (all, "", Text(TextError::NoLeadingSlash)),
        (all, "topic/a", Text(TextError::NoLeadingSlash)),
        (all, "/", Text(TextError::EmptySegment)),
        (all, "/topic//a", Text(TextError::EmptySegment)),
        (all, "/topic/a/", Text(TextError::EmptySegment)),
        (DOT, "/topic/a..b", Text(TextError::EmptySegment)),
        (DOT, "/topic/a.", Text(TextError::EmptySegment)),
        (all, "/topic/a\nb", Text(TextError::ControlCharacter)),
        (all, "/topic/a\x7f", Text(TextError::ControlCharacter)),
        (all, "/topic/é\u{85}", Text(TextError::ControlCharacter)),
        (
            all,
            long.as_str(),
            Text(TextError::TooLong { bytes: 1_025 }),
        ),
        (all, "/topic/**/a", DoubleStarInside),
        (all, "/topic/a**", DoubleStarInside),
        (all, "/topic/***", DoubleStarInside),
        (all, "/topic/**/**", DoubleStarInside),
        (all, "/topic/{t:(IBM|MSFT)}", Variable),
        (all, "/topic/{room}", Variable),
        (plain, "/topic/*", StarOff),
        (star, "/topic/**", DoubleStarOff),
    ] {
        let refused = DestinationPattern::parse_with(syntax, text).unwrap_err();
        assert_eq!(refused, want, "{text}");
    }
    assert_eq!(
        slash_error("/topic/{t:x}"),
        "variables and regular expressions ({..}) are not allowed here; use `*` or `**`"
    );
}

fn slash_error(text: &str) -> String {
    DestinationPattern::parse(text).unwrap_err().to_string()
}

#[test]
fn longest_pattern_is_accepted() {
    let text = format!("/{}", "a".repeat(1_023));
    assert!(slash(&text).matches(&text));
}

/// All texts over `letters` with up to `length_max` of them, the empty one too.
fn words(letters: &[char], length_max: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut from = 0;
    for _ in 0..length_max {
        let until = words.len();
        for at in from..until {
            words.extend(
                letters
                    .iter()
                    .map(|letter| format!("{}{letter}", words[at]))
                    .collect::<Vec<_>>(),
            );
        }
        from = until;
    }
    words
}

/// `z` occurs in no glob, so it stands for all other letters; five letters leave room for any text
/// that decides about two globs of three.
#[test]
fn glob_relations_equal_brute_force() {
    let texts = words(&['a', 'b', 'z'], 5);
    let globs: Vec<_> = words(&['a', 'b', '*'], 3)
        .into_iter()
        .filter(|glob| !glob.contains("**"))
        .collect();
    let matched: Vec<Vec<bool>> = globs
        .iter()
        .map(|g| texts.iter().map(|text| glob::matches(g, text)).collect())
        .collect();
    for (a, in_a) in globs.iter().zip(&matched) {
        for (b, in_b) in globs.iter().zip(&matched) {
            let mut pairs = in_a.iter().zip(in_b);
            let overlaps = pairs.clone().any(|(a, b)| *a && *b);
            let contains = pairs.all(|(a, b)| *a || !*b);
            assert_eq!(glob::overlaps(a, b), overlaps, "{a:?} overlaps {b:?}");
            assert_eq!(glob::contains(a, b), contains, "{a:?} contains {b:?}");
        }
    }
}

/// All destinations of up to `depth_max` of these segments.
fn sequences(segments: &[&str], depth_max: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..depth_max {
        let until = all.len();
        for at in from..until {
            for segment in segments {
                all.push(format!("{}{segment}", all[at]));
            }
        }
        from = until;
    }
    all.retain(|text| text.starts_with('/'));
    all
}

fn names() -> Vec<String> {
    let mut names = sequences(&["/a", "/z", "/az", ".a", ".z", ".az"], 4);
    // One deeper than any pattern here, so that each `**` has something to stand for.
    names.extend(sequences(&["/a", "/z", "/a.a", "/a.z"], 3));
    names
}

fn patterns(syntax: PatternSyntax, segments: &[&str], tails: &[&str]) -> Vec<DestinationPattern> {
    let mut texts = sequences(segments, 2);
    let heads = texts.clone();
    for tail in tails {
        texts.extend(heads.iter().map(|head| format!("{head}{tail}")));
    }
    texts
        .iter()
        .map(|text| DestinationPattern::parse_with(syntax, text).unwrap())
        .collect()
}

fn slash_patterns() -> Vec<DestinationPattern> {
    patterns(
        PatternSyntax::default(),
        &["/a", "/*", "/a*", "/a.*"],
        &["/**"],
    )
}

fn dot_patterns() -> Vec<DestinationPattern> {
    patterns(DOT, &["/a", "/*", "/a*", ".a", ".*"], &["/**", ".**"])
}

static ALL_NAMES: LazyLock<Vec<String>> = LazyLock::new(names);
static ALL_PATTERNS: LazyLock<Vec<DestinationPattern>> =
    LazyLock::new(|| [slash_patterns(), dot_patterns()].concat());

/// Which relations hold, judged by every name of a small world.
fn check_relations(
    ours: &[DestinationPattern],
    others: &[DestinationPattern],
    judge: impl Fn(&DestinationPattern, &DestinationPattern, bool, bool),
) {
    let names = names();
    let matched = |patterns: &[DestinationPattern]| -> Vec<Vec<bool>> {
        patterns
            .iter()
            .map(|p| names.iter().map(|name| p.matches(name)).collect())
            .collect()
    };
    let (in_ours, in_others) = (matched(ours), matched(others));
    for (a, in_a) in ours.iter().zip(&in_ours) {
        for (b, in_b) in others.iter().zip(&in_others) {
            let mut pairs = in_a.iter().zip(in_b);
            let overlaps = pairs.clone().any(|(a, b)| *a && *b);
            let contains = pairs.all(|(a, b)| *a || !*b);
            judge(a, b, contains, overlaps);
        }
    }
}

#[test]
fn pattern_relations_equal_brute_force() {
    for patterns in [slash_patterns(), dot_patterns()] {
        check_relations(&patterns, &patterns, |a, b, contains, overlaps| {
            assert_eq!(a.contains(b), contains, "{a} contains {b}");
            assert_eq!(a.overlaps(b), overlaps, "{a} overlaps {b}");
        });
    }
}

#[test]
fn mixed_separators_err_on_the_safe_side() {
    let (slashes, dots) = (slash_patterns(), dot_patterns());
    for (ours, others) in [(&slashes, &dots), (&dots, &slashes)] {
        check_relations(ours, others, |a, b, contains, overlaps| {
            assert!(contains || !a.contains(b), "{a} does not contain {b}");
            assert!(!overlaps || a.overlaps(b), "{a} overlaps {b}");
        });
    }
    // The cases that access rules need are not given up.
    let topics = DestinationPattern::parse("/topic/**").unwrap();
    assert!(topics.contains(&dot("/topic/price.*.bid")));
    assert!(topics.contains(&dot("/topic/price.**")));
    let queues = DestinationPattern::parse("/topic/queue.*/**").unwrap();
    assert!(queues.contains(&dot("/topic/queue.*")));
    assert!(!queues.overlaps(&dot("/topic/price.*")));
    assert!(queues.overlaps(&dot("/topic/queue.**")));
}

#[test]
fn segments_keep_their_separator() {
    let cut = |separator| Segments::new("/topic/p.a/b", separator).collect::<Vec<_>>();
    assert_eq!(cut(Separator::Slash), ["/topic", "/p.a", "/b"]);
    assert_eq!(cut(Separator::Dot), ["/topic", "/p", ".a", "/b"]);
}

fn matches_of<'a>(map: &'a PatternMap<String>, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    map.for_each_match(name, |value| found.push(value.as_str()));
    found.sort_unstable();
    found
}

#[test]
fn map_finds_every_matching_pattern() {
    let mut map = PatternMap::new();
    for text in [
        "/topic/**",
        "/topic/*",
        "/topic/a",
        "/topic/a*",
        "/topic/*/b",
        "/topic/a/**",
    ] {
        assert_eq!(map.insert(&slash(text), text.to_owned()), None);
    }
    map.insert(&dot("/topic/*.x"), "dot".to_owned());
    assert_eq!(map.len(), 7);
    assert_eq!(
        matches_of(&map, "/topic/a"),
        [
            "/topic/*",
            "/topic/**",
            "/topic/a",
            "/topic/a*",
            "/topic/a/**"
        ]
    );
    assert_eq!(
        matches_of(&map, "/topic/a/b"),
        ["/topic/**", "/topic/*/b", "/topic/a/**"]
    );
    assert_eq!(
        matches_of(&map, "/topic/q.x"),
        ["/topic/*", "/topic/**", "dot"]
    );
    assert_eq!(matches_of(&map, "/queue/a"), [""; 0]);
}

#[test]
fn map_keeps_one_value_a_pattern() {
    let mut map = PatternMap::new();
    let pattern = slash("/topic/p.*");
    assert_eq!(map.insert(&pattern, 1), None);
    assert_eq!(map.insert(&pattern, 2), Some(1));
    *map.entry_or_insert_with(&pattern, || 9) += 1;
    assert_eq!((map.get(&pattern), map.len()), (Some(&3), 1));
    *map.get_mut(&pattern).unwrap() = 4;
    assert_eq!(
        (map.remove(&pattern), map.remove(&pattern)),
        (Some(4), None)
    );
    assert!(map.is_empty());
    assert_eq!(*map.entry_or_insert_with(&slash("/topic/**"), || 7), 7);
    assert_eq!(map.len(), 1);
}

/// Patterns that differ within a segment: a look-up tries only those that could match.
#[test]
fn look_up_cost_is_independent_of_count() {
    let mut map = PatternMap::new();
    for n in 0..20_000 {
        map.insert(&slash(&format!("/topic/room.{n}.*")), n);
    }
    let started = std::time::Instant::now();
    for n in 0..20_000 {
        let mut found = Vec::new();
        map.for_each_match(&format!("/topic/room.{n}.typing"), |value| {
            found.push(*value);
        });
        assert_eq!(found, [n]);
    }
    // A scan would compare 400 million patterns; this takes a tenth of a second, even unoptimised.
    assert!(
        started.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

proptest! {
    #[test]
    fn map_agrees_with_a_scan(
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..60),
    ) {
        let all = &*ALL_PATTERNS;
        let mut map = PatternMap::new();
        let mut model = BTreeMap::new();
        for (n, (index, insert)) in steps.iter().enumerate() {
            let pattern = index.get(all);
            let key = (pattern.as_str(), pattern.separator() == Separator::Dot);
            if *insert {
                prop_assert_eq!(map.insert(pattern, n), model.insert(key, n));
            } else {
                prop_assert_eq!(map.remove(pattern), model.remove(&key));
            }
            prop_assert_eq!(map.len(), model.len());
        }
        for name in ALL_NAMES.iter().step_by(23) {
            let mut found = Vec::new();
            map.for_each_match(name, |value| found.push(*value));
            found.sort_unstable();
            let scan = all.iter().filter(|pattern| pattern.matches(name));
            let mut want: Vec<usize> = scan
                .filter_map(|p| model.get(&(p.as_str(), p.separator() == Separator::Dot)).copied())
                .collect();
            want.sort_unstable();
            prop_assert_eq!(found, want, "{}", name);
        }
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "[/.*a{}é\n]{0,12}") {
        if let Ok(pattern) = DestinationPattern::parse(&text) {
            prop_assert!(pattern.contains(&pattern) && pattern.overlaps(&pattern));
            prop_assert!(!pattern.is_plain() || pattern.matches(&text));
        }
    }
}

fn route(text: &str) -> RoutePattern {
    RoutePattern::parse(text).unwrap()
}

#[test]
fn routes_bind_their_variables() {
    for (pattern, path, want) in [
        ("/send", "/send", Some(vec![])),
        ("/send", "/send/x", None),
        ("/room/{room}", "/room/42", Some(vec![("room", "42")])),
        ("/room/{room}", "/room", None),
        ("/room/{room}", "/room/a%2Fb", Some(vec![("room", "a%2Fb")])),
        (
            "/room/{room}/msg/{id}",
            "/room/a/msg/7",
            Some(vec![("room", "a"), ("id", "7")]),
        ),
        ("/chat.{id}", "/chat.x.y", Some(vec![("id", "x.y")])),
        ("/chat.{id}", "/chat.", None),
        ("/{id}.json", "/7.json", Some(vec![("id", "7")])),
        ("/a{id}a", "/a", None),
        ("/a{id}a", "/aba", Some(vec![("id", "b")])),
        ("/{räume}", "/é", Some(vec![("räume", "é")])),
    ] {
        let found = route(pattern).matches(path);
        let found = found
            .as_ref()
            .map(|variables| variables.iter().collect::<Vec<_>>());
        assert_eq!(found, want, "{pattern} on {path}");
    }
}

#[test]
fn dot_routes_bind_one_segment() {
    let route = RoutePattern::parse_with(Separator::Dot, "/chat.{id}").unwrap();
    assert!(route.matches("/chat.x.y").is_none());
    assert_eq!(route.matches("/chat.x").unwrap().get("id"), Some("x"));
}

#[test]
fn bad_routes_are_refused_by_name() {
    for (text, want) in [
        ("room", "route \"room\": a destination begins with `/`"),
        (
            "/a//b",
            "route \"/a//b\": a destination has no empty segments: no `//` and no `/` at the end",
        ),
        (
            "/{a",
            "route \"/{a\": `{` and `}` enclose the name of a variable, as in /room/{room}",
        ),
        (
            "/a}",
            "route \"/a}\": `{` and `}` enclose the name of a variable, as in /room/{room}",
        ),
        (
            "/{a}}",
            "route \"/{a}}\": `{` and `}` enclose the name of a variable, as in /room/{room}",
        ),
        (
            "/{a}{b}",
            "route \"/{a}{b}\": a segment holds one variable at most, \"/{a}{b}\" holds more",
        ),
        (
            "/{a}/{a}",
            "route \"/{a}/{a}\": the variable \"a\" occurs twice",
        ),
        (
            "/a/*",
            "route \"/a/*\": `*` is not for routes; use a variable, as in /room/{room}",
        ),
    ] {
        assert_eq!(RoutePattern::parse(text).unwrap_err().to_string(), want);
    }
    for text in ["/{}", "/{a:[0-9]+}", "/{a-b}"] {
        assert!(
            matches!(
                RoutePattern::parse(text),
                Err(RouteError::VariableName { .. })
            ),
            "{text}"
        );
    }
}

#[test]
fn most_specific_route_wins() {
    let routes = [
        "/{a}/{b}",
        "/room/{id}",
        "/room/list",
        "/room/v.{id}",
        "/{a}/list",
        "/{a}/v.x.{c}",
    ];
    // Whatever the order of registration.
    for turn in 0..routes.len() {
        let mut map = RouteMap::new();
        for text in routes.iter().cycle().skip(turn).take(routes.len()) {
            map.insert(route(text), *text).unwrap();
        }
        for (path, want) in [
            ("/room/list", Some("/room/list")),
            ("/room/7", Some("/room/{id}")),
            ("/room/v.7", Some("/room/v.{id}")),
            ("/x/list", Some("/{a}/list")),
            ("/x/v.x.7", Some("/{a}/v.x.{c}")),
            ("/x/y", Some("/{a}/{b}")),
            ("/x", None),
        ] {
            assert_eq!(map.find(path).map(|(text, _)| *text), want, "{path}");
        }
    }
}

#[test]
fn equal_routes_are_a_conflict() {
    let mut map = RouteMap::new();
    for text in ["/send", "/room/{room}", "/chat.{id}"] {
        map.insert(route(text), ()).unwrap();
    }
    for text in ["/send", "/room/{id}", "/chat.{x}"] {
        assert!(map.insert(route(text), ()).is_err(), "{text}");
    }
    let conflict = map.insert(route("/room/{id}"), ()).unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "the routes /room/{room} and /room/{id} match the same paths; remove one of them"
    );
    assert_eq!(map.routes(), ["/chat.{id}", "/room/{room}", "/send"]);
}

#[test]
fn exact_route_has_no_variables() {
    let mut map = RouteMap::new();
    map.insert(route("/send"), 1).unwrap();
    let (target, variables) = map.find("/send").unwrap();
    assert_eq!((*target, variables.len()), (1, 0));
    assert!(variables.is_empty() && variables.get("x").is_none());
}
