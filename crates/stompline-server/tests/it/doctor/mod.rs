//! `stompline doctor` against a real server, and against what stands between.

mod proxy;
pub(crate) mod tls;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use stompline::auth::{JwtKey, JwtSettings, Principal};
use stompline::{Realm, UserName};

use self::proxy::{Proxy, Tricks, answer, without};
use crate::binary::{Outcome, Server, finish, run, stompline};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A token of customer u1 that ends so many seconds from now.
fn token(secret: &str, left_s: i64) -> String {
    let now = SystemTime::now();
    let span = Duration::from_secs(left_s.unsigned_abs());
    let expires_at = if left_s < 0 { now - span } else { now + span };
    let realm = Realm::new("customer").unwrap();
    let principal = Principal::new(realm, UserName::new("u1").unwrap()).with_expiry(expires_at);
    let settings = JwtSettings::new([JwtKey::secret(secret).unwrap()]);
    settings.signer().unwrap().sign(&principal, now).unwrap()
}

/// A server that checks tokens with [`SECRET`].
fn serve(dir: &Path, variables: &[(&str, &str)]) -> Server {
    let mut command = stompline(dir, &["serve", "--listen", "127.0.0.1:0"]);
    command.env("STOMPLINE_AUTH__SECRETS", SECRET);
    command.envs(variables.iter().copied());
    Server::spawn(&mut command)
}

/// What an examination found.
#[derive(Debug)]
struct Findings {
    code: Option<i32>,
    steps: Vec<Value>,
}

impl Findings {
    fn read(outcome: &Outcome) -> Self {
        assert_eq!(outcome.stderr, "", "{outcome:?}");
        let steps = outcome.stdout.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        Self {
            code: outcome.code,
            steps: steps.collect(),
        }
    }

    /// Examines from a directory without a configuration.
    fn of(url: &str, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::of_command(&mut stompline(
            dir.path(),
            &[&["doctor", url, "--json"], args].concat(),
        ))
    }

    fn of_command(command: &mut Command) -> Self {
        let outcome = finish(command);
        let args: Vec<_> = command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        if let Some(place) = args.iter().position(|arg| arg == "--token") {
            let token = &args[place + 1];
            assert!(
                !outcome.stdout.contains(token.as_str()),
                "the token is shown: {outcome:?}"
            );
        }
        Self::read(&outcome)
    }

    /// The first step of that name has this status, and says or advises that.
    #[track_caller]
    fn says(&self, step: &str, status: &str, told: &str) -> &Self {
        let found = self.steps.iter().find(|found| found["step"] == step);
        let found = found.unwrap_or_else(|| panic!("no step {step}: {self:#?}"));
        assert_eq!(found["status"], status, "{found:#}");
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        let text = format!("{} -> {}", text("seen"), text("advice"));
        assert!(text.contains(told), "{told:?} is not in {text}");
        self
    }

    #[track_caller]
    fn ends(&self, code: i32, failed: &[&str]) {
        let names: Vec<_> = self
            .steps
            .iter()
            .filter(|found| found["status"] == "failed")
            .map(|found| found["step"].as_str().unwrap())
            .collect();
        assert_eq!(names, failed, "{self:#?}");
        assert_eq!(self.code, Some(code), "{self:#?}");
    }
}

#[test]
fn healthy_server_is_fine_at_both_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--demo"]);
    let url = format!("http://{}", server.address);
    let found = Findings::of_command(&mut stompline(dir.path(), &["doctor", &url, "--json"]));
    found.ends(0, &[]);
    found
        .says("token", "ok", "sub doctor, userType customer")
        .says("heart-beat", "ok", "every 20 s")
        .says("round-trip", "ok", "/app/bootstrap answered")
        .says("xhr-streaming", "ok", "came and went")
        .says("xhr-polling", "ok", "came and went");
    let of_agents = found
        .steps
        .iter()
        .filter(|step| step["endpoint"] == "/ws/agent");
    let named: Vec<_> = of_agents
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert!(named.contains(&"goodbye"), "{named:?}");

    let outcome = server.stop();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stderr.contains("WARN"), "{outcome:?}");
}

#[test]
fn people_read_one_line_for_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let url = format!("http://{}", server.address);
    let token = token(SECRET, 3600);
    let told = run(
        dir.path(),
        &[
            "doctor",
            &url,
            "--token",
            &token,
            "--origin",
            "https://shop.example",
        ],
    );
    let told = told.succeeded();
    assert!(told.starts_with("ok       address "), "{told}");
    assert!(
        told.ends_with(" ok, 0 warnings, 0 failed, 1 skipped\n"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 21, "{told}");
    assert!(!told.contains(&token), "{told}");
}

#[test]
fn token_comes_from_stdin() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let path = dir.path().join("token");
    fs::write(&path, format!("{}\n", token(SECRET, 3600))).unwrap();
    let url = format!("http://{}", server.address);
    let mut command = stompline(dir.path(), &["doctor", &url, "--json", "--token", "-"]);
    command.stdin(fs::File::open(path).unwrap());
    let found = Findings::read(&finish(&mut command));
    found.says("connect", "ok", "user-name u1").ends(0, &[]);
}

#[test]
fn nothing_listening_is_told() {
    // Nobody else uses this address, so that nobody takes the port meanwhile.
    let address = TcpListener::bind("127.0.0.2:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let found = Findings::of(&format!("http://{address}"), &[]);
    found
        .says("address", "failed", "stompline serve")
        .ends(1, &["address"]);
}

#[test]
fn another_server_is_told() {
    let other = Proxy::alone(|_| Some(answer("200 OK", "<html>hello</html>")));
    let found = Findings::of(&other.url(), &["--token", &token(SECRET, 60)]);
    found
        .says("server", "failed", "not Stompline")
        .ends(1, &["server"]);
    let other = Proxy::alone(|_| Some("220 mail.example ESMTP\r\n".to_owned()));
    let found = Findings::of(&other.url(), &[]);
    found
        .says("server", "failed", "not HTTP")
        .ends(1, &["server"]);
}

#[test]
fn silent_server_does_not_hold_it_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let start = Instant::now();
    let found = Findings::of(&url, &["--timeout", "1s"]);
    found
        .says("server", "failed", "nothing came in time")
        .ends(1, &["server"]);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn wrong_path_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let url = format!("http://{}/ws/chta", server.address);
    let found = Findings::of(&url, &["--token", &token(SECRET, 60)]);
    found.says("path", "failed", "/ws/chat").ends(1, &["path"]);
}

#[test]
fn bad_tokens_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let url = format!("http://{}", server.address);
    let other = "abcdef0123456789abcdef0123456789";
    let rows = [
        (
            token(SECRET, -720),
            "",
            &["token", "access"][..],
            "token_expired",
        ),
        (token(other, 3600), "", &["access"], "token_bad_signature"),
        (
            token(SECRET, 3600),
            "agent",
            &["token", "access"],
            "wrong_user_type",
        ),
        (
            token(SECRET, 3600).replace('.', "_"),
            "",
            &["token", "access"],
            "token_malformed",
        ),
    ];
    for (token, endpoint, failed, code) in rows {
        let mut args = vec!["--token", token.as_str()];
        if !endpoint.is_empty() {
            args.extend(["--endpoint", endpoint]);
        }
        let found = Findings::of(&url, &args);
        found.says("access", "failed", code).ends(1, failed);
    }
}

#[test]
fn local_configuration_says_why_a_token_is_bad() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [("STOMPLINE_AUTH__AUDIENCE", "desk")];
    let server = serve(dir.path(), &variables);
    fs::write(
        dir.path().join("s.toml"),
        format!("[auth]\nsecrets = ['{SECRET}']\naudience = 'desk'\n"),
    )
    .unwrap();
    let (url, token) = (format!("http://{}", server.address), token(SECRET, 3600));
    let args = [
        "doctor", &url, "--json", "--token", &token, "--config", "s.toml",
    ];
    let found = Findings::of_command(&mut stompline(dir.path(), &args));
    found
        .says("token", "failed", "the claim \"aud\" is missing")
        .says("access", "failed", "token_missing_claim")
        .ends(1, &["token", "access"]);
}

#[test]
fn no_token_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let found = Findings::of(&format!("http://{}", server.address), &[]);
    found
        .says("token", "warning", "--token")
        .says("access", "ok", "as it should")
        .says("websocket", "skipped", "--data")
        .ends(0, &[]);
}

#[test]
fn origins_are_examined() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [("STOMPLINE_ENDPOINTS__CHAT__ORIGINS", "https://shop.example")];
    let server = serve(dir.path(), &variables);
    let (url, token) = (format!("http://{}", server.address), token(SECRET, 3600));
    let args = |origin| ["--token", &token, "--origin", origin];
    let found = Findings::of(&url, &args("https://shop.example"));
    found.says("origin", "ok", "may connect").ends(0, &[]);
    let found = Findings::of(&url, &args("https://evil.example"));
    found
        .says("origin", "failed", "endpoints.NAME.origins")
        .says("websocket", "failed", "origin_forbidden");
    assert_eq!(found.code, Some(1));
}

#[test]
fn switched_off_sockjs_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(
        dir.path(),
        &[("STOMPLINE_ENDPOINTS__CHAT__SOCKJS", "false")],
    );
    let url = format!("http://{}", server.address);
    let found = Findings::of(&url, &["--token", &token(SECRET, 3600)]);
    found
        .says("goodbye", "ok", "closed")
        .says("sockjs", "warning", "endpoints.NAME.sockjs")
        .says("xhr-polling", "skipped", "not offer")
        .ends(0, &[]);
}

/// Examines a good server through a bad proxy.
fn through(tricks: Tricks, args: &[&str]) -> Findings {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &[]);
    let proxy = Proxy::start(&server.address, tricks);
    let token = token(SECRET, 1800);
    Findings::of(&proxy.url(), &[&["--token", &token], args].concat())
}

#[test]
fn honest_proxy_is_fine() {
    through(Tricks::default(), &[]).ends(0, &[]);
}

#[test]
fn proxy_without_upgrade_is_told_and_messages_still_tried() {
    let found = through(
        Tricks {
            request: |head| {
                let names = ["upgrade:", "connection:"];
                without(&head, &names).replacen("\r\n", "\r\nConnection: close\r\n", 1)
            },
            ..Tricks::default()
        },
        &[],
    );
    found
        .says("websocket", "failed", "Upgrade")
        .says("round-trip", "ok", "/app/bootstrap")
        .says("sockjs-websocket", "failed", "Upgrade")
        .says("xhr-streaming", "ok", "")
        .ends(1, &["websocket", "sockjs-websocket"]);
}

#[test]
fn proxy_that_collects_answers_is_a_warning() {
    let tricks = Tricks {
        collects: true,
        ..Tricks::default()
    };
    through(tricks, &[])
        .says("websocket", "ok", "open")
        .says("xhr-streaming", "warning", "proxy_buffering off")
        .says("eventsource", "warning", "proxy_buffering off")
        .says("xhr-polling", "ok", "came and went")
        .ends(0, &[]);
}

#[test]
fn proxy_without_cors_is_told() {
    let tricks = Tricks {
        response: |head| without(&head, &["access-control-"]),
        ..Tricks::default()
    };
    through(tricks, &["--origin", "https://shop.example"])
        .says("origin", "failed", "no Access-Control-Allow-Origin")
        .ends(1, &["origin"]);
}

#[test]
fn proxy_that_doubles_cors_is_told() {
    let tricks = Tricks {
        response: |head| head.replacen("\r\n", "\r\nAccess-Control-Allow-Origin: *\r\n", 1),
        ..Tricks::default()
    };
    through(tricks, &["--origin", "https://shop.example"])
        .says("origin", "failed", "comes 2 times")
        .ends(1, &["origin"]);
}

#[test]
fn proxy_without_authorization_is_told() {
    let tricks = Tricks {
        request: |head| without(&head, &["authorization:"]),
        ..Tricks::default()
    };
    through(tricks, &[])
        .says("access", "failed", "takes the header Authorization away")
        .ends(1, &["access"]);
}

#[test]
fn clocks_apart_are_told() {
    let tricks = Tricks {
        response: |head| {
            let later = SystemTime::now() + Duration::from_hours(1);
            let date = format!("\r\nDate: {}\r\n", httpdate::fmt_http_date(later));
            without(&head, &["date:"]).replacen("\r\n", &date, 1)
        },
        ..Tricks::default()
    };
    through(tricks, &[])
        .says("clock", "warning", "60 min ahead")
        .says("token", "failed", "by the server's clock")
        .ends(1, &["token"]);
}

#[test]
fn server_behind_that_is_away_is_told() {
    let gone = Proxy::alone(|_| Some(answer("502 Bad Gateway", "<h1>502 Bad Gateway</h1>")));
    let found = Findings::of(&gone.url(), &[]);
    found
        .says("server", "failed", "upstream")
        .ends(1, &["server"]);
}

#[test]
fn server_that_is_not_ready_is_told() {
    let tricks = Tricks {
        answer: |head| {
            let asked = head.starts_with("GET /readyz ");
            asked.then(|| {
                answer(
                    "503 Service Unavailable",
                    "redis: 3 of 128 partitions are dark\n",
                )
            })
        },
        ..Tricks::default()
    };
    through(tricks, &[])
        .says("ready", "failed", "3 of 128 partitions are dark")
        .says("goodbye", "ok", "closed")
        .ends(1, &["ready"]);
}

#[test]
fn full_server_is_told() {
    let tricks = Tricks {
        answer: |head| {
            let body = r#"{"code":"busy","message":"too many connections at once"}"#;
            let asked = head.starts_with("GET /ws/chat/info ");
            asked.then(|| answer("503 Service Unavailable", body))
        },
        ..Tricks::default()
    };
    through(tricks, &[])
        .says("access", "failed", "limits.connects_per_s")
        .ends(1, &["access"]);
}

#[test]
fn proxy_that_cuts_quiet_connections_is_told() {
    let tricks = Tricks {
        receipts_max: 2,
        ..Tricks::default()
    };
    // The receipts are those of the two subscriptions.
    through(tricks, &["--idle", "60s"])
        .says("round-trip", "ok", "/app/bootstrap")
        .says("idle", "failed", "proxy_read_timeout")
        .ends(1, &["idle"]);
}

#[test]
fn echoed_token_is_not_printed() {
    let mirror = Proxy::alone(|head| {
        let health = head
            .starts_with("GET /healthz ")
            .then(|| answer("200 OK", "ok\n"));
        let about = head
            .starts_with("GET /api/")
            .then(|| answer("200 OK", r#"{"info":{"title":"Stompline"}}"#));
        let greeting = head
            .starts_with("GET /ws/chat ")
            .then(|| answer("200 OK", "Welcome to SockJS!\n"));
        health
            .or(about)
            .or(greeting)
            .or_else(|| Some(answer("500 Oops", head)))
    });
    let token = token(SECRET, 60);
    let signature = token.rsplit('.').next().unwrap();
    let found = Findings::of(&mirror.url(), &["--token", &token]);
    found.says("access", "failed", "status 500");
    let text = format!("{found:?}");
    assert!(!text.contains(signature), "{text}");
}

#[test]
fn wrong_use_is_refused_without_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let token = token(SECRET, 60);
    let with_query = format!("http://127.0.0.1:1/ws/chat?token={token}");
    let rows: [(&[&str], &str); 9] = [
        (&[&token], "http://HOST"),
        (&[&with_query], "--token"),
        (&["ftp://127.0.0.1"], "http://HOST"),
        (&["--timeout", "1h"], "1s to 10m"),
        (&["--origin", "shop.example"], "https://HOST"),
        (&["--endpoint", "chta"], "chat, agent"),
        (
            &["http://127.0.0.1:1/ws", "--endpoint", "chat"],
            "given twice",
        ),
        (&["--token", "a b"], "copy it whole"),
        (&["--data", "missing"], "there is no key"),
    ];
    for (args, told) in rows {
        let outcome = run(dir.path(), &[&["doctor"], args].concat());
        outcome.refused(2, &[told]);
        assert!(!outcome.stderr.contains(&token), "{outcome:?}");
    }
}
