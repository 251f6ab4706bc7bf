//! Keys that an identity provider publishes.

mod provider;

use std::path::Path;
use std::process::Command;

use self::provider::Provider;
use crate::binary::{Server, exchange, finish, stompline};
use crate::doctor::tls;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The public halves of two pairs whose private halves were thrown away, and of each a token for agent `7` that
/// expires in 2096.
const KEY_A: &str = r#"{"kty":"EC","crv":"P-256","kid":"2026-a","use":"sig","alg":"ES256","x":"LPvdQt4wgGUMpsJRQdPYyBtTVy2hsUhknaRJ9ojkBSs","y":"ZpXS2Zg8UrBqOV3bbcNcWCrp2beVCZiQ2Xv0G304IKs"}"#;
const TOKEN_A: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjIwMjYtYSJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwMzAwMDAwMH0.lMELQDHK5sspwi45V9x4634cRCtsNXeGPvT6s-ERzknmkq-Fg_7xK2U57cfK8It1IssOYWIUsZolSfsw54NPoQ";
const KEY_B: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"2026-b","use":"sig","alg":"EdDSA","x":"bq04sT0sLg0ZigO0wDkyxHPaHH26ds5_f679ckCplxo"}"#;
const TOKEN_B: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6IjIwMjYtYiJ9.eyJzdWIiOiI3IiwidXNlclR5cGUiOiJhZ2VudCIsImV4cCI6NDAwMzAwMDAwMH0._2yIc4MfrQlqBqAGxiWILWSKrBk0URYqbUbuykxBayeUMXUWDWyAk9cMmXzyVivUdeJYm851H9DXhnmVlh5IBQ";

/// A server with the keys of this address, to be started.
fn serve(dir: &Path, url: &str) -> Command {
    let mut command = stompline(dir, &["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("STOMPLINE_AUTH__JWKS_URL", url)
        .env("STOMPLINE_API__METRICS_LISTEN", "127.0.0.1:0");
    command
}

/// Starts a server, and returns it with its address for metrics.
fn started(command: &mut Command) -> (Server, String) {
    let mut server = Server::spawn(command);
    let line = server.logged("address of their own");
    let address = line.rsplit_once("address=").unwrap().1.trim().to_owned();
    (server, address)
}

/// The status that a session with this token begins with; each has an id of its own.
fn status(server: &Server, token: &str, session: &str) -> String {
    let answer = exchange(
        &server.address,
        &format!("POST /ws/agent/000/{session}/xhr"),
        &format!("Authorization: Bearer {token}\r\n"),
        "",
    );
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn rotated_keys_are_fetched_when_a_token_needs_them() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A]);
    // Long before the next regular fetch.
    let mut command = serve(dir.path(), &provider.url());
    let mut server = Server::spawn(command.env("STOMPLINE_AUTH__JWKS_REFRESH_S", "1d"));
    server.logged("keys=1 added=1 withdrawn=0");
    assert_eq!(provider.requests(), 1);
    assert_eq!(status(&server, TOKEN_A, "a1"), "200");

    provider.publish(&[KEY_B, KEY_A]);
    assert_eq!(status(&server, TOKEN_A, "a2"), "200");
    assert_eq!(status(&server, TOKEN_B, "b1"), "401", "no handshake waits");
    server.logged("keys=2 added=1 withdrawn=0");
    assert_eq!(provider.requests(), 2);
    assert_eq!(status(&server, TOKEN_B, "b2"), "200");
    assert_eq!(status(&server, TOKEN_A, "a3"), "200");
}

#[test]
fn withdrawn_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A, KEY_B]);
    let mut command = serve(dir.path(), &provider.url());
    let mut server = Server::spawn(command.env("STOMPLINE_AUTH__JWKS_REFRESH_S", "1"));
    assert_eq!(status(&server, TOKEN_A, "a1"), "200");
    assert_eq!(status(&server, TOKEN_B, "b1"), "200");
    provider.publish(&[KEY_B]);
    server.logged("keys=1 added=0 withdrawn=1");
    assert_eq!(status(&server, TOKEN_A, "a2"), "401");
    assert_eq!(status(&server, TOKEN_B, "b2"), "200");
}

#[test]
fn outage_keeps_the_keys_and_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A]);
    let mut command = serve(dir.path(), &provider.url());
    let (mut server, private) = started(command.env("STOMPLINE_AUTH__JWKS_REFRESH_S", "1"));
    let ask = |path| crate::binary::get(&private, path, "");
    assert!(ask("/readyz").ends_with("\r\n\r\nready\n"));

    provider.answer("503 Service Unavailable", "");
    let line = server.logged("those that are there stay");
    assert!(line.contains("status 503"), "{line}");
    let asked = provider.requests();
    provider.wait_for(asked + 3);
    assert_eq!(status(&server, TOKEN_A, "a1"), "200");
    let ready = ask("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    assert!(ready.contains("dark: jwks: status 503"), "{ready}");
    assert!(ask("/readyz?strict").starts_with("HTTP/1.1 503 "));
    let metrics = ask("/metrics");
    assert!(metrics.contains("stompline_jwks_keys 1\n"), "{metrics}");
    assert!(metrics.contains("stompline_jwks_age_seconds "), "{metrics}");
    let failed = metrics
        .lines()
        .find_map(|line| line.strip_prefix("stompline_jwks_fetches_failed_total "));
    assert!(failed.unwrap().parse::<u64>().unwrap() >= 3, "{metrics}");

    provider.answer("200 OK", "<html>maintenance</html>");
    let line = server.logged("those that are there stay");
    assert!(line.contains("not a key set"), "told once, then: {line}");
    provider.answer("200 OK", r#"{"keys": []}"#);
    let line = server.logged("those that are there stay");
    assert!(line.contains("holds no key"), "told once, then: {line}");
    assert_eq!(status(&server, TOKEN_A, "a2"), "200");

    provider.publish(&[KEY_A, KEY_B]);
    server.logged("can be fetched again");
    server.logged("keys=2 added=1 withdrawn=0");
    assert_eq!(status(&server, TOKEN_B, "b1"), "200");
    assert!(ask("/readyz").ends_with("\r\n\r\nready\n"));
    let outcome = server.stop();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn server_does_not_start_without_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[]);
    let address = provider.url();
    for (status, body, told) in [
        ("404 Not Found", "", "status 404"),
        ("302 Found", "", "redirects are not followed"),
        ("200 OK", "<html>", "not a key set"),
        ("200 OK", r#"{"keys":[]}"#, "holds no key"),
        (
            "200 OK",
            r#"{"keys":[{"kty":"oct","k":"c3dvcmRmaXNo"}]}"#,
            "none of the 1 keys can be used; the first is a shared secret",
        ),
    ] {
        provider.answer(status, body);
        let outcome = finish(&mut serve(dir.path(), &address));
        let place = format!("`auth.jwks_url`: no keys from {address}: ");
        outcome.refused(1, &[&place, told, "does not start without them"]);
        assert!(!outcome.stderr.contains("c3dvcmRmaXNo"), "{outcome:?}");
    }
    finish(&mut serve(dir.path(), "http://id.example.com/")).refused(2, &["must begin with https"]);
}

#[test]
fn unusable_keys_are_skipped_and_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[
        KEY_A,
        r#"{"kty":"oct","kid":"leak","k":"c3dvcmRmaXNo"}"#,
        r#"{"kty":"RSA","kid":"wrap","use":"enc"}"#,
    ]);
    let mut command = serve(dir.path(), &provider.url());
    let mut server = Server::spawn(command.env("STOMPLINE_AUTH__JWKS_REFRESH_S", "1"));
    let line = server.logged("a key must not be used");
    assert!(line.contains("WARN") && line.contains("leak"), "{line}");
    let line = server.logged("a key is not used");
    assert!(line.contains("INFO") && line.contains("wrap"), "{line}");
    server.logged("the keys have changed");
    provider.wait_for(4);
    let outcome = server.stop();
    for told in [
        "must not be used",
        "is not used",
        "have changed",
        "c3dvcmRmaXNo",
    ] {
        assert!(!outcome.stderr.contains(told), "{told}: {outcome:?}");
    }
}

#[test]
fn encrypted_provider_needs_a_trusted_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A]);
    let (_proxy, port) = tls::before(&provider.address);
    let url = format!("https://localhost:{port}/jwks.json");

    let mut command = serve(dir.path(), &url);
    command.env_remove("SSL_CERT_DIR");
    let server = Server::spawn(command.env("SSL_CERT_FILE", tls::file("localhost.crt")));
    assert_eq!(status(&server, TOKEN_A, "a"), "200");
    drop(server);

    let none = dir.path().join("empty.pem");
    std::fs::write(&none, "").unwrap();
    finish(command.env("SSL_CERT_FILE", none))
        .refused(1, &["no keys from https://localhost", "TLS"]);
}

#[test]
fn own_secret_counts_beside_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A]);
    let mut command = serve(dir.path(), &provider.url());
    let server = Server::spawn(command.env("STOMPLINE_AUTH__SECRETS", SECRET));
    let args = ["token", "--user", "9", "--type", "agent"];
    let sign = |secret: Option<&str>| {
        let mut command = stompline(dir.path(), &args);
        command.env("STOMPLINE_AUTH__JWKS_URL", provider.url());
        if let Some(secret) = secret {
            command.env("STOMPLINE_AUTH__SECRETS", secret);
        }
        finish(&mut command)
    };
    let own = sign(Some(SECRET)).succeeded();
    assert_eq!(status(&server, own.trim(), "own"), "200");
    assert_eq!(status(&server, TOKEN_A, "a"), "200");
    sign(None).refused(2, &["all keys are public ones"]);
}

#[test]
fn doctor_checks_a_token_with_the_published_keys() {
    let dir = tempfile::tempdir().unwrap();
    let provider = Provider::start(&[KEY_A]);
    let server = Server::spawn(&mut serve(dir.path(), &provider.url()));
    let config = dir.path().join("s.toml");
    std::fs::write(&config, format!("auth.jwks_url = '{}'\n", provider.url())).unwrap();
    let url = format!("http://{}", server.address);
    let config = config.to_str().unwrap();
    let examine = |token| {
        let args = [
            "doctor", &url, "--json", "--config", config, "--token", token,
        ];
        finish(&mut stompline(dir.path(), &args)).stdout
    };
    let told = examine(TOKEN_B);
    assert!(
        told.contains("unknown key") || told.contains("no key for"),
        "{told}"
    );
    let told = examine(TOKEN_A);
    assert!(!told.contains("failed"), "{told}");
    provider.answer("404 Not Found", "");
    let told = examine(TOKEN_A);
    assert!(
        told.contains("no keys from") && told.contains("status 404"),
        "{told}"
    );
}
