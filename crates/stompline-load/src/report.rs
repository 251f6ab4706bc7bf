//! What a run found, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Map, Value};

/// Percentiles of every latency, with the names they go by.
const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p999", 99.9)];

/// Latencies of what was sent in one part of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The end of the part, from the start of the measurement.
    pub at_s: f64,
    /// The median.
    pub p50_ms: f64,
    /// 99 of 100 were not longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Point {
    /// What a histogram of microseconds says of the part that ends at `at`.
    pub fn new(at: Duration, histogram: &Histogram<u64>) -> Self {
        Self {
            at_s: at.as_secs_f64(),
            p50_ms: milliseconds(histogram.value_at_percentile(50.0)),
            p99_ms: milliseconds(histogram.value_at_percentile(99.0)),
            max_ms: milliseconds(histogram.max()),
        }
    }

    fn to_json(self) -> Value {
        [self.at_s, self.p50_ms, self.p99_ms, self.max_ms]
            .map(json_number)
            .to_vec()
            .into()
    }
}

/// Numbers of one run, and what went wrong in it. A run with faults has no result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    scenario: &'static str,
    numbers: Vec<(String, f64)>,
    texts: Vec<(String, String)>,
    series: Vec<Point>,
    faults: Vec<String>,
}

impl Report {
    /// An empty report of this scenario.
    pub fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            ..Self::default()
        }
    }

    /// Adds a number; its name ends with its unit.
    pub fn number(&mut self, name: impl Into<String>, value: f64) {
        self.numbers.push((name.into(), value));
    }

    /// Adds a count.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts and bytes of a run are far below 2^53"
    )]
    pub fn count(&mut self, name: impl Into<String>, value: u64) {
        self.number(name, value as f64);
    }

    /// Adds percentiles and the greatest value of latencies that are given in microseconds, in
    /// milliseconds; nothing if there are none.
    pub fn latency(&mut self, name: &str, histogram: &Histogram<u64>) {
        if histogram.is_empty() {
            return;
        }
        for (label, percentile) in PERCENTILES {
            let us = histogram.value_at_percentile(percentile);
            self.number(format!("{name}_{label}_ms"), milliseconds(us));
        }
        self.number(format!("{name}_max_ms"), milliseconds(histogram.max()));
    }

    /// Adds words.
    pub fn text(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.texts.push((name.into(), value.into()));
    }

    /// Sets the latencies over time.
    pub fn series(&mut self, points: Vec<Point>) {
        self.series = points;
    }

    /// Adds what went wrong.
    pub fn faults(&mut self, faults: impl IntoIterator<Item = String>) {
        self.faults.extend(faults);
    }

    /// Whether the numbers mean something.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// The number with this name.
    pub fn find(&self, name: &str) -> Option<f64> {
        let (_, value) = self.numbers.iter().find(|(own, _)| own == name)?;
        Some(*value)
    }

    /// One line of JSON: the scenario, each number under its name, and the faults.
    pub fn to_json(&self) -> String {
        let mut fields = Map::new();
        fields.insert("scenario".to_owned(), self.scenario.into());
        for (name, value) in &self.numbers {
            fields.insert(name.clone(), json_number(*value));
        }
        for (name, value) in &self.texts {
            fields.insert(name.clone(), value.clone().into());
        }
        if !self.series.is_empty() {
            let points: Vec<_> = self.series.iter().map(|point| point.to_json()).collect();
            fields.insert("series_s_p50_p99_max_ms".to_owned(), points.into());
        }
        fields.insert("faults".to_owned(), self.faults.clone().into());
        Value::Object(fields).to_string()
    }

    /// A table, with the faults below it.
    pub fn to_table(&self) -> String {
        let width = self.numbers.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or(0);
        let mut table = format!("{}\n", self.scenario);
        let mut line = |text: String| {
            writeln!(table, "  {text}").expect("a string takes all text");
        };
        for (name, value) in &self.numbers {
            line(format!("{name:width$}  {:>14}", grouped(*value)));
        }
        for (name, value) in &self.texts {
            line(format!("{name}: {value}"));
        }
        for fault in &self.faults {
            line(format!("FAULT: {fault}"));
        }
        table
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a histogram's values end at a minute"
)]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// Whole numbers without a fraction, others with three digits of it.
fn json_number(value: f64) -> Value {
    let text = plain(value);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// The number with blanks between groups of three digits.
fn grouped(value: f64) -> String {
    let text = plain(value);
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::with_capacity(text.len() * 2);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && !out.ends_with('-') {
            out.push(' ');
        }
        out.push(digit);
    }
    out + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_numbers_and_faults() {
        let mut report = Report::new("flat");
        report.count("messages", 100_000);
        report.number("elapsed_s", 0.25);
        report.faults(["1 lost".to_owned()]);
        let expected =
            r#"{"elapsed_s":0.25,"faults":["1 lost"],"messages":100000,"scenario":"flat"}"#;
        assert_eq!(report.to_json(), expected);
        assert!(!report.is_valid());
    }

    #[test]
    fn table_groups_digits() {
        let mut report = Report::new("flat");
        report.count("messages_per_s", 1_234_567);
        report.number("p99_ms", 0.5);
        let expected = "flat\n  messages_per_s       1 234 567\n  p99_ms                   0.500\n";
        assert_eq!(report.to_table(), expected);
    }

    #[test]
    fn latency_is_told_in_milliseconds() {
        let mut histogram = crate::receipt::latencies();
        histogram.record(2000).unwrap();
        let mut report = Report::new("chat");
        report.latency("receipt", &histogram);
        let p99 = report.find("receipt_p99_ms").unwrap();
        assert!((2.0..2.01).contains(&p99), "{p99}");
    }
}
