use std::fs;
use std::path::Path;

use crate::binary::{finish, run, stompline};

#[test]
fn default_file_passes_its_own_check() {
    let dir = tempfile::tempdir().unwrap();
    let text = run(dir.path(), &["config", "default"]).succeeded();
    fs::write(dir.path().join("s.toml"), text).unwrap();
    let told = run(dir.path(), &["config", "check", "--config", "s.toml"]).succeeded();
    assert_eq!(told, "the configuration is valid\n");
}

#[test]
fn default_file_changes_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let text = run(dir.path(), &["config", "default"]).succeeded();
    fs::write(dir.path().join("s.toml"), text).unwrap();
    let values = |args: &[&str]| -> Vec<String> {
        let told = run(dir.path(), args).succeeded();
        let values = told
            .lines()
            .filter_map(|line| line.strip_prefix("  value "));
        values
            .map(|value| value.rsplit_once(" (").map_or(value, |(v, _)| v).to_owned())
            .collect()
    };
    let plain = values(&["config", "explain"]);
    assert!(plain.len() > 40);
    assert_eq!(values(&["config", "explain", "--config", "s.toml"]), plain);
}

#[test]
fn unknown_key_exits_with_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("s.toml"), "[limits]\nframe_byte = 1\n").unwrap();
    for command in [
        &["config", "check", "--config", "s.toml"],
        &["config", "explain", "--config", "s.toml"],
    ] {
        run(dir.path(), command).refused(
            2,
            &["s.toml:2: there is no key `limits.frame_byte`; did you mean `limits.frame_bytes`?"],
        );
    }
    run(dir.path(), &["serve", "--demo", "--config", "s.toml"]).refused(2, &["s.toml:2"]);
}

#[test]
fn unreadable_file_is_named() {
    run(
        Path::new("."),
        &["config", "check", "--config", "/nowhere/s.toml"],
    )
    .refused(
        2,
        &["/nowhere/s.toml: the file cannot be read: No such file"],
    );
}

#[test]
fn bad_variable_names_key_and_range() {
    let mut command = stompline(Path::new("."), &["config", "check"]);
    command.env("STOMPLINE_CHAT__RATE__CUSTOMER_PER_S", "-1");
    finish(&mut command).refused(
        2,
        &[
            "STOMPLINE_CHAT__RATE__CUSTOMER_PER_S",
            "`chat.rate.customer_per_s` must be a whole number a second from 0",
            "not -1",
        ],
    );
}

#[test]
fn explanation_names_origin_and_hides_secrets() {
    let secret = "correct-horse-battery-staple-42-x";
    let mut command = stompline(Path::new("."), &["config", "explain"]);
    command
        .env("STOMPLINE_AUTH__SECRETS", secret)
        .env("STOMPLINE_LIMITS__FRAME_BYTES", "1MiB");
    let told = finish(&mut command).succeeded();
    assert!(
        told.contains("value    1048576 (STOMPLINE_LIMITS__FRAME_BYTES)"),
        "{told}"
    );
    assert!(
        told.contains("value    1 secret(s) (STOMPLINE_AUTH__SECRETS)"),
        "{told}"
    );
    assert!(!told.contains(secret));
}
