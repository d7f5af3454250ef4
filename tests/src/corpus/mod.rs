//! How many public serverless applications Sluice deploys. Each folder becomes the repository of a pipeline of its own in a
//! sandbox; it is built, deployed to `dev`, promoted through the other stages, and called. The program is `corpus`.
//!
//! An application that fails, hangs, or makes the harness panic ends for itself alone, within the plan's deadline.
#![allow(clippy::print_stdout, reason = "it prints its result")]

mod delivery;
mod exercise;
mod report;
mod settings;
mod tally;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout};

use crate::{Options, World};
use delivery::Delivery;
use report::Report;
use tally::Tally;

/// The applications that share a world. Functions and APIs of all of them run in it, so it must not grow for ever.
const PER_WORLD: usize = 25;

/// The parameters of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A folder for each application, with `template.yaml`, `.yml` or `.json`.
    pub folder: PathBuf,
    /// Only applications whose name contains this.
    pub only: Option<String>,
    /// How many are delivered at once. The sandbox runs two builds at once.
    pub jobs: usize,
    /// The stages in their order; the first is `dev`.
    pub stages: Vec<String>,
    /// The time for each application.
    pub deadline: Duration,
    /// Values for parameters of templates without a default, by name.
    pub parameters: Vec<(String, String)>,
    /// For applications without a buildspec of their own; the scaffold's, without its tests, if there is none.
    pub buildspec: Option<String>,
}

impl Plan {
    /// All applications of a folder, with the usual settings.
    pub fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            only: None,
            jobs: 2,
            stages: ["dev", "staging"].map(str::to_owned).to_vec(),
            deadline: Duration::from_secs(180),
            parameters: vec![],
            buildspec: None,
        }
    }
}

/// An application.
#[derive(Debug, Clone)]
struct Application {
    name: String,
    folder: PathBuf,
    /// Its pipeline.
    pipeline: String,
}

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

/// The applications of the plan's folder, sorted by name.
fn applications(plan: &Plan) -> Result<Vec<Application>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", plan.folder.display());
    let entries = std::fs::read_dir(&plan.folder).map_err(wrong)?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    folders.sort();
    let mut found = vec![];
    for folder in folders.into_iter().filter(|folder| has_template(folder)) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if plan.only.as_ref().is_none_or(|only| name.contains(only)) {
            let pipeline = pipeline_of(&name, found.len());
            found.push(Application { name, folder, pipeline });
        }
    }
    if found.is_empty() { Err(format!("{} has no applications", plan.folder.display())) } else { Ok(found) }
}

fn has_template(folder: &Path) -> bool {
    ["yaml", "yml", "json"].iter().any(|ending| folder.join(format!("template.{ending}")).is_file())
}

/// A valid name for a pipeline, as short as people's own: resources have it in their names.
fn pipeline_of(name: &str, number: usize) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let short: String = letters.take(12).collect();
    format!("{}-{number}", short.trim_matches('-'))
}
