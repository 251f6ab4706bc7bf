//! What `make bench` found.

use serde_json::Value;

use super::PageError;

/// One run of one scenario against one server.
#[derive(Debug)]
pub(super) struct Run {
    server: String,
    label: String,
    report: Value,
}

/// All runs, and where they were made.
#[derive(Debug)]
pub(super) struct Results {
    meta: Value,
    runs: Vec<Run>,
}

/// The median of some runs, and how far they were apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Median {
    pub value: f64,
    /// Greatest less smallest, as a share of the median.
    pub spread: f64,
}

impl Results {
    /// Reads lines of JSON: the first about the machine, each other one a run.
    pub(super) fn parse(text: &str) -> Result<Self, PageError> {
        let mut meta = Value::Null;
        let mut runs = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let bad = |why: String| PageError::Result { line, why };
            let mut value: Value =
                serde_json::from_str(text).map_err(|why| bad(why.to_string()))?;
            if let Some(found) = value.get_mut("meta") {
                meta = found.take();
                continue;
            }
            let word = |name: &str| {
                let word = value[name].as_str().map(str::to_owned);
                word.ok_or_else(|| bad(format!("`{name}` is missing")))
            };
            let (server, label) = (word("server")?, word("label")?);
            let report = value["report"].take();
            runs.push(Run {
                server,
                label,
                report,
            });
        }
        if meta.is_null() {
            let why = "no line says where this was measured".to_owned();
            return Err(PageError::Result { line: 1, why });
        }
        Ok(Self { meta, runs })
    }

    /// What is known about the place and time, empty if it is not.
    pub(super) fn meta(&self, name: &str) -> String {
        match &self.meta[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// The median of one number over all rounds that have a result.
    pub(super) fn median(&self, server: &str, label: &str, name: &str) -> Option<Median> {
        let mut values: Vec<_> = self
            .valid(server, label)
            .filter_map(|report| report[name].as_f64())
            .collect();
        values.sort_by(f64::total_cmp);
        let (first, last) = (*values.first()?, *values.last()?);
        let value = values[values.len() / 2];
        let spread = if value > 0.0 {
            (last - first) / value
        } else {
            0.0
        };
        Some(Median { value, spread })
    }

    /// Words or a list of one report.
    pub(super) fn find(&self, server: &str, label: &str, name: &str) -> Option<&Value> {
        self.valid(server, label)
            .find_map(|report| report.get(name))
    }

    /// The mean of one number over all runs that have it.
    pub(super) fn mean(&self, name: &str) -> Option<f64> {
        let (sum, count) = self
            .runs
            .iter()
            .filter_map(|run| run.report[name].as_f64())
            .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    /// The first fault, if no run has a result.
    pub(super) fn fault(&self, server: &str, label: &str) -> Option<&str> {
        if self.valid(server, label).next().is_some() {
            return None;
        }
        let run = self.of(server, label).next()?;
        run.report["faults"][0].as_str()
    }

    fn valid(&self, server: &str, label: &str) -> impl Iterator<Item = &Value> {
        self.of(server, label)
            .map(|run| &run.report)
            .filter(|report| report["faults"].as_array().is_none_or(Vec::is_empty))
    }

    fn of(&self, server: &str, label: &str) -> impl Iterator<Item = &Run> {
        self.runs
            .iter()
            .filter(move |run| run.server == server && run.label == label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"meta":{"commit":"abc","cores":2}}
{"server":"broker","label":"flat","report":{"x":3,"faults":[]}}
{"server":"broker","label":"flat","report":{"x":1,"faults":[]}}
{"server":"broker","label":"flat","report":{"x":2,"faults":[]}}
{"server":"broker","label":"flat","report":{"x":9,"faults":["1 lost"]}}
{"server":"node","label":"flat","report":{"faults":["2 lost"]}}"#;

    #[test]
    fn median_and_spread_leave_out_runs_with_faults() {
        let results = Results::parse(TEXT).unwrap();
        let median = results.median("broker", "flat", "x").unwrap();
        assert_eq!((median.value, median.spread), (2.0, 1.0));
        assert_eq!(results.median("node", "flat", "x"), None);
        assert_eq!(results.fault("broker", "flat"), None);
        assert_eq!(results.fault("node", "flat"), Some("2 lost"));
        assert_eq!(results.meta("cores"), "2");
    }

    #[test]
    fn broken_lines_are_named() {
        for text in ["{}\n", "{\"meta\":1}\nx", ""] {
            assert!(Results::parse(text).is_err(), "{text:?}");
        }
    }
}
