//! The printed figures, and which limits they exceed.

use std::io::Write;

/// The exceeded limits so far.
#[derive(Default)]
pub(crate) struct Report {
    exceeded: Vec<String>,
}

impl Report {
    /// Prints a line at once: a benchmark without output for minutes looks hung.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Compares a figure with a limit.
    pub(crate) fn limit(&mut self, what: &str, figure: f64, limit: f64) {
        if figure > limit {
            self.exceeded.push(format!("{what}: {figure}, the limit is {limit}"));
        }
    }

    /// Compares a figure with the only right value.
    pub(crate) fn exactly(&mut self, what: &str, figure: usize, right: usize) {
        if figure != right {
            self.exceeded.push(format!("{what}: {figure}, {right} is right"));
        }
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.exceeded.is_empty()
    }

    pub(crate) fn print_exceeded(&self) {
        self.line("\nExceeded limits:");
        for what in &self.exceeded {
            self.line(&format!("- {what}"));
        }
    }
}
