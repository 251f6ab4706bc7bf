//! A picture of tails, that fits light and dark pages.

use std::fmt::Write;

use super::result::Results;
use super::table::{DOZING, WITH, WITHOUT};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;

/// Servers with their words and the class of their lines.
const LINES: [(&str, &str, &str); 3] = [
    ("broker", "Stompline", "a"),
    ("node", "Node ws", "b"),
    ("rabbitmq", "RabbitMQ", "c"),
];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}\
.grid{stroke:#d0d7de}.line{fill:none;stroke-width:1.8}.thin{stroke-dasharray:6 4;stroke-width:1.2}.dots{stroke-dasharray:1 3}\
.a{stroke:#0969da}.b{stroke:#bc4c00}.c{stroke:#8250df}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#30363d}\
.a{stroke:#58a6ff}.b{stroke:#f0883e}.c{stroke:#bc8cff}}";

/// Time and 99th percentile of one line.
type Points = Vec<(f64, f64)>;

/// The 99th percentile of the readers that read, over time, with and without readers that stop.
pub(super) fn slow(results: &Results) -> String {
    let lines: Vec<_> = LINES
        .into_iter()
        .flat_map(|(server, name, class)| {
            [(WITH, ""), (DOZING, " dots"), (WITHOUT, " thin")].map(|(label, thin)| {
                let points = points(results, server, label);
                (name, format!("{class}{thin}"), points)
            })
        })
        .filter(|(_, _, points)| !points.is_empty())
        .collect();
    let all = || lines.iter().flat_map(|(_, _, points)| points);
    let end = all().map(|(at, _)| *at).fold(1.0, f64::max);
    let (low, high) = decades(all().map(|(_, ms)| *ms));

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>p99 latency over time, with and without readers that stop</title><style>{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"20\">p99 of the readers that read, ms: five stalled (solid), five that wake to 1 MB (dotted), none (dashed)</text>\n"
    );
    let y = |ms: f64| {
        let share = (ms.max(1e-3).log10() - low) / (high - low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    };
    let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - RIGHT);
    grid(&mut out, (low, high), end, (&x, &y));
    let mut legend = TOP + 10.0;
    for (name, class, points) in &lines {
        let path: Vec<_> = points
            .iter()
            .map(|(at, ms)| format!("{:.1},{:.1}", x(*at), y(*ms)))
            .collect();
        line(
            &mut out,
            &format!(
                "<polyline class=\"line {class}\" points=\"{}\"/>",
                path.join(" ")
            ),
        );
        if !class.contains(' ') {
            let (from, to, text) = (
                WIDTH - RIGHT + 12.0,
                WIDTH - RIGHT + 36.0,
                WIDTH - RIGHT + 44.0,
            );
            line(
                &mut out,
                &format!(
                    "<line class=\"line {class}\" x1=\"{from}\" x2=\"{to}\" y1=\"{legend}\" y2=\"{legend}\"/><text x=\"{text}\" y=\"{}\">{name}</text>",
                    legend + 4.0
                ),
            );
            legend += 20.0;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// A line for each power of ten, and seconds below.
fn grid(
    out: &mut String,
    (low, high): (f64, f64),
    end: f64,
    (x, y): (&dyn Fn(f64) -> f64, &dyn Fn(f64) -> f64),
) {
    let mut power = low;
    while power <= high {
        let ms = 10_f64.powf(power);
        let at = y(ms);
        line(
            out,
            &format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{ms}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0
            ),
        );
        power += 1.0;
    }
    let mut second = 0.0;
    while second <= end {
        line(
            out,
            &format!(
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{second} s</text>",
                x(second),
                HEIGHT - BOTTOM + 18.0
            ),
        );
        second += 1.0;
    }
}

/// The powers of ten around all values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for value in values {
        let power = value.max(1e-3).log10();
        low = low.min(power.floor());
        high = high.max(power.ceil());
    }
    (low, high)
}

fn points(results: &Results, server: &str, label: &str) -> Points {
    let series = results.find(server, label, "series_s_p50_p99_max_ms");
    let series = series.and_then(|series| series.as_array());
    series
        .into_iter()
        .flatten()
        .filter_map(|point| Some((point[0].as_f64()?, point[2].as_f64()?)))
        .collect()
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_a_line_with_and_one_without() {
        let text = r#"{"meta":{}}
{"server":"broker","label":"slow, none stalled","report":{"series_s_p50_p99_max_ms":[[0.1,1,2,3],[0.2,1,20,30]],"faults":[]}}
{"server":"broker","label":"slow, five stalled","report":{"series_s_p50_p99_max_ms":[[0.1,1,2,3]],"faults":[]}}"#;
        let picture = slow(&Results::parse(text).unwrap());
        assert_eq!(picture.matches("<polyline").count(), 2);
        assert!(picture.contains(">Stompline<"), "{picture}");
        assert!(picture.contains("prefers-color-scheme:dark"));
        assert!(
            picture.contains(">100<"),
            "the axis ends at the next power of ten"
        );
    }

    #[test]
    fn no_results_give_an_empty_picture() {
        let picture = slow(&Results::parse(r#"{"meta":{}}"#).unwrap());
        assert!(!picture.contains("<polyline"));
    }
}
