//! `sluice manifest`: prints the manifest of the Slack app.

use sluice_grammar::Names;

use super::console::print;
use super::exit::Exit;
use crate::config::{PREFIX_RULE, Problem, is_prefix};
use crate::slack::manifest::{manifest, request_url};

pub(super) fn run(prefix: String, only_umbrella: bool, url: &str) -> Result<Exit, Vec<Problem>> {
    let mut problems = Vec::new();
    if !is_prefix(&prefix) {
        problems.push(Problem::new("--prefix", PREFIX_RULE));
    }
    match request_url(url) {
        Some(url) if problems.is_empty() => {
            print(&manifest(&Names { prefix, only_umbrella }, &url));
            return Ok(Exit::Done);
        }
        Some(_) => {}
        None => problems.push(Problem::new("--url", "is not a URL, as in `https://sluice.example.com`")),
    }
    Err(problems)
}
