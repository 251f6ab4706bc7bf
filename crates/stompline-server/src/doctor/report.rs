//! What is told: one line for each step.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Warning,
    Failed,
    /// Not done, because something it needs is missing.
    Skipped,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(seen: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, seen, None)
    }

    pub(super) fn warning(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, seen, Some(advice.into()))
    }

    pub(super) fn failed(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, seen, Some(advice.into()))
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Self::new(Verdict::Skipped, why, None)
    }

    fn new(verdict: Verdict, seen: impl Into<String>, advice: Option<String>) -> Self {
        Self {
            verdict,
            seen: seen.into(),
            advice,
        }
    }

    /// Whether what builds on this step makes sense.
    pub(super) fn is_usable(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Warning)
    }
}

/// Prints findings as they come and counts them.
#[derive(Debug)]
pub(super) struct Report<W> {
    out: W,
    json: bool,
    /// Texts that are never printed, whoever says them.
    secrets: Vec<crate::secret::Secret>,
    counts: [u32; 4],
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W, json: bool) -> Self {
        Self {
            out,
            json,
            secrets: Vec::new(),
            counts: [0; 4],
        }
    }

    /// Never prints `token`, nor its signature.
    pub(super) fn hide(&mut self, token: &str) {
        let signature = token.rsplit('.').next().filter(|part| part.len() >= 16);
        let texts = [Some(token), signature];
        let texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
        self.secrets.extend(texts.map(crate::secret::Secret::new));
    }

    /// Tells what a step found. `path` is the endpoint, for steps that concern one.
    pub(super) fn step(&mut self, name: &str, path: Option<&str>, finding: &Finding) {
        self.counts[finding.verdict as usize] += 1;
        let seen = self.clean(&finding.seen);
        let advice = finding.advice.as_deref().map(|text| self.clean(text));
        let path = path.map(|path| self.clean(path));
        let verdict = finding.verdict.word();
        let line = if self.json {
            json!({ "step": name, "endpoint": path, "status": verdict, "seen": seen, "advice": advice })
                .to_string()
        } else {
            let place = path.map(|path| format!("{path}: ")).unwrap_or_default();
            let advice = advice.map(|text| format!(" -> {text}")).unwrap_or_default();
            format!("{verdict:<8} {name:<16} {place}{seen}{advice}")
        };
        self.print(&line);
    }

    /// Sums up, and says how the program ends.
    pub(super) fn finish(mut self) -> ExitCode {
        let [ok, warning, failed, skipped] = self.counts;
        if !self.json {
            self.print(&format!(
                "{ok} ok, {warning} warnings, {failed} failed, {skipped} skipped"
            ));
        }
        ExitCode::from(u8::from(failed > 0))
    }

    /// A reader that has seen enough (`| head`) changes nothing about the findings.
    fn print(&mut self, line: &str) {
        let _: io::Result<()> = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }

    /// Without secrets, and without characters that would do something to a terminal.
    fn clean(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose(), "***")
        });
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: bool, finding: &Finding) -> String {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, json);
        report.hide("aaaa.bbbb.0123456789abcdef");
        report.step("token", Some("/ws/chat"), finding);
        drop(report);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_step_is_one_line() {
        let finding = Finding::failed("two\nlines \x1b[31m", "do this");
        assert_eq!(
            told(false, &finding),
            "failed   token            /ws/chat: two lines  [31m -> do this\n"
        );
        let line: serde_json::Value = serde_json::from_str(&told(true, &finding)).unwrap();
        let expected = json!({
            "step": "token", "endpoint": "/ws/chat", "status": "failed",
            "seen": "two lines  [31m", "advice": "do this",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn secrets_are_never_printed() {
        for text in ["said aaaa.bbbb.0123456789abcdef", "said 0123456789abcdef"] {
            for json in [false, true] {
                let line = told(json, &Finding::warning(text, text));
                assert!(!line.contains("0123456789abcdef"), "{line}");
                assert!(line.contains("said ***"), "{line}");
            }
        }
    }

    #[test]
    fn only_failures_change_the_exit_code() {
        let rows = [
            (Finding::ok(""), ExitCode::SUCCESS),
            (Finding::warning("", ""), ExitCode::SUCCESS),
            (Finding::skipped(""), ExitCode::SUCCESS),
            (Finding::failed("", ""), ExitCode::from(1)),
        ];
        for (finding, code) in rows {
            let mut report = Report::new(Vec::new(), false);
            report.step("x", None, &finding);
            assert_eq!(format!("{:?}", report.finish()), format!("{code:?}"));
        }
    }
}
