mod key;

use stompline::access::Who;

use super::*;

fn from_text(text: &str) -> Result<Loaded, Faults> {
    let mut reader = Reader::new();
    reader.text("s.toml", text);
    finish(reader)
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Loaded, Faults> {
    let mut reader = Reader::new();
    let owned = variables
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    reader.environment(owned);
    finish(reader)
}

#[track_caller]
fn complains(result: Result<Loaded, Faults>, expected: &[&str]) {
    let told = result.expect_err("there is a fault").to_string();
    for part in expected {
        assert!(told.contains(part), "{told}\ndoes not say\n{part}");
    }
}

fn defaults() -> Config {
    from_text("").expect("the defaults are valid").config
}

#[test]
fn rows_and_structs_agree() {
    let config = defaults();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.endpoints["chat"].path, "/ws/chat");
    assert_eq!(
        config.endpoints["agent"].user_type,
        endpoint::UserType::Agent
    );
    assert_eq!(
        config.heartbeat,
        Heartbeat {
            send_ms: 20_000,
            receive_ms: 45_000
        }
    );
    assert_eq!(config.limits.frame_bytes, 64 << 10);
    assert_eq!(config.chat.rate.customer_burst, 20);
}

#[test]
fn default_file_parses_to_defaults() {
    assert_eq!(
        from_text(&default_file()).expect("it is valid").config,
        defaults()
    );
}

#[test]
fn default_file_examples_are_known_and_typed() {
    let text: String = default_file()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if !example.is_empty() && !example.starts_with(' ') => example,
            Some(_) => "",
            None => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut reader = Reader::new();
    reader.text("s.toml", &text);
    assert_eq!(reader.faults, Faults::default());
    assert!(reader.settings.at("auth.cookie").is_some());
}

#[test]
fn unknown_key_suggests_the_nearest() {
    complains(
        from_text("[chat.rate]\ncustmer_per_s = 1\n"),
        &[
            "s.toml:2: there is no key `chat.rate.custmer_per_s`; did you mean `chat.rate.customer_per_s`?",
        ],
    );
    complains(
        from_text("[limit]\nframe_bytes = 1"),
        &["s.toml:1", "did you mean `limits`?"],
    );
    complains(
        from_text("rabbit = true"),
        &["there is no key `rabbit`", "config explain"],
    );
    complains(
        from_text("[[auth.keys]]\nsekret = 'x'"),
        &["did you mean `auth.keys[].secret`?"],
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "listen = 8080\n[log]\nformat = 'xml'\nleel = 'info'\n";
    complains(from_text(text), &["s.toml:1", "s.toml:3", "s.toml:4"]);
}

#[test]
fn wrong_value_names_what_is_allowed() {
    complains(
        from_text("[log]\nformat = 'xml'"),
        &["s.toml:2: `log.format` must be text or json, not 'xml'"],
    );
    complains(
        from_variables(&[("STOMPLINE_LIMITS__FRAME_BYTES", "huge")]),
        &[
            "STOMPLINE_LIMITS__FRAME_BYTES: `limits.frame_bytes` must be",
            "64KiB",
            "not huge",
        ],
    );
    complains(from_text("chat = 1"), &["`chat` is a table"]);
    complains(from_text("listen = "), &["s.toml:1: this is not TOML"]);
}

#[test]
fn wrong_secret_is_not_repeated() {
    let told = from_text("[auth]\nsecrets = 'hunter2hunter2'")
        .expect_err("not a list")
        .to_string();
    assert!(
        told.contains("auth.secrets") && !told.contains("hunter2"),
        "{told}"
    );
    let short = [("STOMPLINE_AUTH__SECRETS", "hunter2")];
    let told = from_variables(&short).expect_err("too short").to_string();
    assert!(
        told.contains("32 characters") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn quantities_take_text_with_a_unit() {
    let text = "[limits]\nframe_bytes = '1MiB'\nwrite_stall_s = '2m'\n[heartbeat]\nsend_ms = '5s'";
    let config = from_text(text).expect("it is valid").config;
    assert_eq!(config.limits.frame_bytes, 1 << 20);
    assert_eq!(config.limits.write_stall_s, 120);
    assert_eq!(config.heartbeat.send_ms, 5000);
}

#[test]
fn variables_are_typed_by_their_key() {
    let config = from_variables(&[
        ("STOMPLINE_CHAT__RATE__CUSTOMER_PER_S", "0"),
        ("STOMPLINE_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("STOMPLINE_ENDPOINTS__PARTNER__PATH", "/ws/partner"),
        (
            "STOMPLINE_ENDPOINTS__CHAT__ORIGINS",
            r#"["https://example.com"]"#,
        ),
        (
            "STOMPLINE_ACCESS__RULES",
            r#"[{effect="allow", destination="/topic/news"}]"#,
        ),
        ("STOMPLINE_SERVICE_HOST", "10.0.0.1"),
        ("STOMPLINE_BIN", "/usr/bin/stompline"),
    ]);
    let config = config.expect("it is valid").config;
    assert_eq!(config.chat.rate.customer_per_s, 0);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(
        config.endpoints["partner"].user_type,
        endpoint::UserType::Any
    );
    assert_eq!(config.endpoints["chat"].origins, ["https://example.com"]);
    assert_eq!(config.access.rules[0].action, access::Action::Any);
}

#[test]
fn unknown_variable_suggests_the_nearest() {
    let rows = [
        ("STOMPLINE_SHUTDOWN__DRAIN", "STOMPLINE_SHUTDOWN__DRAIN_S"),
        (
            "STOMPLINE_CHAT_RATE_CUSTOMER_PER_S",
            "STOMPLINE_CHAT__RATE__CUSTOMER_PER_S",
        ),
        ("STOMPLINE_LISTN", "STOMPLINE_LISTEN"),
    ];
    for (name, expected) in rows {
        complains(
            from_variables(&[(name, "1")]),
            &[&format!("{name}: "), expected],
        );
    }
}

#[test]
fn later_layers_win() {
    let mut reader = Reader::new();
    reader.text(
        "s.toml",
        "listen = '127.0.0.1:1'\ndata = 'file'\n[store]\nurl = 'sqlite:x'",
    );
    reader.environment([
        ("STOMPLINE_LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
        ("STOMPLINE_DATA".to_owned(), "variable".to_owned()),
    ]);
    reader.flag("--listen", "listen", "127.0.0.1:3");
    let loaded = finish(reader).expect("it is valid");
    assert_eq!(loaded.config.listen.port(), 3);
    assert_eq!(loaded.config.data, PathBuf::from("variable"));
    let told = explanation(&loaded);
    for expected in ["(--listen)", "(STOMPLINE_DATA)", "(s.toml:4)", "(default)"] {
        assert!(told.contains(expected), "{expected}");
    }
}

#[test]
fn explanation_masks_secrets() {
    let secret = "0123456789abcdef0123456789abcdef";
    let text = format!("[auth]\nsecrets = ['{secret}']\n[[auth.keys]]\nsecret = '{secret}'");
    let told = explanation(&from_text(&text).expect("it is valid"));
    assert!(told.contains("1 secret(s) (s.toml:2)"), "{told}");
    assert!(!told.contains(secret));
}

#[test]
fn store_url_is_explained_and_never_its_password() {
    let told = explanation(
        &from_text("[store]\nurl = 'postgres://anna:hunter2@db:1/chat'").expect("it is valid"),
    );
    assert!(told.contains("postgres://anna:***@db:1/chat"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    for (url, expected) in [
        (
            "mysql://anna:hunter2@db/chat",
            "`store.url` must be sqlite:FILE or postgres://",
        ),
        ("postgres://anna:hunter2@db", "it names no database"),
        (
            "postgres://anna:hunter2@db/chat?sslmod=require",
            "known are sslmode",
        ),
        ("postgres://anna@db/chat?sslmode=hunter2", "verify-full"),
    ] {
        let result = from_text(&format!("[store]\nurl = '{url}'"));
        let faults = result.as_ref().map(drop).unwrap_err().to_string();
        assert!(!faults.contains("hunter2"), "{faults}");
        complains(result, &["s.toml:2", expected]);
    }
}

#[test]
fn store_times_must_fit_each_other() {
    complains(
        from_text("[store]\nlock_timeout_ms = '5s'"),
        &[
            "s.toml:2",
            "`store.lock_timeout_ms` (5000)",
            "`store.statement_timeout_ms` (4000)",
        ],
    );
    complains(
        from_text("[store]\nconnections = 1"),
        &["`store.connections` must be a whole number from 2 to 100"],
    );
    complains(
        from_text("[store]\nacquire_timeout_ms = '1m'"),
        &["`store.acquire_timeout_ms` must be a whole number of milliseconds from 100 to 8000"],
    );
}

#[test]
fn redis_certificates_must_fit_the_address() {
    for (keys, expected) in [
        ("url = 'redis+ring://:hunter2@a'", "not an address of Redis"),
        (
            "url = 'redis+sentinel://:hunter2@a'",
            "the master is missing",
        ),
        (
            "url = 'redis+cluster://:hunter2@a,b'\nca_file = 'x'",
            "rediss://",
        ),
        (
            "url = 'rediss://:hunter2@a'\ncert_file = 'x'",
            "belong together",
        ),
        ("url = 'rediss://a'\nprefix = 'a{b}'", "a prefix has"),
    ] {
        let text = format!("[redis]\n{keys}");
        complains(from_text(&text), &[expected]);
        let told = from_text(&text).map(|_| ()).unwrap_err();
        assert!(!format!("{told} {told:?}").contains("hunter2"), "{told}");
    }
    let keys = "ca_file = 'x'\ncert_file = 'y'\nkey_file = 'z'";
    for url in [
        "rediss://a",
        "rediss+cluster://a,b",
        "rediss+sentinel://a/main",
    ] {
        assert!(from_text(&format!("[redis]\nurl = '{url}'\n{keys}")).is_ok());
    }
}

#[test]
fn incomplete_tables_are_refused() {
    complains(
        from_text("[endpoints.partner]\nsockjs = false"),
        &["`endpoints.partner.path` is missing"],
    );
    complains(
        from_text("[[access.rules]]\neffect = 'deny'"),
        &["s.toml:1", "`access.rules[].destination` is missing"],
    );
}

#[test]
fn cookie_with_any_origin_is_refused() {
    complains(
        from_text("[auth]\ncookie = 'token'"),
        &[
            "s.toml:2",
            "`endpoints.chat.origins`",
            "`endpoints.agent.origins`",
        ],
    );
    let listed = "[auth]\ncookie = 'token'\n[endpoints]\nchat.origins = ['https://example.com']\n\
                  agent.enabled = false";
    assert!(from_text(listed).is_ok());
}

#[test]
fn overlapping_paths_are_refused() {
    complains(
        from_text("[endpoints.agent]\npath = '/ws/chat/vip'"),
        &["overlap"],
    );
    complains(
        from_text("[endpoints.agent]\npath = '/api/ws'"),
        &["/api, which the server uses"],
    );
    assert!(from_text("[endpoints.agent]\npath = '/ws/chatter'").is_ok());
}

#[test]
fn client_library_must_be_an_address() {
    complains(
        from_text("[endpoints.chat]\nsockjs_client_library = 'sockjs.js'"),
        &["s.toml:2", "\"sockjs.js\"", "a path of this server"],
    );
    assert!(from_text("[endpoints.chat]\nsockjs_client_library = 'none'").is_ok());
}

#[test]
fn sites_around_the_widget_have_origins() {
    for bad in [
        "shop.example.com",
        "https://shop.example.com/",
        "*.example.com",
    ] {
        complains(
            from_text(&format!(
                "[widget]\norigins = ['https://a.example', '{bad}']"
            )),
            &[
                "s.toml:2",
                "`widget.origins` must be",
                "https://*.example.com",
            ],
        );
    }
    complains(
        from_text("[widget]\norigins = ['null']"),
        &["s.toml:2", "remove \"null\""],
    );
    let given = "https://*.example.com, http://localhost:[*]";
    let config = from_variables(&[("STOMPLINE_WIDGET__ORIGINS", given)])
        .expect("it is valid")
        .config;
    assert_eq!(config.widget.origins.len(), 2);
    assert_eq!(defaults().widget.origins, Vec::<String>::new());
}

#[test]
fn sign_in_belongs_to_a_token_address() {
    complains(
        from_text("[desk]\nsign_in_url = '/sign-in'"),
        &["s.toml:2", "`desk.token_url`"],
    );
    complains(
        from_text("[desk]\ntoken_url = 'http://staff.example.com/token'"),
        &["s.toml:2", "`desk.token_url` must be", "https"],
    );
    let text = "[desk]\ntoken_url = '/token'\nsign_in_url = 'https://staff.example.com/'";
    assert!(from_text(text).is_ok());
}

#[test]
fn endpoints_leave_the_pages_alone() {
    for path in ["/widget", "/desk/ws", "/landing"] {
        complains(
            from_text(&format!("[endpoints.own]\npath = '{path}'")),
            &["s.toml:2", "which the server uses"],
        );
    }
}

#[test]
fn malformed_rules_are_refused() {
    let rows = [
        (
            "effect = 'allow'\ndestination = 'topic'",
            "`access.rules[].destination` must be",
        ),
        (
            "effect = 'allow'\ndestination = '/topic/**/x'",
            "`access.rules[].destination` must be",
        ),
        (
            "effect = 'allow'\ndestination = '/topic'\nwho = 'claim:site'",
            "claim:NAME=VALUE",
        ),
        (
            "effect = 'maybe'\ndestination = '/topic'",
            "must be allow or deny",
        ),
    ];
    for (rule, expected) in rows {
        complains(from_text(&format!("[[access.rules]]\n{rule}")), &[expected]);
    }
}

#[test]
fn rules_say_whom_they_are_for() {
    let rows = [
        ("anyone", Who::Anyone),
        ("type:agent", Who::realm("agent").unwrap()),
        ("role:editor", Who::Role("editor".into())),
        (
            "claim:site=42",
            Who::Claim {
                name: "site".into(),
                value: "42".into(),
            },
        ),
    ];
    for (text, expected) in rows {
        let rule = format!(
            "[[access.rules]]\neffect = 'allow'\ndestination = '/topic/a.*'\nwho = '{text}'"
        );
        let config = from_text(&rule).expect("it is valid").config;
        assert_eq!(config.access.rules[0].who, expected, "{text}");
    }
    for text in ["nobody", "role:", "claim:=1", "type:"] {
        assert!(access::who(text).is_none(), "{text}");
    }
}
