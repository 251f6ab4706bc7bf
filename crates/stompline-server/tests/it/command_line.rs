use std::path::Path;

use crate::binary::run;

#[test]
fn version_names_program_and_number() {
    let told = run(Path::new("."), &["--version"]).succeeded();
    assert_eq!(told, format!("stompline {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_use_exits_with_two() {
    let rows: [(&[&str], &str); 6] = [
        (&[], "Usage: stompline <COMMAND>"),
        (&["sevre"], "serve"),
        (&["serve", "--port", "1"], "--port"),
        (&["token", "--user", "u1"], "--type"),
        (
            &["token", "--user", "u1", "--type", "admin"],
            "[possible values: customer, agent]",
        ),
        (
            &["token", "--user", "u1", "--type", "agent", "--ttl", "soon"],
            "30m, 1h, 7d",
        ),
    ];
    for (args, told) in rows {
        run(Path::new("."), args).refused(2, &[told]);
    }
}

#[test]
fn wrong_address_flag_is_named() {
    run(Path::new("."), &["serve", "--listen", "localhost"]).refused(
        2,
        &[
            "--listen: `listen` must be an IP address and port",
            "not localhost",
        ],
    );
}
