//! How many public serverless applications Sluice deploys. Each folder becomes the repository of a pipeline of its own in a
//! sandbox; it is built, deployed to `dev`, promoted through the other stages, and called. The program is `corpus`.
//!
//! An application that fails, hangs, or makes the harness panic ends for itself alone, within the plan's deadline.
#![allow(clippy::print_stdout, reason = "it prints its result")]

mod delivery;
mod exercise;
mod plan;
mod report;
mod settings;
mod tally;

use std::panic::AssertUnwindSafe;

use futures::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout};

use crate::{Options, World};
use delivery::Delivery;
pub use plan::Plan;
use plan::{Application, applications};
use report::Report;
use tally::Tally;

/// The applications that share a world. Functions and APIs of all of them run in it, so it must not grow for ever.
const PER_WORLD: usize = 25;

/// Delivers all applications and prints what became of them. The error is about the folder.
pub async fn run(plan: Plan) -> Result<(), String> {
    let applications = applications(&plan)?;
    println!("{} applications", applications.len());
    let mut tally = Tally::default();
    for some in applications.chunks(PER_WORLD) {
        let world = World::start(Options { unrecorded: true, ..Options::default() }).await;
        let reports = stream::iter(some).map(|application| deliver(&world, &plan, application));
        let mut reports = std::pin::pin!(reports.buffer_unordered(plan.jobs));
        while let Some(report) = reports.next().await {
            println!("{}", serde_json::to_string(&report).expect("a report is JSON"));
            tally.add(&report);
        }
    }
    tally.print();
    Ok(())
}

/// Delivers one application within the deadline.
async fn deliver(world: &World, plan: &Plan, application: &Application) -> Report {
    let began = Instant::now();
    let mut report = Report::new(&application.name, &application.pipeline);
    let delivery = Delivery::new(world, plan, application, &mut report).run();
    let ended = timeout(plan.deadline, AssertUnwindSafe(delivery).catch_unwind()).await;
    let refusal = match ended {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(refusal))) => Some(refusal),
        Ok(Err(panic)) => Some(format!("the harness failed: {}", text_of(panic.as_ref()))),
        Err(_) => Some(format!("not within {} s: {}", plan.deadline.as_secs(), report.doing)),
    };
    report.end(refusal, began.elapsed());
    report
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}
