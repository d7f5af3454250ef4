//! The machine, and the memory of a process.

use sluice_e2e::Bot;

use crate::report::Report;

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The value of a line `NAME: value`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// Prints what the figures depend on.
pub(crate) fn describe(report: &Report) {
    let processor = read("/proc/cpuinfo");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    report.line(&format!(
        "- machine: {}, {cores} cores, load {} before the start",
        value(&processor, "model name").unwrap_or("unknown processor"),
        read("/proc/loadavg").split(' ').take(1).collect::<String>()
    ));
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    report.line(&format!("- bot: `{profile}` profile, driven over loopback; AWS and Slack are the sandbox"));
}

/// The bot's resident memory in MB; 0 on a system without `/proc`.
pub(crate) fn resident_mb(bot: &Bot) -> f64 {
    let status = read(&format!("/proc/{}/status", bot.id()));
    let kilobytes = value(&status, "VmRSS").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
