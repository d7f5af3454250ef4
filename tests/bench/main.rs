//! The benchmark of `docs/performance.md`: the cost of each command in time, calls and write units.
//!
//! It starts a world and a bot of its own, runs a scenario over the wire, and prints Markdown. It fails if a counted limit is
//! exceeded (calls in a row, write units, rows in the table). Durations are printed and never judged: they depend on the
//! machine.
//!
//! ```text
//! cargo run -p sluice-e2e --bin bench            everything
//! cargo run -p sluice-e2e --bin bench -- ack     acknowledgement under load
//! cargo run -p sluice-e2e --bin bench -- calls   chains of calls, write units, seconds
//! cargo run -p sluice-e2e --bin bench -- moves   fifty functions, promoted and rolled back under requests
//! cargo run -p sluice-e2e --bin bench -- compare a deploy, beside `sam deploy`, `sam sync` and `aws`; not part of everything
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a load generator: it spawns its requests, real time is what it measures, and an error ends it"
)]

mod ack;
mod calls;
mod chain;
mod compare;
mod load;
mod machine;
mod moves;
mod report;
mod scenario;

use std::process::ExitCode;

use report::Report;
use sluice_e2e::{Bot, Options, World};

#[tokio::main]
async fn main() -> ExitCode {
    let mut report = Report::default();
    let what = std::env::args().nth(1).unwrap_or_else(|| "all".into());
    if !["all", "ack", "calls", "moves", "compare"].contains(&what.as_str()) {
        report.line(&format!(
            "bench: unknown argument `{what}`; there are `ack`, `calls`, `moves` and `compare`, or none for the first three"
        ));
        return ExitCode::from(2);
    }
    machine::describe(&report);
    let is_asked_for = |part: &str| ["all", part].contains(&what.as_str());
    if is_asked_for("calls") {
        scenario::measure(&world(Some("all")).await, &mut report).await;
    }
    if is_asked_for("moves") {
        moves::measure(&world(None).await, &mut report).await;
    }
    if what == "compare" {
        compare::measure(&world(Some("rates")).await, &world(None).await, &mut report).await;
    }
    if is_asked_for("ack") {
        ack::measure(&world(Some("all")).await, &mut report).await;
    }
    if report.is_within_limits() {
        return ExitCode::SUCCESS;
    }
    report.print_exceeded();
    ExitCode::FAILURE
}

/// A world with its table and without a bot, whose AWS does not enforce the rules in `lenient`.
async fn world(lenient: Option<&'static str>) -> World {
    let world = World::start(Options { no_bot: true, lenient, ..Options::default() }).await;
    Bot::init(&world);
    world
}
