//! Chaos on the real binary, for minutes: two `sluice serve` on one table, users on several pipelines, faults on the way to AWS
//! and Slack, and `kill -9` of a random replica. See `sluice_e2e::chaos`.
//!
//! ```text
//! cargo run -p sluice-e2e --bin chaos -- --minutes 5 --seed 42
//! ```
//!
//! It prints a table of figures and what is wrong. The exit status is 1 if anything is wrong.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test program: it prints its result, and its time is the real one"
)]

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_e2e::chaos::{Plan, run};

/// The arguments.
struct Arguments {
    minutes: f64,
    seed: u64,
    pipelines: usize,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut parsed = Self { minutes: 2.0, seed: now, pipelines: 10 };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("`{name}` needs a value"))?;
            let wrong = |_| format!("`{name} {value}` is not a number");
            match name.as_str() {
                "--minutes" => parsed.minutes = value.parse().map_err(|_| wrong(()))?,
                "--seed" => parsed.seed = value.parse().map_err(|_| wrong(()))?,
                "--pipelines" => parsed.pipelines = value.parse().map_err(|_| wrong(()))?,
                _ => {
                    return Err(format!("unknown option `{name}`; there are --minutes, --seed, --pipelines"));
                }
            }
        }
        let is_sensible = (0.0..=600.0).contains(&parsed.minutes) && (1..=100).contains(&parsed.pipelines);
        if is_sensible { Ok(parsed) } else { Err("up to 600 minutes, 1 to 100 pipelines".into()) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { minutes, seed, pipelines } = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(wrong) => {
            eprintln!("chaos: {wrong}");
            return ExitCode::from(2);
        }
    };
    println!("{minutes} minutes, seed {seed}, {pipelines} pipelines");
    let verdict = run(Plan { working: Duration::from_secs_f64(minutes * 60.0), seed, pipelines }).await;
    verdict.print();
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
