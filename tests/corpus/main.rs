//! How many public serverless applications Sluice deploys: each one is built, deployed, promoted, and called in a sandbox. See
//! `sluice_e2e::corpus`; `collect.py` beside this file makes the folder.
//!
//! ```text
//! python3 tests/corpus/collect.py /tmp/corpus --starters GIT_DIR --patterns GIT_DIR
//! cargo run -p sluice-e2e --bin corpus -- /tmp/corpus --jobs 2
//! ```
//!
//! It prints a line of JSON for each application, and at the end how far they came and why others were refused. The exit status
//! is 0 however many were refused, and 2 for wrong arguments.
#![allow(clippy::print_stderr, reason = "a program: it prints what is wrong with its arguments")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use sluice_e2e::corpus::{Plan, run};

const USAGE: &str = "corpus DIR [--only NAME] [--jobs N] [--stages dev,staging] [--seconds N] [--params FILE] \
                     [--buildspec FILE]";

/// The plan of these arguments.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let folder = PathBuf::from(arguments.next().ok_or("it needs a folder of applications")?);
    let mut plan = Plan::of(folder);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("`{name}` needs a value"))?;
        let number = || value.parse::<u32>().map_err(|_| format!("`{name} {value}` is not a number"));
        let text = || std::fs::read_to_string(&value).map_err(|error| format!("{value}: {error}"));
        match name.as_str() {
            "--only" => plan.only = Some(value),
            "--jobs" => plan.jobs = number()?.clamp(1, 8) as usize,
            "--stages" => plan.stages = value.split(',').map(str::to_owned).collect(),
            "--seconds" => plan.deadline = Duration::from_secs(number()?.into()),
            "--params" => plan.parameters = parameters(&text()?)?,
            "--buildspec" => plan.buildspec = Some(text()?),
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    match plan.stages.first() {
        Some(first) if first == "dev" => Ok(plan),
        _ => Err("the first stage is always `dev`".to_owned()),
    }
}

/// `Name=value` in each line.
fn parameters(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| match line.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(format!("`{line}` is not NAME=VALUE")),
    };
    lines.map(pair).collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match parse(std::env::args().skip(1)) {
        Ok(plan) => run(plan).await,
        Err(wrong) => Err(format!("{wrong}\nusage: {USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("corpus: {wrong}");
            ExitCode::from(2)
        }
    }
}
