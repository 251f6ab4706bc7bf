use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use stompline::auth::{JwtAuthenticator, JwtKey, JwtSettings};

use crate::binary::{Server, finish, run, stompline};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn checks(secret: &str) -> JwtSettings {
    JwtSettings::new([JwtKey::secret(secret).expect("it is long enough")])
}

fn authenticator(dir: &Path) -> JwtAuthenticator {
    let secret = fs::read_to_string(dir.join("stompline-data/secret")).expect("it was made");
    checks(secret.trim()).build().expect("there is a key")
}

#[test]
fn token_is_signed_with_the_directory_secret() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), &["--demo"]).stop();
    let printed = run(dir.path(), &["token", "--user", "u1", "--type", "customer"]).succeeded();
    let token = printed.strip_suffix('\n').unwrap();
    assert!(!token.contains('\n'), "one token and nothing else");
    let principal = authenticator(dir.path()).verify(token).unwrap();
    assert_eq!(
        (principal.user_type(), principal.name().as_str()),
        ("customer", "u1")
    );
    let left = principal
        .expires_at()
        .unwrap()
        .duration_since(SystemTime::now())
        .unwrap();
    assert!(
        left > Duration::from_mins(59) && left <= Duration::from_hours(1),
        "{left:?}"
    );
}

#[test]
fn token_carries_name_claims_and_lifetime() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(
        dir.path(),
        &[
            "token",
            "--user",
            "7",
            "--type",
            "agent",
            "--name",
            "Anna Ek",
            "--ttl",
            "7d",
            "--claim",
            "site=42",
            "--claim",
            "roles=editor",
        ],
    );
    command.env("STOMPLINE_AUTH__SECRETS", SECRET);
    command
        .env("STOMPLINE_AUTH__ISSUER", "desk")
        .env("STOMPLINE_AUTH__AUDIENCE", "chat");
    let token = finish(&mut command).succeeded();
    let strict = checks(SECRET)
        .issuer("desk")
        .audience("chat")
        .build()
        .unwrap();
    let principal = strict.verify(token.trim()).unwrap();
    assert_eq!(principal.display(), "Anna Ek");
    assert_eq!(principal.claim("site"), Some(&"42".into()));
    assert!(principal.has_role("editor"));
    let left = principal
        .expires_at()
        .unwrap()
        .duration_since(SystemTime::now())
        .unwrap();
    assert!(left > Duration::from_hours(167), "{left:?}");
}

#[test]
fn first_secret_signs() {
    let dir = tempfile::tempdir().unwrap();
    let new = "abcdef0123456789abcdef0123456789";
    let mut command = stompline(dir.path(), &["token", "--user", "u1", "--type", "agent"]);
    let token =
        finish(command.env("STOMPLINE_AUTH__SECRETS", format!("{new},{SECRET}"))).succeeded();
    assert!(checks(new).build().unwrap().verify(token.trim()).is_ok());
    assert!(
        checks(SECRET)
            .build()
            .unwrap()
            .verify(token.trim())
            .is_err()
    );
}

#[test]
fn token_without_a_secret_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["token", "--user", "u1", "--type", "agent"];
    run(dir.path(), &args).refused(2, &["there is no key", "auth.secrets"]);

    // The public half of a pair whose private half was thrown away.
    let pem = "-----BEGIN PUBLIC KEY-----\n\
               MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx4apVeABC7f2Ja4aGy4TITDpferb\n\
               rmHRrCKfHC8Q0Yo7XKFh74kVPyKm0Bqd6id5bQOimuza9ohjvB5c01lpew==\n\
               -----END PUBLIC KEY-----\n";
    fs::write(dir.path().join("public.pem"), pem).unwrap();
    let mut command = stompline(dir.path(), &args);
    command.env("STOMPLINE_AUTH__KEYS", "[{kid='a', file='public.pem'}]");
    finish(&mut command).refused(2, &["all keys are public ones"]);
}

#[test]
fn impossible_user_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(300);
    let mut command = stompline(dir.path(), &["token", "--type", "agent", "--user", &long]);
    finish(command.env("STOMPLINE_AUTH__SECRETS", SECRET))
        .refused(2, &["--user: a user name has at most 256 bytes"]);
    run(dir.path(), &["token", "--type", "agent", "--user", " "])
        .refused(2, &["must not be empty"]);
}
