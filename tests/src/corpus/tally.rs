//! The table at the end of a run.

use std::collections::BTreeMap;

use super::report::{Reached, Report};

/// How many reasons are listed.
const REASONS: usize = 40;

/// Counts over the reports.
#[derive(Debug, Default)]
pub(super) struct Tally {
    reached: BTreeMap<Reached, usize>,
    /// The number of applications of each reason, and the first of them.
    reasons: BTreeMap<String, (usize, String)>,
    statuses: BTreeMap<String, usize>,
    wild: usize,
}

impl Tally {
    pub(super) fn add(&mut self, report: &Report) {
        *self.reached.entry(report.reached).or_default() += 1;
        self.wild += usize::from(report.settings.iter().any(|setting| setting.contains("wild_rights")));
        for reason in report.refusal.iter().flat_map(|refusal| reasons(refusal)) {
            self.reasons.entry(reason).or_insert_with(|| (0, report.name.clone())).0 += 1;
        }
        let requests = report.requests.iter().map(|request| status("HTTP", request.status));
        let failed = |failed: bool| if failed { "a function that failed" } else { "a function" };
        let invocations = &report.invocations;
        let invocations = invocations.iter().map(|call| status(failed(call.error.is_some()), call.status));
        for status in requests.chain(invocations) {
            *self.statuses.entry(status).or_default() += 1;
        }
    }

    pub(super) fn print(&self) {
        let all: usize = self.reached.values().sum();
        println!("\n{all} applications; the last step that each reached:");
        for (reached, count) in &self.reached {
            println!("{count:6}  {reached:?}");
        }
        println!("{:6}  of them needed wild_rights=yes", self.wild);
        println!("\nanswers of the last stage:");
        for (status, count) in &self.statuses {
            println!("{count:6}  {status}");
        }
        println!("\nreasons (applications, reason, the first of them):");
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        for (reason, (count, first)) in reasons.into_iter().take(REASONS) {
            println!("{count:6}  {reason}  [{first}]");
        }
    }
}

fn status(what: &str, status: Option<u16>) -> String {
    status.map_or_else(|| format!("{what}: no answer"), |status| format!("{what}: {status}"))
}

/// The different reasons of a refusal, without what names one application: its errors in a list, or its first line.
fn reasons(refusal: &str) -> Vec<String> {
    let listed = refusal.lines().filter_map(|line| line.trim_start().strip_prefix("• "));
    let mut found: Vec<String> = listed.map(general).collect();
    if found.is_empty() {
        // The first line of a message has the command's result; a build's log has the packager's problem after a headline.
        let ignored = ["❌", "[Container]", "sluice-package:"];
        let is_told =
            |line: &&str| !line.trim().is_empty() && !ignored.iter().any(|start| line.starts_with(start));
        let lines = refusal.lines().filter(is_told);
        found.extend(lines.take(1).map(general));
    }
    found.sort();
    found.dedup();
    found
}

/// A line without its place, its quoted names and its numbers.
fn general(line: &str) -> String {
    let (_, line) =
        line.split_once("line ").and_then(|(_, rest)| rest.split_once(": ")).unwrap_or(("", line));
    // The packager's: template.yaml:12: Hello: …
    let line = match line.trim_start().strip_prefix("template.yaml:") {
        Some(rest) => rest.splitn(3, ": ").last().unwrap_or_default(),
        None => line,
    };
    let parts = line.split('`').enumerate().map(|(n, part)| if n % 2 == 0 { part } else { "…" });
    let text: String =
        parts.collect::<String>().chars().map(|c| if c.is_ascii_digit() { 'N' } else { c }).collect();
    text.chars().take(140).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_two_applications_are_the_same_without_their_names() {
        let refusal = |id: &str, line: u8| {
            format!(
                "Sluice cannot deploy this template:\n• `{id}`, template.yaml line {line}: `{id}` is not supported\n"
            )
        };
        assert_eq!(reasons(&refusal("Table", 7)), ["… is not supported"]);
        assert_eq!(reasons(&refusal("Table", 7)), reasons(&refusal("Queue", 31)));
        let log = "[Container] Entering phase BUILD\nsluice-package: 1 problem\n  template.yaml:12: Hello: no handler\n";
        assert_eq!(reasons(log), ["no handler"]);
        assert_eq!(reasons("❌ Deploy of a failed\nNo role of 7\nmore"), ["No role of N"]);
    }
}
