//! Chaos on the real binary: two `sluice serve` on one table, people on ten pipelines, faults on the way to AWS and Slack,
//! `kill -9` of a replica at random; and then the question whether everything that was accepted came to one true end.
//!
//! ```text
//! cargo run -p sluice-e2e --bin chaos -- --minutes 5 --seed 42
//! ```
//!
//! One table is printed, with what is wrong below it; the exit status is 1 if anything is. See `sluice_e2e::chaos`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test program: it prints its result, panics where the harness fails, and its time is the real one"
)]

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_e2e::chaos::{Plan, run};

/// What was asked on the command line.
struct Asked {
    minutes: f64,
    seed: u64,
    pipelines: usize,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut asked = Self { minutes: 2.0, seed: now, pipelines: 10 };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("`{name}` needs a value"))?;
            let wrong = |_| format!("`{name} {value}` is no number");
            match name.as_str() {
                "--minutes" => asked.minutes = value.parse().map_err(|_| wrong(()))?,
                "--seed" => asked.seed = value.parse().map_err(|_| wrong(()))?,
                "--pipelines" => asked.pipelines = value.parse().map_err(|_| wrong(()))?,
                _ => return Err(format!("`{name}` is not known: --minutes, --seed, --pipelines")),
            }
        }
        let sensible = (0.0..=600.0).contains(&asked.minutes) && (1..=100).contains(&asked.pipelines);
        if sensible { Ok(asked) } else { Err("up to 600 minutes, 1 to 100 pipelines".into()) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let asked = match Asked::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(wrong) => {
            eprintln!("chaos: {wrong}");
            return ExitCode::from(2);
        }
    };
    println!("{} minutes, seed {}, {} pipelines", asked.minutes, asked.seed, asked.pipelines);
    let working = Duration::from_secs_f64(asked.minutes * 60.0);
    let verdict = run(Plan { working, seed: asked.seed, pipelines: asked.pipelines }).await;
    verdict.print();
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
