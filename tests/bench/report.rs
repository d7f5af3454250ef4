//! What is printed, and which limits were exceeded.

use std::io::Write;

/// The figures so far.
#[derive(Default)]
pub(crate) struct Report {
    exceeded: Vec<String>,
}

impl Report {
    /// Prints a line at once: a benchmark that says nothing for minutes looks hung.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Holds a figure against a limit of issue 2.
    pub(crate) fn limit(&mut self, what: &str, figure: f64, limit: f64) {
        if figure > limit {
            self.exceeded.push(format!("{what}: {figure}, the limit is {limit}"));
        }
    }

    /// Holds a figure against the only right value.
    pub(crate) fn exactly(&mut self, what: &str, figure: usize, right: usize) {
        if figure != right {
            self.exceeded.push(format!("{what}: {figure}, {right} is right"));
        }
    }

    pub(crate) fn is_within_limits(&self) -> bool {
        self.exceeded.is_empty()
    }

    pub(crate) fn say_what_is_exceeded(&self) {
        self.line("\nNot as it shall be:");
        for what in &self.exceeded {
            self.line(&format!("- {what}"));
        }
    }
}
