//! The tables.

use std::fmt::Write;

use super::goal;
use super::result::{Median, Results};
use crate::client::Transport;

/// Servers, with the heads of their columns.
const SERVERS: [(&str, &str); 4] = [
    ("broker", "Stompline, library"),
    ("serve", "Stompline, `serve`"),
    ("node", "Node `ws`, minimal"),
    ("rabbitmq", "RabbitMQ web-stomp"),
];

/// What a cell shows besides CPU.
#[derive(Clone, Copy)]
enum Kind {
    /// Something a second.
    Rate(&'static str),
    /// The median and the 99th percentile of this latency, in milliseconds.
    Latency(&'static str),
    /// The same without CPU, which other work had a part of.
    Tail(&'static str),
    /// Resident bytes of a session, and CPU at rest.
    Idle,
}

/// Rows: label, what it is, what is shown.
const ROWS: [(&str, &str, Kind); 11] = [
    (
        "flat",
        "fan-out 1 to 1,000, 64 outstanding, deliveries/s",
        Kind::Rate("deliveries_per_s"),
    ),
    (
        "flat1",
        "the same, 1 outstanding",
        Kind::Rate("deliveries_per_s"),
    ),
    (
        "fix20",
        "the same, 20,000 deliveries/s, p50 / p99 ms",
        Kind::Latency("delivery"),
    ),
    (
        "rooms",
        "500 rooms of 4, 16,000 deliveries/s, p50 / p99 ms",
        Kind::Latency("delivery"),
    ),
    (
        "roomsvisits",
        "the same, while 4 others connect, subscribe and leave again and again",
        Kind::Tail("delivery"),
    ),
    (
        "roomsflat",
        "the rooms flat out, 16 outstanding in each",
        Kind::Rate("deliveries_per_s"),
    ),
    (
        "p2p",
        "100 pairs ping-pong, messages/s",
        Kind::Rate("messages_per_s"),
    ),
    (
        "direct",
        "the same through a handler and the other's own queue",
        Kind::Rate("messages_per_s"),
    ),
    (
        "p2p1",
        "one pair, there and back, p50 / p99 ms",
        Kind::Latency("round_trip"),
    ),
    (
        "churn",
        "connect, subscribe, leave with receipts, cycles/s",
        Kind::Rate("cycles_per_s"),
    ),
    ("idle", "an idle session, resident bytes", Kind::Idle),
];

/// If the tool waits longer for its core, on average, others are at work on the machine.
const WAITED_PERCENT_MAX: f64 = 2.0;

/// CPU of the library over that of Node `ws`, at most.
const RATIOS: [(&str, f64); 5] = [
    ("flat", 0.37),
    ("flat1", 0.69),
    ("roomsflat", 0.20),
    ("p2p", 0.47),
    ("churn", 0.42),
];

/// All that was measured, as Markdown.
pub(super) fn measured(results: &Results, picture: &str) -> String {
    let mut out = place(results);
    servers(results, &mut out);
    ratios(results, &mut out);
    transports(results, &mut out);
    slow(results, picture, &mut out);
    goal::goals(results, &mut out);
    out
}

fn place(results: &Results) -> String {
    let meta = |name: &str| results.meta(name);
    let rounds = if meta("quick") == "true" {
        "one short round (`make bench QUICK=1`), not for quoting"
    } else {
        "medians of three rounds (`make bench`), ± is half of what lies between the lowest and the highest"
    };
    let busy = match results.mean("tool_waited_percent") {
        Some(waited) if waited > WAITED_PERCENT_MAX => format!(
            " **The machine was not quiet: the tool waited {waited:.0} % of the time for its core. CPU and memory can be compared, rates and latencies hardly.**"
        ),
        _ => String::new(),
    };
    let cores = if meta("pinned") == "true" {
        "one core for the server, the other for the tool"
    } else {
        "server and tool on the same cores"
    };
    format!(
        "Measured {} at commit {} on {} cores of {}, {} GiB, Linux {}; {cores}; loopback, 128-byte bodies, heart-beats and all checks on; {rounds}. \
         Rust {}, Node {}, {}, RabbitMQ {}. In brackets: the server's CPU for each, kernel included.{busy}\n\n",
        meta("date"),
        meta("commit"),
        meta("cores"),
        meta("cpu"),
        meta("memory_gib"),
        meta("kernel"),
        meta("rust"),
        meta("node"),
        meta("ws"),
        meta("rabbitmq"),
    )
}

fn servers(results: &Results, out: &mut String) {
    out.push_str("### Side by side\n\n| |");
    for (_, head) in SERVERS {
        add(out, format_args!(" {head} |"));
    }
    out.push_str("\n|---|---|---|---|---|\n");
    for (label, what, kind) in ROWS {
        add(out, format_args!("| **{label}**: {what} |"));
        for (server, _) in SERVERS {
            add(
                out,
                format_args!(" {} |", cell(results, server, label, kind)),
            );
        }
        out.push('\n');
    }
    out.push('\n');
}

fn cell(results: &Results, server: &str, label: &str, kind: Kind) -> String {
    // The example with a handler is the library too.
    let server = match (server, label) {
        ("broker", "direct") => "direct",
        _ => server,
    };
    if let Some(fault) = results.fault(server, label) {
        return format!("no result: {fault}");
    }
    let median = |name: &str| results.median(server, label, name);
    let main = match kind {
        Kind::Rate(name) => {
            median(name).map(|rate| format!("{}{}", thousands(rate.value), half(rate)))
        }
        Kind::Latency(name) | Kind::Tail(name) => median(&format!("{name}_p50_ms"))
            .zip(median(&format!("{name}_p99_ms")))
            .map(|(p50, p99)| format!("{} / {}", short(p50.value), short(p99.value))),
        Kind::Idle => median("resident_bytes_per_session")
            .zip(median("server_cpu_percent_of_core"))
            .zip(median("sessions"))
            .map(|((bytes, cpu), sessions)| {
                let (bytes, sessions) = (whole(bytes.value), whole(sessions.value));
                format!("{bytes} ({sessions} sessions, {} % CPU)", short(cpu.value))
            }),
    };
    let cpu = median("server_cpu_us_each").filter(|_| !matches!(kind, Kind::Tail(_)));
    match (main, cpu) {
        (Some(main), Some(cpu)) => format!("{main} ({} µs)", short(cpu.value)),
        (Some(main), None) => main,
        (None, _) => "-".to_owned(),
    }
}

fn ratios(results: &Results, out: &mut String) {
    out.push_str("### CPU against the yardstick\n\n");
    out.push_str("Machines differ and drift; the ratio of two servers in one run does not. The server's CPU for each, over that of the minimal server on Node's `ws`.\n\n");
    out.push_str("| | goal | Stompline, library | Stompline, `serve` | RabbitMQ web-stomp |\n|---|---|---|---|---|\n");
    for (label, goal) in RATIOS {
        add(out, format_args!("| {label} | {goal} × |"));
        for server in ["broker", "serve", "rabbitmq"] {
            let text = ratio(results, server, label)
                .map_or("-".to_owned(), |ratio| format!("{} ×", short(ratio)));
            add(out, format_args!(" {text} |"));
        }
        out.push('\n');
    }
    out.push('\n');
}

/// CPU for a message through a handler and a user's queue, over that of Node's `ws` for one to a topic.
pub(super) fn direct_ratio(results: &Results) -> Option<f64> {
    let cpu = |server, label| results.median(server, label, "server_cpu_us_each");
    Some(cpu("direct", "direct")?.value / cpu("node", "p2p")?.value)
}

fn ratio(results: &Results, server: &str, label: &str) -> Option<f64> {
    let cpu = |server| results.median(server, label, "server_cpu_us_each");
    Some(cpu(server)?.value / cpu("node")?.value)
}

fn transports(results: &Results, out: &mut String) {
    out.push_str("### Transports\n\n100 rooms of 4, 4,000 deliveries a second in all, on the library. XHR needs a request for each batch that is sent, and polling one for each that comes.\n\n");
    out.push_str("| | p50 / p99 ms, CPU |\n|---|---|\n");
    for transport in Transport::ALL {
        let name = transport.name();
        let cell = cell(
            results,
            "broker",
            &format!("over {name}"),
            Kind::Latency("delivery"),
        );
        add(out, format_args!("| {name} | {cell} |\n"));
    }
    out.push('\n');
}

fn slow(results: &Results, picture: &str, out: &mut String) {
    out.push_str("### Readers that stop\n\n100 subscribers, 100 messages of 8 KiB a second; five of them subscribe and then read nothing, or read only every 1.25 s, when 1 MB waits for each. What the other ninety-five feel:\n\n");
    out.push_str("| | p99 without, ms | p99 with five that wake to 1 MB | p99 with five stalled, ms | those five | server's memory at most, MB |\n|---|---|---|---|---|---|\n");
    for (server, head) in SERVERS {
        let p99 = |label| results.median(server, label, "delivery_p99_ms");
        let Some((without, with)) = p99(WITHOUT).zip(p99(WITH)) else {
            continue;
        };
        let count = |name| {
            results
                .median(server, WITH, name)
                .map_or(0.0, |median| median.value)
        };
        let reason = results
            .find(server, WITH, "stalled_reason")
            .and_then(|reason| reason.as_str());
        let fate = match (count("stalled_closed"), reason) {
            (closed, Some(reason)) if closed > 0.0 => {
                let reason = reason.trim_start_matches("closed by the server: ");
                format!("{closed} closed ({reason})")
            }
            _ => "kept, with all that waits for them".to_owned(),
        };
        let memory = short(count("server_resident_bytes_max") / 1e6);
        let dozing = p99(DOZING).map_or("-".to_owned(), |p99| short(p99.value));
        let (without, with) = (short(without.value), short(with.value));
        add(
            out,
            format_args!("| {head} | {without} | {dozing} | {with} | {fate} | {memory} |\n"),
        );
    }
    add(
        out,
        format_args!("\n![Latency of the readers that read, over time]({picture})\n\n"),
    );
}

pub(super) const WITHOUT: &str = "slow, none stalled";
pub(super) const DOZING: &str = "slow, five dozing";
pub(super) const WITH: &str = "slow, five stalled";

pub(super) fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes all text");
}

/// Half of the spread, if there was more than one round.
fn half(median: Median) -> String {
    if median.spread == 0.0 {
        return String::new();
    }
    format!(" ± {:.0} %", median.spread * 50.0)
}

fn thousands(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.0} k", value / 1000.0)
    } else {
        whole(value)
    }
}

/// A whole number with commas.
pub(super) fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Two digits that say something, or all of a large number.
pub(super) fn short(value: f64) -> String {
    match value {
        value if value >= 1000.0 => whole(value),
        value if value >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        for (value, text) in [
            (1_234_567.0, "1,234,567"),
            (250.4, "250"),
            (2.0, "2"),
            (12.34, "12.3"),
            (0.5, "0.50"),
            (0.0123, "0.012"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(thousands(584_173.0), "584 k");
    }

    #[test]
    fn busy_machine_is_told() {
        for (waited, told) in [(1, false), (40, true)] {
            let run = r#"{"server":"node","label":"flat","report":{"tool_waited_percent":"#;
            let text = format!("{{\"meta\":{{}}}}\n{run}{waited}}}}}");
            let page = measured(&Results::parse(&text).unwrap(), "picture.svg");
            assert_eq!(page.contains("was not quiet"), told, "{page}");
        }
    }

    #[test]
    fn cells_show_rate_cpu_and_faults() {
        let text = r#"{"meta":{"commit":"abc"}}
{"server":"broker","label":"flat","report":{"deliveries_per_s":300000,"server_cpu_us_each":3.1,"faults":[]}}
{"server":"node","label":"flat","report":{"deliveries_per_s":100000,"server_cpu_us_each":10,"faults":[]}}
{"server":"rabbitmq","label":"flat","report":{"faults":["7 lost"]}}"#;
        let results = Results::parse(text).unwrap();
        let page = measured(&results, "picture.svg");
        assert!(
            page.contains("| 300 k (3.10 µs) | - | 100 k (10 µs) | no result: 7 lost |"),
            "{page}"
        );
        assert!(
            page.contains("| flat | 0.37 × | 0.31 × | - | - |"),
            "{page}"
        );
    }
}
