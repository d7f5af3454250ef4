//! The binary `sluice`: Slack in and out, configuration, wiring, background tasks, health. Who may do what, and what
//! doing it means, is in `sluice-commands`; this crate has no rules of its own.

mod cli;
mod config;
mod exit;
mod health;
mod ingress;
mod logging;
mod manifest;
mod metrics;
mod notify;
mod render;
mod slack;
mod tasks;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use sluice_commands::grammar::Names;

use cli::{Cli, Verb};
use config::Problem;
use exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Verb::Manifest { prefix, only_umbrella, url } => print_manifest(prefix, only_umbrella, &url),
        _ => Exit::Failed,
    }
    .into()
}

fn print_manifest(prefix: String, only_umbrella: bool, url: &str) -> Exit {
    let mut problems = Vec::new();
    if !manifest::is_prefix(&prefix) {
        problems.push(Problem { name: "--prefix".into(), what: manifest::PREFIX_RULE.into() });
    }
    let url = manifest::request_url(url);
    if url.is_none() {
        problems.push(Problem {
            name: "--url".into(),
            what: "is no URL, as in `https://sluice.example.com`".into(),
        });
    }
    match url.filter(|_| problems.is_empty()) {
        Some(url) => {
            say(&manifest::manifest(&Names { prefix, only_umbrella }, &url));
            Exit::Done
        }
        None => complain(&problems),
    }
}

/// Tells every problem of the configuration at once.
fn complain(problems: &[Problem]) -> Exit {
    let mut told = String::from("sluice cannot start: its configuration is not right.\n");
    for problem in problems {
        told.push_str(&format!("  {problem}\n"));
    }
    warn(&told);
    Exit::BadConfiguration
}

/// To standard output; a closed pipe is no error of ours.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// To standard error.
fn warn(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
