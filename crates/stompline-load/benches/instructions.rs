//! Counts instructions, which do not depend on how busy a machine is, with valgrind.
//!
//! `check` compares with the numbers recorded in `instructions.txt` and fails when one has grown by
//! more than a tenth; `record` writes them anew. Each task runs with two numbers of turns; their
//! difference is free of what starting costs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::{env, fs};

use stompline::{DestinationPattern, PatternMap};
use stompline_load::simulate::World;
use stompline_load::template::Template;
use stompline_proto::{DecodeLimits, Decoded, Decoder, Frame, Side, Version, encode};
use stompline_ws::{Limits, Opcode, Role, write_masked};
use tokio::runtime::{Builder, Runtime};

/// Where the numbers are recorded.
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// How much more than what is recorded passes, in percent.
const GROWTH_MAX_PERCENT: u64 = 10;

/// Sessions that one message to all goes to.
const AUDIENCE: u32 = 200;

/// What is counted: its name, what it does, turns of the first run, and how many more the second has.
type Task = (&'static str, fn(u32), u32, u32);

const TASKS: [Task; 9] = [
    ("stomp_decode_send", decode_send, 100, 1000),
    ("stomp_encode_message", encode_message, 100, 1000),
    ("websocket_decode_masked", decode_masked, 100, 1000),
    ("websocket_encode_masked", encode_masked, 100, 1000),
    ("match_among_10_patterns", match_among_few, 100, 50_000),
    ("match_among_100000_patterns", match_among_many, 100, 50_000),
    ("session_open", open_sessions, 100, 200),
    ("message_to_one", say_to_one, 100, 500),
    ("message_to_200", say_to_all, 5, 20),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["run", name, turns] => run(name, turns),
        ["record"] => report(count_all().and_then(|counts| record(&counts))),
        ["check"] => report(count_all().and_then(|counts| check(&counts))),
        _ => report(Err("give `check` or `record`".to_owned())),
    }
}

/// Does one task, under valgrind.
fn run(name: &str, turns: &str) -> ExitCode {
    let task = TASKS.iter().find(|(own, ..)| *own == name);
    match (task, turns.parse()) {
        (Some((_, task, ..)), Ok(turns)) => {
            task(turns);
            ExitCode::SUCCESS
        }
        _ => report(Err(format!("there is no task {name} with {turns} turns"))),
    }
}

fn report(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("instructions: {text}");
            ExitCode::FAILURE
        }
    }
}

type Counts = BTreeMap<&'static str, u64>;

/// Instructions of one turn of each task.
fn count_all() -> Result<Counts, String> {
    let mut counts = Counts::new();
    for (name, _, few, more) in TASKS {
        let less = count(name, few)?;
        let much = count(name, few + more)?;
        counts.insert(name, much.saturating_sub(less) / u64::from(more));
    }
    Ok(counts)
}

fn count(name: &str, turns: u32) -> Result<u64, String> {
    let own = env::current_exe().map_err(|why| why.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["run", name, &turns.to_string()])
        .output()
        .map_err(|why| format!("cannot start valgrind: {why}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let collected = collected.and_then(|(_, number)| number.trim().parse().ok());
    match collected.filter(|_| output.status.success()) {
        Some(count) => Ok(count),
        None => Err(format!("{name} failed under valgrind:\n{text}")),
    }
}

fn record(counts: &Counts) -> Result<String, String> {
    let text = lines(counts.iter().map(|(name, count)| format!("{name} {count}")));
    fs::write(RECORD, &text).map_err(|why| format!("{RECORD}: {why}"))?;
    Ok(text)
}

fn check(counts: &Counts) -> Result<String, String> {
    let recorded = fs::read_to_string(RECORD).map_err(|why| format!("{RECORD}: {why}"))?;
    let recorded: BTreeMap<&str, u64> = recorded
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut grown = Vec::new();
    let table = lines(counts.iter().map(|(name, count)| {
        let Some(before) = recorded.get(name) else {
            grown.push(format!("{name} is not recorded"));
            return format!("{name:<26}{count:>10}");
        };
        if *count > before + before * GROWTH_MAX_PERCENT / 100 {
            grown.push(format!(
                "{name} takes {count} instructions, {before} are recorded"
            ));
        }
        format!("{name:<26}{count:>10}  recorded {before:>10}")
    }));
    if grown.is_empty() {
        return Ok(table);
    }
    let how = "after a change that is worth it: cargo bench -p stompline-load --bench instructions -- record";
    Err(format!("{}\n{how}\n{table}", grown.join("\n")))
}

fn lines(all: impl Iterator<Item = String>) -> String {
    all.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("a string takes all text");
        text
    })
}

/// A SEND as a browser writes it, with a body of 128 bytes.
fn send() -> Vec<u8> {
    let frame = Frame::new(stompline_proto::Command::Send)
        .header("destination", "/topic/room.42")
        .header("content-type", "application/json");
    Template::new(frame, 128).numbered(7).to_vec()
}

fn decode_send(turns: u32) {
    let frame = send();
    let mut decoder = Decoder::new(Side::Server, DecodeLimits::default());
    decoder.set_version(Version::V1_2);
    for _ in 0..turns {
        let mut input = black_box(&frame[..]);
        let decoded = decoder.decode(&mut input);
        assert!(matches!(decoded, Ok(Some(Decoded::Frame(_)))));
    }
}

fn encode_message(turns: u32) {
    let frame = Frame::new(stompline_proto::Command::Message)
        .header("destination", "/topic/room.42")
        .header("subscription", "sub-0")
        .header("message-id", "abcdefgh-1234")
        .header("content-type", "application/json")
        .body("x".repeat(128));
    let mut out = Vec::new();
    for _ in 0..turns {
        out.clear();
        encode(black_box(&frame), Version::V1_2, &mut out);
        black_box(&out);
    }
}

fn match_among_few(turns: u32) {
    match_among(10, turns);
}

fn match_among_many(turns: u32) {
    match_among(100_000, turns);
}

/// Finds the one of so many patterns, no two alike, that matches a name.
fn match_among(patterns: u32, turns: u32) {
    let mut map = PatternMap::new();
    for number in 0..patterns {
        let pattern = format!("/topic/room.{number}.*");
        map.insert(
            &DestinationPattern::parse(&pattern).expect("a pattern"),
            number,
        );
    }
    let mut found = 0;
    for _ in 0..turns {
        map.for_each_match(black_box("/topic/room.7.news"), |_| found += 1);
    }
    assert_eq!(found, turns);
}

fn decode_masked(turns: u32) {
    let mut message = Vec::new();
    write_masked(&mut message, Opcode::Text, &send(), [1, 2, 3, 4]);
    let limits = Limits {
        message_bytes_max: 65_536,
        frame_bytes_max: 65_536,
    };
    let mut decoder = stompline_ws::Decoder::new(Role::Server, limits);
    let mut buffer = message.clone();
    for _ in 0..turns {
        // Decoding unmasks in place.
        buffer.copy_from_slice(&message);
        let mut input = black_box(&mut buffer[..]);
        assert!(matches!(decoder.decode(&mut input), Ok(Some(_))));
    }
}

fn encode_masked(turns: u32) {
    let frame = send();
    let mut out = Vec::new();
    for _ in 0..turns {
        out.clear();
        write_masked(&mut out, Opcode::Text, black_box(&frame), [1, 2, 3, 4]);
        black_box(&out);
    }
}

/// Handshake, token, CONNECT, two subscriptions.
fn open_sessions(turns: u32) {
    runtime()
        .block_on(World::open(turns))
        .expect("sessions open");
}

fn say_to_one(turns: u32) {
    runtime().block_on(async {
        let mut world = World::open(AUDIENCE).await.expect("sessions open");
        for turn in 0..turns {
            let said = world.say_to_one(turn % AUDIENCE).await;
            said.expect("the message comes");
        }
    });
}

fn say_to_all(turns: u32) {
    runtime().block_on(async {
        let mut world = World::open(AUDIENCE).await.expect("sessions open");
        for _ in 0..turns {
            world.say_to_all().await.expect("the message comes");
        }
    });
}

fn runtime() -> Runtime {
    let built = Builder::new_current_thread().enable_all().build();
    built.expect("a runtime starts")
}
