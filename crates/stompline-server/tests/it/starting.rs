use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::binary::{Server, finish, run, stompline};

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn demo_makes_a_private_secret_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("stompline-data");
    Server::start(dir.path(), &["--demo"]).stop();
    let secret = fs::read_to_string(data.join("secret")).unwrap();
    assert!(secret.trim().len() >= 43, "32 bytes in base64");
    assert_eq!((mode(&data), mode(&data.join("secret"))), (0o700, 0o600));
    Server::start(dir.path(), &["--demo"]).stop();
    assert_eq!(fs::read_to_string(data.join("secret")).unwrap(), secret);
}

#[test]
fn serve_uses_the_secret_of_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), &["--demo", "--data", "d"]).stop();
    Server::start(dir.path(), &["--data", "d"]).stop();
}

#[test]
fn serve_without_keys_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["serve", "--data", "my data"]).refused(
        2,
        &[
            "there is no key to check tokens with",
            "base64 > 'my data/secret'",
            "`auth.secrets`",
            "stompline serve --demo",
        ],
    );
    assert!(!dir.path().join("my data").exists());
}

#[test]
fn advice_for_a_missing_secret_works() {
    let dir = tempfile::tempdir().unwrap();
    let told = run(dir.path(), &["serve", "--data", "d"]).stderr;
    let advice = told
        .split("Make a secret:")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .trim();
    let shell = std::process::Command::new("sh")
        .current_dir(dir.path())
        .args(["-c", advice])
        .status()
        .unwrap();
    assert!(shell.success(), "{advice}");
    assert_eq!(mode(&dir.path().join("d/secret")), 0o600);
    Server::start(dir.path(), &["--data", "d"]).stop();
}

#[test]
fn unusable_secrets_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("short"), "hunter2\n").unwrap();
    let rows: [(&str, &str, &[&str]); 4] = [
        (
            "SECRET_FILE",
            "short",
            &["short: a signing secret has at least 32 bytes", "7"],
        ),
        (
            "SECRET_FILE",
            "absent",
            &["`auth.secret_file`: cannot read absent"],
        ),
        ("SECRETS", "hunter2", &["32 characters at least"]),
        (
            "KEYS",
            "[{file='short'}]",
            &["`auth.keys[].file`: short: not a public key in PEM form"],
        ),
    ];
    for (key, text, told) in rows {
        let mut command = stompline(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let outcome = finish(command.env(format!("STOMPLINE_AUTH__{key}"), text));
        outcome.refused(2, told);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    }
}

#[test]
fn unusable_data_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    run(dir.path(), &["serve", "--demo", "--data", "file/data"]).refused(
        2,
        &[
            "cannot make the data directory file/data",
            "Not a directory",
            "STOMPLINE_DATA",
        ],
    );
}

#[test]
fn port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(dir.path(), &["serve", "--demo", "--listen", &address]).refused(
        1,
        &[&format!("cannot listen on {address}: Address"), "--listen"],
    );
}
