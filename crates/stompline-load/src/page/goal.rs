//! What the server is to reach, and whether it does.

use super::result::Results;
use super::table::{DOZING, WITH, WITHOUT, add, direct_ratio, short, whole};

/// On which side of a number to be.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// What is looked at: words, server, scenario, number, bound.
type Goal = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Bound,
);

const GOALS: [Goal; 12] = [
    (
        "idle session in `serve`, resident bytes",
        "serve",
        "idle",
        "resident_bytes_per_session",
        AtMost(3072.0),
    ),
    (
        "idle sessions in `serve`, % of a core",
        "serve",
        "idle",
        "server_cpu_percent_of_core",
        AtMost(2.0),
    ),
    (
        "rooms, p50 ms",
        "broker",
        "rooms",
        "delivery_p50_ms",
        AtMost(0.15),
    ),
    (
        "rooms, p99 ms",
        "broker",
        "rooms",
        "delivery_p99_ms",
        AtMost(3.0),
    ),
    (
        "p2p1, there and back, p50 ms",
        "broker",
        "p2p1",
        "round_trip_p50_ms",
        AtMost(0.18),
    ),
    (
        "churn in `serve`, tokens checked, cycles/s",
        "serve",
        "churn",
        "cycles_per_s",
        AtLeast(5000.0),
    ),
    (
        "storm on `serve`, s",
        "serve",
        "storm",
        "elapsed_s",
        AtMost(10.0),
    ),
    (
        "chat, 200/s, SEND to RECEIPT after the commit, p99 ms",
        "serve",
        "chat",
        "receipt_p99_ms",
        AtMost(25.0),
    ),
    (
        "chat, one agent with 64 outstanding, p99 ms",
        "serve",
        "chat-agent",
        "receipt_p99_ms",
        AtMost(50.0),
    ),
    (
        "in memory, resident bytes of a session",
        "in-memory",
        "simulate",
        "resident_bytes_per_session",
        AtMost(2048.0),
    ),
    (
        "in memory, a message to all, s",
        "in-memory",
        "simulate",
        "broadcast_s",
        AtMost(2.0),
    ),
    (
        "in memory, a message to one, p99 ms",
        "in-memory",
        "simulate",
        "one_p99_ms",
        AtMost(1.0),
    ),
];

/// How much slower the others may be when some readers stop.
const SLOWED_MAX: f64 = 2.0;

/// CPU for a message through a handler, over that of Node's `ws` for one to a topic: twice what the latter's goal is.
const DIRECT_MAX: f64 = 0.94;

/// What two cores are to do more than one.
const TWO_CORES_MIN: f64 = 1.7;

/// Goals, and whether they are met.
pub(super) fn goals(results: &Results, out: &mut String) {
    out.push_str("### Goals\n\n| | goal | measured | |\n|---|---|---|---|\n");
    for (what, server, label, name, bound) in GOALS {
        if let Some(measured) = results.median(server, label, name) {
            row(out, what, bound, measured.value);
        }
    }
    let ratios = [
        (
            "through a handler, CPU over Node's p2p by topics",
            AtMost(DIRECT_MAX),
            direct_ratio(results),
        ),
        (
            "messages to single users in memory, two threads over one",
            AtLeast(TWO_CORES_MIN),
            two_cores(results),
        ),
        (
            "fast readers' p99 with five stalled, over that without",
            AtMost(SLOWED_MAX),
            slowed(results, WITH),
        ),
        (
            "fast readers' p99 with five that wake to 1 MB, over that without",
            AtMost(SLOWED_MAX),
            slowed(results, DOZING),
        ),
    ];
    for (what, bound, ratio) in ratios {
        if let Some(ratio) = ratio {
            row(out, what, bound, ratio);
        }
    }
    out.push('\n');
    extras(results, out);
}

fn row(out: &mut String, what: &str, bound: Bound, measured: f64) {
    let (sign, goal, met) = match bound {
        AtMost(goal) => ("≤", goal, measured <= goal),
        AtLeast(goal) => ("≥", goal, measured >= goal),
    };
    let met = if met { "met" } else { "**not met**" };
    let (goal, measured) = (short(goal), short(measured));
    add(
        out,
        format_args!("| {what} | {sign} {goal} | {measured} | {met} |\n"),
    );
}

/// Numbers that stand behind the goals.
fn extras(results: &Results, out: &mut String) {
    let value = |server, label, name| {
        results
            .median(server, label, name)
            .map_or(0.0, |median| median.value)
    };
    if results.find("in-memory", "simulate", "sessions").is_some() {
        let of = |name| value("in-memory", "simulate", name);
        add(
            out,
            format_args!(
                "In memory: {} sessions in one process, each with a checked token, its own queue and a topic that all share; {} bytes of each are the client's. At rest with heart-beats in both directions, \
             {} % of a core for both sides; a message to one arrives in {} ms (p50), and in {} ms (p99) while one to all is under way, which costs {} µs of CPU each.\n\n",
                whole(of("sessions")),
                whole(of("of_which_client_bytes")),
                short(of("quiet_cpu_percent_of_core")),
                short(of("one_p50_ms")),
                short(of("one_during_broadcast_p99_ms")),
                short(of("broadcast_cpu_us_each")),
            ),
        );
    }
    if results
        .find("serve", "chat-agent", "receipts_per_s")
        .is_some()
    {
        let rate = whole(value("serve", "chat-agent", "receipts_per_s"));
        add(
            out,
            format_args!(
                "Chat: one agent with 64 messages outstanding gets {rate} receipts a second, each after its commit.\n\n"
            ),
        );
    }
    if results.find("serve", "storm", "sessions").is_some() {
        let of = |name| value("serve", "storm", name);
        add(
            out,
            format_args!(
                "Storm: {} sessions of `serve` cut off at once were back, with their tokens checked and subscribed, after {} s; {} were told to wait.\n",
                whole(of("sessions")),
                short(of("elapsed_s")),
                whole(of("refused_and_retried")),
            ),
        );
    }
}

fn slowed(results: &Results, label: &str) -> Option<f64> {
    let p99 = |label| results.median("broker", label, "delivery_p99_ms");
    Some(p99(label)?.value / p99(WITHOUT)?.value)
}

fn two_cores(results: &Results) -> Option<f64> {
    let rate = |label| results.median("in-memory", label, "flat_messages_per_s");
    Some(rate("threads 2")?.value / rate("threads 1")?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_met_or_not() {
        let text = r#"{"meta":{}}
{"server":"serve","label":"churn","report":{"cycles_per_s":4000,"faults":[]}}
{"server":"broker","label":"rooms","report":{"delivery_p50_ms":0.1,"faults":[]}}"#;
        let mut page = String::new();
        goals(&Results::parse(text).unwrap(), &mut page);
        assert!(
            page.contains("cycles/s | ≥ 5,000 | 4,000 | **not met** |"),
            "{page}"
        );
        assert!(
            page.contains("| rooms, p50 ms | ≤ 0.15 | 0.10 | met |"),
            "{page}"
        );
        assert!(
            !page.contains("storm"),
            "what was not run is not shown: {page}"
        );
    }
}
