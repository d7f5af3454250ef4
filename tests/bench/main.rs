//! The benchmark behind `docs/performance.md`: what a command costs in time, in calls and in write units.
//!
//! It starts a world and a bot of its own, plays the story over the wire, and prints what it saw as Markdown. It fails
//! when a limit that counts something (calls in a row, write units, rows in the table) is exceeded. Durations are
//! printed and never judged: they depend on the machine.
//!
//! ```text
//! cargo run -p sluice-e2e --bin bench            everything
//! cargo run -p sluice-e2e --bin bench -- ack     acknowledgement under load
//! cargo run -p sluice-e2e --bin bench -- calls   chains of calls, write units, seconds
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "a load generator: it spawns its requests, and real time is what it measures"
)]

mod ack;
mod calls;
mod chain;
mod load;
mod machine;
mod report;
mod repository;
mod story;
mod table;
mod world;

use std::process::ExitCode;

use report::Report;

/// What goes wrong here ends the benchmark: its text is all that is wanted of it.
type Error = Box<dyn std::error::Error + Send + Sync>;
/// See [`Error`].
type Result<T> = std::result::Result<T, Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let mut report = Report::default();
    match run(&mut report).await {
        Ok(()) if report.is_within_limits() => ExitCode::SUCCESS,
        Ok(()) => {
            report.say_what_is_exceeded();
            ExitCode::FAILURE
        }
        Err(error) => {
            report.line(&format!("\nbench: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(report: &mut Report) -> Result<()> {
    let what = std::env::args().nth(1).unwrap_or_else(|| "all".into());
    if !["all", "ack", "calls"].contains(&what.as_str()) {
        return Err(format!("`{what}` is not known: `ack`, `calls`, or nothing for both").into());
    }
    let programs = world::build()?;
    machine::describe(report);
    if what != "ack" {
        story::measure(&programs, report).await?;
    }
    if what != "calls" {
        ack::measure(&programs, report).await?;
    }
    Ok(())
}
