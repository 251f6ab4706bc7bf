//! Sessions in memory, and the executable as a person starts it.

use std::process::{Command, Output};
use std::time::Duration;

use stompline_load::simulate::{Simulation, World, run};

#[test]
fn simulated_sessions_hear_what_is_said() {
    let simulation = Simulation {
        sessions: 50,
        quiet: Duration::from_millis(20),
        broadcasts: 2,
        flat: 500,
    };
    let report = run(simulation, 2).unwrap();
    assert!(report.is_valid(), "{}", report.to_json());
    assert_eq!(report.find("sessions").unwrap().to_string(), "50");
    assert!(report.find("one_p50_ms").unwrap() > 0.0);
    assert!(report.find("broadcast_s").unwrap() > 0.0);
    assert!(report.find("flat_messages_per_s").unwrap() > 0.0);
}

#[tokio::test]
async fn messages_to_one_and_to_all_are_told_apart() {
    let mut world = World::open(3).await.unwrap();
    world.say_to_all().await.unwrap();
    world.say_to_one(2).await.unwrap();
    assert!(!world.say_to_one_meanwhile().await.unwrap().is_empty());
    world.say_to_all().await.unwrap();
}

#[test]
fn executable_prints_one_line_of_json() {
    let output = tool(&["simulate", "--sessions", "5", "--quiet-s", "0"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (printed.lines().count(), &report["sessions"]),
        (1, &5.into())
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn wrong_use_and_failure_have_their_codes() {
    let misused = tool(&["fanout", "--secret-file", "/nowhere/secret"]);
    assert_eq!(misused.status.code(), Some(2));
    let absent = tool(&["fanout", "--token", "t", "--url", "ws://127.9.9.9:1"]);
    assert_eq!(absent.status.code(), Some(1));
    let printed = String::from_utf8(absent.stdout).unwrap();
    assert!(printed.contains(r#""faults":["connecting:"#), "{printed}");
}

#[test]
fn page_is_written_between_its_markers() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let page = "# Page\n<!-- measured: from here on written by `make bench` -->\nold\n\
                <!-- measured: up to here -->\nend\n";
    let results = r#"{"meta":{"commit":"abc","quick":false}}
{"server":"node","label":"flat","report":{"deliveries_per_s":5,"server_cpu_us_each":10,"faults":[]}}"#;
    std::fs::write(file("page.md"), page).unwrap();
    std::fs::write(file("results.jsonl"), results).unwrap();
    let names = [file("results.jsonl"), file("page.md")];
    let [results, page] = names.each_ref().map(|name| name.to_str().unwrap());
    let output = tool(&["page", results, page]);
    assert_eq!(output.status.code(), Some(0));
    let written = std::fs::read_to_string(page).unwrap();
    assert!(
        written.contains("at commit abc") && !written.contains("old"),
        "{written}"
    );
    let picture = std::fs::read_to_string(file("page-slow.svg")).unwrap();
    assert!(picture.starts_with("<svg"), "{picture}");
}

fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stompline-load"))
        .args(arguments)
        .output()
        .unwrap()
}
